import type { Millis } from '../base/machine.ts';
import { Coalescer } from '../events/coalesce.ts';
import type { ClusterEvent, QueryEvent } from '../events/event.ts';
import type { SerfConfig } from './config.ts';
import { INTERNAL_PREFIX } from './internal-queries.ts';

export interface PipelineParts {
  readonly config: Pick<
    SerfConfig,
    'coalescePeriodMs' | 'quiescentPeriodMs' | 'userCoalescePeriodMs' | 'userQuiescentPeriodMs'
  >;
  /** Sees every event first, internal queries included (serf.md 24 #54). */
  readonly tee: (now: Millis, event: ClusterEvent) => void;
  /** Answers the queries that applications never see. */
  readonly internal: (now: Millis, query: QueryEvent) => void;
  readonly publish: (event: ClusterEvent) => void;
}

/** The way of an event out of the machine: recorder, internal queries, coalescing, world (serf.md 15.1). */
export class EventPipeline {
  readonly #parts: PipelineParts;
  readonly #coalescer: Coalescer;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    const { config, publish } = parts;
    this.#coalescer = new Coalescer({
      memberPeriodMs: config.coalescePeriodMs,
      memberQuiescentMs: config.quiescentPeriodMs,
      userPeriodMs: config.userCoalescePeriodMs,
      userQuiescentMs: config.userQuiescentPeriodMs,
      sink: publish,
    });
  }

  accept(now: Millis, event: ClusterEvent): void {
    this.#parts.tee(now, event);
    if (event.type === 'query' && event.name.startsWith(INTERNAL_PREFIX)) this.#parts.internal(now, event);
    else this.#coalescer.accept(now, event);
  }

  tick(now: Millis): void {
    this.#coalescer.tick(now);
  }

  /** Lets out everything held: the node stops. */
  flush(now: Millis): void {
    this.#coalescer.flush(now);
  }

  nextDeadline(): Millis {
    return this.#coalescer.nextDeadline();
  }
}
