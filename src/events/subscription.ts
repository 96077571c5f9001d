import { Ring } from '../base/ring.ts';
import type { ClusterEvent } from './event.ts';
import { type EventFilter, matchesAny } from './filter.ts';

export interface SubscribeOptions {
  /** Events held for a slow reader, at least 1. */
  readonly capacity: number;
  /** Which event goes when the buffer is full. */
  readonly overflow: 'drop-oldest' | 'drop-newest';
  /** Told each event that had to go. Must not throw. */
  readonly onDrop?: ((event: ClusterEvent) => void) | undefined;
  /** Ends the subscription at once, discarding what is buffered. */
  readonly signal?: AbortSignal | undefined;
  /** Only events that match one of these; absent means all. */
  readonly filter?: readonly EventFilter[] | undefined;
}

type Result = IteratorResult<ClusterEvent, undefined>;

const DONE: Result = { done: true, value: undefined };

/**
 * One reader's bounded view of the bus, from the moment it was made. Buffered events are handed over before the reader
 * waits again; no promise stays pending once the subscription has ended.
 */
export class Subscription implements AsyncIterableIterator<ClusterEvent> {
  readonly #ring: Ring<ClusterEvent>;
  readonly #options: SubscribeOptions;
  readonly #onEnd: (subscription: Subscription) => void;
  readonly #abort = (): void => this.#end(true);
  #waiting: ((result: Result) => void)[] = [];
  #ended = false;
  #dropped = 0;

  /** @param onEnd called once, when nothing more will be offered */
  constructor(options: SubscribeOptions, onEnd: (subscription: Subscription) => void) {
    this.#options = options;
    this.#ring = new Ring(options.capacity);
    this.#onEnd = onEnd;
    if (options.signal?.aborted) this.#ended = true;
    else options.signal?.addEventListener('abort', this.#abort, { once: true });
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Events lost because the reader was slow. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Events waiting for the reader. */
  get buffered(): number {
    return this.#ring.size;
  }

  /** Gives one event to the reader, or to the buffer. */
  offer(event: ClusterEvent): void {
    if (this.#ended) return;
    if (this.#options.filter !== undefined && !matchesAny(this.#options.filter, event)) return;
    const reader = this.#waiting.shift();
    if (reader !== undefined) {
      reader({ done: false, value: event });
      return;
    }
    const full = this.#ring.size >= Math.max(1, this.#options.capacity);
    const lost = full && this.#options.overflow === 'drop-newest' ? event : this.#ring.push(event);
    if (lost === undefined) return;
    this.#dropped += 1;
    this.#options.onDrop?.(lost);
  }

  /** Ends after what is buffered: nothing new is taken. */
  close(): void {
    this.#end(false);
  }

  next(): Promise<Result> {
    const event = this.#ring.shift();
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    if (this.#ended) return Promise.resolve(DONE);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<Result> {
    this.#end(true);
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(discard: boolean): void {
    if (discard) while (this.#ring.size > 0) this.#ring.shift();
    if (this.#ended) return;
    this.#ended = true;
    this.#options.signal?.removeEventListener('abort', this.#abort);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const reader of waiting) reader(DONE);
    this.#onEnd(this);
  }
}
