import { NO_BYTES } from '../base/bytes.ts';
import type { Millis } from '../base/machine.ts';
import type { Audience, QueryTally } from './awaited.ts';
import type { QueryAnswer } from './effects.ts';
import { QueryFlag, type QueryResponseMessage } from './messages.ts';
import type { QueryUntil } from './query-params.ts';

/** Answers accepted beyond the members known when the query started, for those that join meanwhile. */
const CAPACITY_SLACK = 256;

/** Takes the answers to one query; `undefined` says that nothing more follows, and comes with the tally. */
export type AnswerSink = (now: Millis, answer: QueryAnswer | undefined, tally?: QueryTally) => void;

/** What became of one message of type 5. */
export type ResponseVerdict = 'delivered' | 'duplicate-ack' | 'duplicate-response' | 'unwanted-ack' | 'full';

/** Collects the acks and answers to one query of ours, each node once (serf.md 10.7). */
export class ResponseCollector {
  readonly id: number;
  /** What comes later is no answer. */
  readonly endsAt: Millis;
  readonly #wantsAcks: boolean;
  readonly #capacity: number;
  readonly #sink: AnswerSink;
  readonly #acks = new Set<string>();
  readonly #responses = new Set<string>();
  readonly #until: QueryUntil;
  readonly #audience: Audience | undefined;
  /** Those an early end still waits for; undefined when only the deadline ends the query. */
  readonly #missing: Set<string> | undefined;

  /** @param members how many members SWIM held for live when the query started */
  constructor(options: {
    readonly id: number;
    readonly endsAt: Millis;
    readonly wantsAcks: boolean;
    readonly members: number;
    readonly sink: AnswerSink;
    readonly until: QueryUntil;
    /** Whom the query is put to; undefined when that cannot be told, and then only the deadline ends it. */
    readonly audience: Audience | undefined;
  }) {
    this.id = options.id;
    this.endsAt = options.endsAt;
    this.#wantsAcks = options.wantsAcks;
    this.#capacity = options.members + CAPACITY_SLACK;
    this.#sink = options.sink;
    this.#until = options.until;
    this.#audience = options.audience;
    this.#missing =
      options.until === 'deadline' || options.audience === undefined
        ? undefined
        : new Set(options.audience.alive);
  }

  /** True when the asker wants no more than it has. */
  get isComplete(): boolean {
    return this.#missing?.size === 0;
  }

  /** A member is alive no longer: an early end does not wait for it, though its answer still counts. */
  ceased(name: string): void {
    this.#missing?.delete(name);
  }

  accept(now: Millis, message: QueryResponseMessage): ResponseVerdict {
    const { from } = message;
    if ((message.flags & QueryFlag.ack) !== 0) {
      if (!this.#wantsAcks) return 'unwanted-ack';
      if (this.#acks.has(from)) return 'duplicate-ack';
      if (this.#acks.size >= this.#capacity) return 'full';
      this.#acks.add(from);
      if (this.#until === 'acks') this.#missing?.delete(from);
      this.#sink(now, { type: 'ack', from, payload: null });
      return 'delivered';
    }
    if (this.#responses.has(from)) return 'duplicate-response';
    if (this.#responses.size >= this.#capacity) return 'full';
    this.#responses.add(from);
    this.#missing?.delete(from);
    this.#sink(now, { type: 'response', from, payload: message.payload ?? NO_BYTES });
    return 'delivered';
  }

  /** Ends the stream of answers. */
  close(now: Millis): void {
    this.#sink(now, undefined, this.#tally());
  }

  #tally(): QueryTally {
    const { alive = [], absent = [] } = this.#audience ?? {};
    const silent = [...alive, ...absent].filter(
      (name) => !this.#acks.has(name) && !this.#responses.has(name),
    );
    return {
      answered: [...this.#responses].sort(),
      acknowledged: [...this.#acks].filter((name) => !this.#responses.has(name)).sort(),
      silent: silent.sort(),
    };
  }
}
