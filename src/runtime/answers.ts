import { NO_BYTES } from '../base/bytes.ts';
import type { QueryTally } from '../serf/awaited.ts';
import type { QueryAnswer } from '../serf/effects.ts';

/** What one member said to a query. */
export type QueryReply =
  | { readonly type: 'ack'; readonly from: string }
  | { readonly type: 'response'; readonly from: string; readonly payload: Uint8Array };

type Result = IteratorResult<QueryReply, undefined>;

const DONE: Result = { done: true, value: undefined };

/**
 * The acks and responses to one query, as they come; it ends at the query's deadline or when the node stops. What
 * waits for a slow reader is bounded by the query itself: each member counts once for each kind.
 */
export class AnswerStream implements AsyncIterableIterator<QueryReply> {
  #buffer: QueryReply[] = [];
  #waiting: ((result: Result) => void)[] = [];
  #ended = false;
  #tally: QueryTally | undefined;

  /** Who answered, who only acknowledged and who did neither; known once the query is over. */
  get tally(): QueryTally | undefined {
    return this.#tally;
  }

  /** Hands an answer to the reader, or keeps it; ignored once ended. */
  push({ type, from, payload }: QueryAnswer): void {
    if (this.#ended) return;
    const reply: QueryReply = type === 'ack' ? { type, from } : { type, from, payload: payload ?? NO_BYTES };
    const reader = this.#waiting.shift();
    if (reader === undefined) this.#buffer.push(reply);
    else reader({ done: false, value: reply });
  }

  /** Ends after what is buffered; without a tally when the node broke. */
  end(tally?: QueryTally): void {
    this.#tally ??= tally;
    this.#ended = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const reader of waiting) reader(DONE);
  }

  next(): Promise<Result> {
    const answer = this.#buffer.shift();
    if (answer !== undefined) return Promise.resolve({ done: false, value: answer });
    if (this.#ended) return Promise.resolve(DONE);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The reader has heard enough; the query itself goes on. */
  return(): Promise<Result> {
    this.#buffer = [];
    this.end();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
