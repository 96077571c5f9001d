import { ipText } from '../base/address.ts';
import { CodedError } from '../base/errors.ts';
import type { Address } from '../base/machine.ts';
import type { Random } from '../base/random.ts';
import type { SerfMember, SerfMemberView } from './members.ts';
import {
  encodeRelay,
  QueryFlag,
  type QueryMessage,
  type QueryResponseMessage,
  queryResponseCodec,
} from './messages.ts';
import type { SendUser } from './swim-port.ts';

/** memberlist's highest protocol from which on a member understands relay messages (serf.md 4.3). */
const RELAY_PROTOCOL = 5;
/** Random draws per member before settling for fewer relays than asked for. */
const DRAWS_PER_MEMBER = 3;

/** Where a peer's bytes say to send, or undefined when they name no place. */
export function addressOfBytes(addr: Uint8Array, port: number): Address | undefined {
  const ip = ipText(addr);
  return ip === undefined || port < 1 || port > 0xffff ? undefined : { ip, port };
}

export interface QueryReplyParts {
  readonly self: string;
  /** Limit on a whole encoded response, in bytes. */
  readonly sizeLimit: number;
  readonly members: SerfMemberView;
  readonly random: Random;
  readonly sendUser: SendUser;
}

/** Sends acks and answers to whoever asked, directly and through relays (serf.md 10.5, 10.6). */
export class QueryReplies {
  readonly #parts: QueryReplyParts;

  constructor(parts: QueryReplyParts) {
    this.#parts = parts;
  }

  /** True when an answer with this payload stays within the limit. */
  fits(query: QueryMessage, payload: Uint8Array): boolean {
    return queryResponseCodec.encode(this.#answer(query, payload)).length <= this.#parts.sizeLimit;
  }

  /** Says that the query arrived. Throws a CodedError when its address is unusable or the relay copy too big. */
  ack(query: QueryMessage): void {
    const response = { ...this.#answer(query, null), flags: QueryFlag.ack };
    this.#send(query, queryResponseCodec.encode(response));
  }

  /**
   * Answers the query. Throws a CodedError with Serf's text: too big, nowhere to send, or relay copy too big, when the
   * direct answer is on its way all the same.
   */
  answer(query: QueryMessage, payload: Uint8Array): void {
    this.#send(query, queryResponseCodec.encode(this.#answer(query, payload)));
  }

  #answer(query: QueryMessage, payload: Uint8Array | null): QueryResponseMessage {
    // Empty is nil on the wire, as agents that cannot tell them apart send it.
    const content = payload === null || payload.length === 0 ? null : payload;
    return { ltime: query.ltime, id: query.id, from: this.#parts.self, flags: 0, payload: content };
  }

  #send(query: QueryMessage, encoded: Uint8Array): void {
    const to = addressOfBytes(query.addr, query.port);
    if (to === undefined) {
      throw new CodedError('ERR_QUERY_ADDRESS', `query ${query.name} names no address to answer to`);
    }
    this.#parts.sendUser(to, encoded, query.sourceNode);
    this.#relay(query, encoded);
  }

  #relay(query: QueryMessage, encoded: Uint8Array): void {
    const { relayFactor } = query;
    const { members, sizeLimit, sendUser } = this.#parts;
    if (relayFactor === 0 || members.size < relayFactor + 1) return;
    const dest = { ip: query.addr, port: query.port, zone: '' };
    const relayed = encodeRelay({ dest, destName: query.sourceNode }, encoded);
    if (relayed.length > sizeLimit) {
      throw new CodedError('ERR_RESPONSE_SIZE', `relayed response exceeds limit of ${sizeLimit} bytes`);
    }
    for (const relay of this.#pickRelays(relayFactor)) sendUser(relay.facts.address, relayed, relay.name);
  }

  #pickRelays(count: number): SerfMember[] {
    const all = [...this.#parts.members.values()];
    const picked: SerfMember[] = [];
    for (let draw = 0; draw < DRAWS_PER_MEMBER * all.length && picked.length < count; draw += 1) {
      const member = all[this.#parts.random.below(all.length)] as SerfMember;
      if (this.#canRelay(member) && !picked.includes(member)) picked.push(member);
    }
    return picked;
  }

  #canRelay(member: SerfMember): boolean {
    const protocolMax = member.facts.vsn[1] ?? 0;
    return member.status === 'alive' && protocolMax >= RELAY_PROTOCOL && member.name !== this.#parts.self;
  }
}
