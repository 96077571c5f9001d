import { Ring } from '../base/ring.ts';
import type { ClusterEvent } from '../events/event.ts';
import type { HandlerRun } from './context.ts';
import type { HandlerSpec } from './spec.ts';

/** One handler's counts since it was configured; `queued` and `running` are the present. */
export interface HandlerStats {
  readonly handler: string;
  readonly queued: number;
  readonly running: boolean;
  readonly runs: number;
  readonly failures: number;
  readonly dropped: number;
}

export interface HandlerQueueOptions {
  readonly spec: HandlerSpec;
  readonly length: number;
  /** Starts the handler on one event; must not throw. */
  readonly start: (spec: HandlerSpec, event: ClusterEvent) => HandlerRun;
  readonly warn: (text: string) => void;
}

/** One handler's events: in order, one at a time, the oldest dropped when it falls too far behind. */
export class HandlerQueue {
  readonly spec: HandlerSpec;
  readonly #options: HandlerQueueOptions;
  #waiting: Ring<ClusterEvent>;
  #run: HandlerRun | undefined;
  #draining: Promise<void> | undefined;
  #runs = 0;
  #failures = 0;
  #dropped = 0;
  #droppedNow = 0;

  constructor(options: HandlerQueueOptions) {
    this.spec = options.spec;
    this.#options = options;
    this.#waiting = new Ring(options.length);
  }

  get stats(): HandlerStats {
    return {
      handler: this.spec.text,
      queued: this.#waiting.size,
      running: this.#run !== undefined,
      runs: this.#runs,
      failures: this.#failures,
      dropped: this.#dropped,
    };
  }

  push(event: ClusterEvent): void {
    if (this.#waiting.push(event) !== undefined) {
      if (this.#droppedNow === 0) {
        const { length } = this.#options;
        this.#options.warn(`Handler '${this.spec.text}' is ${length} events behind, dropping the oldest`);
      }
      this.#dropped += 1;
      this.#droppedNow += 1;
    }
    this.#draining ??= this.#drain();
  }

  /** Resolves when nothing runs or waits. */
  idle(): Promise<void> {
    return this.#draining ?? Promise.resolve();
  }

  /** Forgets the events that wait, without touching the run that is under way. */
  clear(): void {
    const lost = this.#waiting.size;
    if (lost === 0) return;
    this.#waiting = new Ring(this.#options.length);
    this.#dropped += lost;
    this.#options.warn(`${lost} waiting events of handler '${this.spec.text}' dropped`);
  }

  /** Ends the run that is under way. */
  stop(graceMs: number): void {
    this.#run?.stop(graceMs);
  }

  async #drain(): Promise<void> {
    for (let event = this.#waiting.shift(); event !== undefined; event = this.#waiting.shift()) {
      this.#run = this.#options.start(this.spec, event);
      const outcome = await this.#run.done;
      this.#runs += 1;
      if (outcome === 'failed') this.#failures += 1;
    }
    this.#run = undefined;
    this.#draining = undefined;
    if (this.#droppedNow > 0) {
      this.#options.warn(`Handler '${this.spec.text}' caught up, ${this.#droppedNow} events were dropped`);
      this.#droppedNow = 0;
    }
  }
}
