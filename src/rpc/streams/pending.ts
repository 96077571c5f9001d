import { Deadlines } from '../../base/deadlines.ts';
import type { Millis } from '../../base/machine.ts';

/** Queries one connection may answer at a time; the earliest deadline goes first when a flood comes. */
const MAX_PENDING_QUERIES = 4096;

/**
 * The ids under which one connection knows queries: counting from 1, one per delivered copy, gone at the query's
 * deadline (agent.md 4.1, 4.4). Expired ones are removed whenever a new one comes, so no timer is needed.
 */
export class PendingQueries {
  readonly #now: () => Millis;
  readonly #deadlines = new Deadlines<number>();
  readonly #queries = new Map<number, number>();
  #last = 0;

  /** @param now a monotonic clock */
  constructor(now: () => Millis) {
    this.#now = now;
  }

  get size(): number {
    return this.#queries.size;
  }

  /** Gives the query `queryId` a new id on this connection. */
  register(queryId: number, timeoutMs: number): number {
    this.#expire();
    if (this.#queries.size >= MAX_PENDING_QUERIES) this.#removeEarliest();
    this.#last += 1;
    this.#queries.set(this.#last, queryId);
    this.#deadlines.set(String(this.#last), this.#now() + timeoutMs, this.#last);
    return this.#last;
  }

  /** The backend's id, or undefined when there is none of that id any more. */
  find(id: bigint): number | undefined {
    this.#expire();
    return this.#queries.get(Number(id));
  }

  #expire(): void {
    const now = this.#now();
    for (let id = this.#deadlines.take(now); id !== undefined; id = this.#deadlines.take(now)) {
      this.#queries.delete(id);
    }
  }

  #removeEarliest(): void {
    const id = this.#deadlines.take(Number.POSITIVE_INFINITY);
    if (id !== undefined) this.#queries.delete(id);
  }
}
