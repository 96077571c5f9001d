import { NO_BYTES } from '../base/bytes.ts';
import type { Millis } from '../base/machine.ts';
import type { QueryAnswer } from './effects.ts';
import { QueryFlag, type QueryResponseMessage } from './messages.ts';

/** Answers accepted beyond the members known when the query started, for those that join meanwhile. */
const CAPACITY_SLACK = 256;

/** Takes the answers to one query; `undefined` says that nothing more follows. */
export type AnswerSink = (now: Millis, answer: QueryAnswer | undefined) => void;

/** What became of one message of type 5. */
export type ResponseVerdict = 'delivered' | 'duplicate-ack' | 'duplicate-response' | 'unwanted-ack' | 'full';

/** Collects the acks and answers to one query of ours, each node once (serf.md 10.7). */
export class ResponseCollector {
  readonly id: number;
  readonly #wantsAcks: boolean;
  readonly #capacity: number;
  readonly #sink: AnswerSink;
  readonly #acks = new Set<string>();
  readonly #responses = new Set<string>();

  /** @param members how many members SWIM held for live when the query started */
  constructor(options: {
    readonly id: number;
    readonly wantsAcks: boolean;
    readonly members: number;
    readonly sink: AnswerSink;
  }) {
    this.id = options.id;
    this.#wantsAcks = options.wantsAcks;
    this.#capacity = options.members + CAPACITY_SLACK;
    this.#sink = options.sink;
  }

  accept(now: Millis, message: QueryResponseMessage): ResponseVerdict {
    const { from } = message;
    if ((message.flags & QueryFlag.ack) !== 0) {
      if (!this.#wantsAcks) return 'unwanted-ack';
      if (this.#acks.has(from)) return 'duplicate-ack';
      if (this.#acks.size >= this.#capacity) return 'full';
      this.#acks.add(from);
      this.#sink(now, { type: 'ack', from, payload: null });
      return 'delivered';
    }
    if (this.#responses.has(from)) return 'duplicate-response';
    if (this.#responses.size >= this.#capacity) return 'full';
    this.#responses.add(from);
    this.#sink(now, { type: 'response', from, payload: message.payload ?? NO_BYTES });
    return 'delivered';
  }

  /** Ends the stream of answers. */
  close(now: Millis): void {
    this.#sink(now, undefined);
  }
}
