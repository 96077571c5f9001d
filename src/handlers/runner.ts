import { messageOf } from '../base/errors.ts';
import type { ClusterEvent } from '../events/event.ts';
import { matches } from '../events/filter.ts';
import { ChannelPool } from './channels.ts';
import {
  DEFAULT_HANDLER_LIMITS,
  type HandlerContext,
  type HandlerLimits,
  type HandlerRun,
} from './context.ts';
import { runModuleHandler } from './module.ts';
import { HandlerQueue, type HandlerStats } from './queue.ts';
import { runScriptHandler } from './script-handler.ts';
import type { HandlerSpec } from './spec.ts';

export interface HandlerRunnerOptions {
  readonly handlers: readonly HandlerSpec[];
  readonly context: HandlerContext;
  readonly limits?: Partial<HandlerLimits> | undefined;
}

/**
 * Hands events to handlers. Each handler has a bounded queue of its own and takes its events in order, one at a time;
 * different handlers run at the same time, so a hung one delays nobody. Dispatching never waits and never throws.
 */
export class HandlerRunner {
  readonly #context: HandlerContext;
  readonly #limits: HandlerLimits;
  readonly #pool: ChannelPool;
  #queues: readonly HandlerQueue[] = [];
  /** Handlers that a reload removed, until their last run is over. */
  readonly #retired = new Set<HandlerQueue>();
  #stopped: Promise<void> | undefined;

  constructor(options: HandlerRunnerOptions) {
    this.#context = options.context;
    this.#limits = { ...DEFAULT_HANDLER_LIMITS, ...options.limits };
    this.#pool = new ChannelPool((reason) => {
      this.#context.log(
        'WARN',
        `Handlers get sockets for pipes, /dev/stdin cannot be opened in them: ${reason}`,
      );
    });
    this.replace(options.handlers);
  }

  /** In configuration order. */
  get stats(): readonly HandlerStats[] {
    return this.#queues.map((queue) => queue.stats);
  }

  /** Queues the event at every handler it matches, once per matching filter entry. Ignored after `stop`. */
  dispatch(event: ClusterEvent): void {
    if (this.#stopped !== undefined) return;
    for (const queue of this.#queues) {
      for (const filter of queue.spec.filters) if (matches(filter, event)) queue.push(event);
    }
  }

  /**
   * Swaps the set of handlers. One that is in both sets keeps its queue and its run; a removed one finishes the run
   * that is under way and loses what waited.
   */
  replace(handlers: readonly HandlerSpec[]): void {
    if (this.#stopped !== undefined) return;
    const kept = [...this.#queues];
    this.#queues = handlers.map((spec) => {
      const at = kept.findIndex((queue) => queue.spec.text === spec.text);
      return at < 0 ? this.#newQueue(spec) : (kept.splice(at, 1)[0] as HandlerQueue);
    });
    for (const queue of kept) this.#retire(queue);
  }

  /**
   * Takes no more events, lets the handlers work off what they have for `stopWaitMs`, then ends what still runs (TERM
   * and, after the grace, KILL). Resolves when nothing runs any more; calling it again waits for the same end.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop([...this.#queues, ...this.#retired]);
    return this.#stopped;
  }

  /** Ends what runs at once: TERM and, half a second later, KILL. What waits is dropped. Also during a `stop`. */
  async abort(): Promise<void> {
    const stopped = this.stop();
    endAll([...this.#queues, ...this.#retired], this.#limits.abortGraceMs);
    await stopped;
  }

  async #stop(queues: readonly HandlerQueue[]): Promise<void> {
    const idle = Promise.all(queues.map((queue) => queue.idle()));
    const { stopWaitMs, termGraceMs } = this.#limits;
    const timer = setTimeout(() => endAll(queues, termGraceMs), stopWaitMs);
    await idle;
    clearTimeout(timer);
    this.#pool.close();
  }

  #retire(queue: HandlerQueue): void {
    queue.clear();
    this.#retired.add(queue);
    void queue.idle().then(() => this.#retired.delete(queue));
  }

  #newQueue(spec: HandlerSpec): HandlerQueue {
    return new HandlerQueue({
      spec,
      length: this.#limits.queueLength,
      start: (_spec, event) => this.#start(spec, event),
      warn: (text) => this.#context.log('WARN', text),
    });
  }

  #start(spec: HandlerSpec, event: ClusterEvent): HandlerRun {
    const common = { event, context: this.#context, limits: this.#limits };
    try {
      return spec.kind === 'module'
        ? runModuleHandler({ ...common, path: spec.command })
        : runScriptHandler({ ...common, script: spec.command, pool: this.#pool });
    } catch (error) {
      this.#context.log('ERR', `Error invoking '${spec.command}': ${messageOf(error)}`);
      return { done: Promise.resolve('failed'), stop() {} };
    }
  }
}

function endAll(queues: readonly HandlerQueue[], graceMs: number): void {
  for (const queue of queues) {
    queue.clear();
    queue.stop(graceMs);
  }
}
