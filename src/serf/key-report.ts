import { messageOf, WireError } from '../base/errors.ts';
import type { Trace } from '../base/trace.ts';
import { type KeyResponseMessage, keyResponseCodec, SerfType } from './messages.ts';

/** What a key operation found out about the cluster (serf.md 12). */
export interface KeyReport {
  /** Members SWIM held for live when the question went out. */
  readonly numNodes: number;
  readonly numResp: number;
  readonly numErr: number;
  /** What members had to say, by name; an error need not have a text. */
  readonly messages: ReadonlyMap<string, string>;
  /** Base64 keys and how many members listed each; only a listing has any. */
  readonly keys: ReadonlyMap<string, number>;
  /** Base64 primary keys and how many members encrypt with each; answers to changes name the empty one. */
  readonly primaryKeys: ReadonlyMap<string, number>;
  /** Why the operation failed; absent when every member confirmed it. */
  readonly error?: string;
}

/** The report of an operation that asked nobody. */
export function unasked(error: string): KeyReport {
  const none = new Map<string, never>();
  return { numNodes: 0, numResp: 0, numErr: 0, messages: none, keys: none, primaryKeys: none, error };
}

/** Counts the answers to one key query. */
export class KeyTally {
  readonly #trace: Trace | undefined;
  readonly #messages = new Map<string, string>();
  readonly #keys = new Map<string, number>();
  readonly #primaryKeys = new Map<string, number>();
  readonly #answers = new Map<string, KeyResponseMessage>();
  #numResp = 0;
  #numErr = 0;

  constructor(trace: Trace | undefined) {
    this.#trace = trace;
  }

  get numResp(): number {
    return this.#numResp;
  }

  /** The answers that could be read, by member. */
  get answers(): ReadonlyMap<string, KeyResponseMessage> {
    return this.#answers;
  }

  accept(from: string, payload: Uint8Array | null): void {
    this.#numResp += 1;
    const answer = this.#decode(from, payload);
    if (answer === undefined) return;
    this.#answers.set(from, answer);
    if (!answer.result) this.#fail(from, answer.message);
    else if (answer.message !== '') this.#warn(from, answer.message);
    for (const key of answer.keys) countUp(this.#keys, key);
    countUp(this.#primaryKeys, answer.primaryKey);
  }

  /** The outcome for a cluster of `numNodes`; without `error`, Serf's own verdict is given. */
  report(numNodes: number, error = this.#verdict(numNodes)): KeyReport {
    const report = {
      numNodes,
      numResp: this.#numResp,
      numErr: this.#numErr,
      messages: this.#messages,
      keys: this.#keys,
      primaryKeys: this.#primaryKeys,
    };
    return error === undefined ? report : { ...report, error };
  }

  #verdict(numNodes: number): string | undefined {
    if (this.#numErr > 0) return `${this.#numErr}/${numNodes} nodes reported failure`;
    if (this.#numResp !== numNodes) return `${this.#numResp}/${numNodes} nodes reported success`;
    return undefined;
  }

  #decode(from: string, payload: Uint8Array | null): KeyResponseMessage | undefined {
    const shown = `[${payload?.join(' ') ?? ''}]`;
    if (payload?.[0] !== SerfType.keyResponse) {
      this.#fail(from, `Invalid key query response type: ${shown}`);
      return undefined;
    }
    try {
      return keyResponseCodec.decode(payload);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#fail(from, `Failed to decode key query response: ${shown}`);
      this.#note('DEBUG', 'undecodable key response', `undecodable key response: ${messageOf(error)}`);
      return undefined;
    }
  }

  #fail(from: string, message: string): void {
    this.#numErr += 1;
    this.#messages.set(from, message);
  }

  #warn(from: string, message: string): void {
    this.#messages.set(from, message);
    this.#note('WARN', 'a member warns in its answer to a key query', message);
  }

  #note(level: 'WARN' | 'DEBUG', message: string, text: string): void {
    this.#trace?.note({ level, source: 'serf', message, text });
  }
}

function countUp(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
