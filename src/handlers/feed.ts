import { Ring } from '../base/ring.ts';
import type { ClusterEvent } from '../events/event.ts';
import { eventJson } from './recorded-event.ts';
import type { OverflowRule, SupervisedSpec } from './supervised.ts';

/** Queries that a process may still answer; older ones are past their deadline anyway. */
const MAX_OPEN_QUERIES = 1_024;

export interface FeedOptions {
  readonly limit: number;
  readonly overflow: OverflowRule;
  /** Events that may be unacknowledged; undefined: a line written is delivered. */
  readonly window: number | undefined;
  /** Times an unacknowledged event is sent; 0 without end. */
  readonly attempts: number;
}

/** What a handler's configuration says about its feed. */
export function feedOptions({ queue, acknowledge, inFlight, retry }: SupervisedSpec): FeedOptions {
  return {
    ...queue,
    window: acknowledge ? inFlight : undefined,
    attempts: acknowledge ? retry.attempts : 0,
  };
}

interface Sent {
  readonly id: number;
  readonly event: ClusterEvent;
  readonly attempt: number;
}

/**
 * The events of one persistent handler on their way to its process: waiting in a bounded queue, sent as JSON lines, and
 * where acknowledgements are wanted, kept until they come. Ids count up from 1 and are never used again; what is sent
 * again after a restart keeps its id and comes first, in order.
 */
export class Feed {
  readonly #options: FeedOptions;
  readonly #waiting: Ring<ClusterEvent>;
  #again: Sent[] = [];
  readonly #inFlight = new Map<number, Sent>();
  readonly #queries = new Map<number, number>();
  #lastId = 0;
  #delivered = 0;
  #dropped = 0;
  #givenUp = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#waiting = new Ring(options.limit);
  }

  get queued(): number {
    return this.#waiting.size + this.#again.length;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Events acknowledged, or written where nobody acknowledges. */
  get delivered(): number {
    return this.#delivered;
  }

  /** Lost to a full queue. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Sent as often as allowed and never acknowledged. */
  get givenUp(): number {
    return this.#givenUp;
  }

  /** False when something had to go for it, or it had to go itself. */
  offer(event: ClusterEvent): boolean {
    if (this.#options.overflow === 'drop-newest' && this.#waiting.size >= this.#options.limit) {
      this.#dropped += 1;
      return false;
    }
    const lost = this.#waiting.push(event);
    if (lost !== undefined) this.#dropped += 1;
    return lost === undefined;
  }

  /** The next line to write, with its newline; undefined when nothing waits or too much is unacknowledged. */
  next(): string | undefined {
    const { window } = this.#options;
    if (window !== undefined && this.#inFlight.size >= window) return undefined;
    const sent = this.#again.shift() ?? this.#fresh();
    if (sent === undefined) return undefined;
    if (window === undefined) this.#delivered += 1;
    else this.#inFlight.set(sent.id, sent);
    if (sent.event.type === 'query') this.#noteQuery(sent.id, sent.event.id);
    const again = sent.attempt === 1 ? {} : { attempt: sent.attempt };
    return `${JSON.stringify({ id: sent.id, ...eventJson(sent.event), ...again })}\n`;
  }

  /** The process has dealt with an event. False when it was not waited for. */
  acknowledge(id: number): boolean {
    if (!this.#inFlight.delete(id)) return false;
    this.#delivered += 1;
    return true;
  }

  /** The handle of the query that was sent under this id, once. */
  takeQuery(id: number): number | undefined {
    const handle = this.#queries.get(id);
    this.#queries.delete(id);
    return handle;
  }

  /** The process is gone: what it did not acknowledge is sent again, unless that was tried often enough. */
  restarted(): void {
    const { attempts } = this.#options;
    const again: Sent[] = [];
    for (const sent of this.#inFlight.values()) {
      if (attempts > 0 && sent.attempt >= attempts) this.#givenUp += 1;
      else again.push({ ...sent, attempt: sent.attempt + 1 });
    }
    this.#inFlight.clear();
    this.#again = [...again, ...this.#again].sort((a, b) => a.id - b.id);
  }

  /** Forgets what waits; returns how many events that were. */
  clear(): number {
    const lost = this.queued;
    while (this.#waiting.size > 0) this.#waiting.shift();
    this.#again = [];
    this.#dropped += lost;
    return lost;
  }

  #fresh(): Sent | undefined {
    const event = this.#waiting.shift();
    if (event === undefined) return undefined;
    this.#lastId += 1;
    return { id: this.#lastId, event, attempt: 1 };
  }

  #noteQuery(id: number, handle: number): void {
    this.#queries.set(id, handle);
    if (this.#queries.size <= MAX_OPEN_QUERIES) return;
    const [oldest] = this.#queries.keys();
    if (oldest !== undefined) this.#queries.delete(oldest);
  }
}
