import { hostPort, sameIp } from '../base/address.ts';
import { bytesOfText } from '../base/bytes.ts';
import { CodedError, messageOf, WireError } from '../base/errors.ts';
import type { Address, Millis } from '../base/machine.ts';
import type { Trace, TraceLevel } from '../base/trace.ts';
import type { MemberFacts } from '../swim/delegate.ts';
import { InternalQuery } from './internal-queries.ts';
import { type ConflictMember, conflictCodec, SerfType } from './messages.ts';
import type { NameClaims } from './name-claims.ts';
import { plainQuery, type QueryParams } from './query-params.ts';
import type { AnswerSink } from './responses.ts';

/** Another member that uses our name; `votes` when the members decide who keeps it. */
export interface NameRival {
  readonly address: Address;
  readonly votes: boolean;
}

export interface NameConflictParts {
  /** Whether a conflict over our own name is put to a vote. */
  readonly resolve: boolean;
  readonly self: () => MemberFacts;
  readonly ask: (now: Millis, params: QueryParams, sink: AnswerSink) => void;
  /** The vote was lost: we must go. */
  readonly evict: (now: Millis, reason: string) => void;
  /** Takes who else uses names of others. */
  readonly claims: NameClaims;
  readonly trace: Trace | undefined;
}

/** Two addresses claim one name: the others vote on who keeps it (serf.md 13). One vote runs at a time. */
export class NameConflict {
  readonly #parts: NameConflictParts;
  #voting = false;
  #rival: NameRival | undefined;

  constructor(parts: NameConflictParts) {
    this.#parts = parts;
  }

  /** Who was last seen under our own name since `forgetRival`; undefined for nobody, and once a vote is won. */
  get rival(): NameRival | undefined {
    return this.#rival;
  }

  forgetRival(): void {
    this.#rival = undefined;
  }

  /** SWIM kept `existing` and saw `other` claim its name. */
  noticed(now: Millis, existing: MemberFacts, other: MemberFacts): void {
    const { resolve } = this.#parts;
    const claimant = hostPort(other.address);
    if (existing.name !== this.#parts.self().name) {
      this.#parts.claims.add(now, existing.name, other.address);
      const text = `Name conflict for '${existing.name}' both ${hostPort(existing.address)} and ${claimant} are claiming`;
      this.#log('WARN', 'Name conflict', text);
      return;
    }
    this.#rival = { address: other.address, votes: resolve };
    const text = `Node name conflicts with another node at ${claimant}. Names must be unique! (Resolution enabled: ${resolve})`;
    this.#log('ERR', 'Node name conflicts with another node', text);
    if (resolve && !this.#voting) this.#vote(now);
  }

  #vote(now: Millis): void {
    let responses = 0;
    let matching = 0;
    const params = plainQuery(InternalQuery.conflict, bytesOfText(this.#parts.self().name));
    this.#voting = true;
    try {
      this.#parts.ask(now, params, (at, answer) => {
        if (answer === undefined) return this.#decide(at, matching, responses);
        const member = this.#ballot(answer.payload);
        if (member === undefined) return;
        responses += 1;
        if (member !== null && this.#isUs(member)) matching += 1;
      });
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#voting = false;
      const message = 'Failed to start name resolution query';
      this.#log('ERR', message, `${message}: ${error.message}`);
    }
  }

  /** Whom a voter knows under our name: null for nobody, undefined for an answer that does not count. */
  #ballot(payload: Uint8Array | null): ConflictMember | null | undefined {
    if (payload === null || payload[0] !== SerfType.conflictResponse) {
      const message = 'Invalid conflict query response type';
      this.#log('ERR', message, `${message}: [${payload?.join(' ') ?? ''}]`);
      return undefined;
    }
    try {
      return conflictCodec.decode(payload);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      const message = 'Failed to decode conflict query response';
      this.#log('ERR', message, `${message}: ${messageOf(error)}`);
      return undefined;
    }
  }

  #isUs(member: ConflictMember): boolean {
    const self = this.#parts.self();
    return member.port === self.port && sameIp(member.addr, self.addr);
  }

  /** A majority of those who answered must mean us; silence is a defeat. */
  #decide(now: Millis, matching: number, responses: number): void {
    this.#voting = false;
    const majority = Math.floor(responses / 2) + 1;
    const score = `[${matching} / ${responses}]`;
    if (matching >= majority) {
      this.forgetRival();
      const message = 'majority in name conflict resolution';
      this.#log('INFO', message, `${message} ${score}`);
      return;
    }
    const message = 'minority in name conflict resolution, quitting';
    this.#log('WARN', message, `${message} ${score}`);
    this.#parts.evict(now, `${message} ${score}`);
  }

  #log(level: TraceLevel, message: string, text: string): void {
    this.#parts.trace?.note({ level, source: 'serf', message, text });
  }
}
