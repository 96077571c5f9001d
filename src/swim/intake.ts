import { hostPort, ipBytes } from '../base/address.ts';
import type { Counters, Tally } from '../base/counters.ts';
import { WireError } from '../base/errors.ts';
import type { Address, Millis } from '../base/machine.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Trace } from '../base/trace.ts';
import { type EnvelopeConfig, openPacket } from '../wire/envelope.ts';
import { isContainer, unpackMessage } from '../wire/unpack.ts';
import { recognisedAlive } from './alive-message.ts';
import { type AliveClaim, factsOf } from './claims.ts';
import type { SwimConfig } from './config.ts';
import type { Contacts } from './contacts.ts';
import type { SwimDelegate } from './delegate.ts';
import type { MemberTable } from './members.ts';
import type { Membership } from './membership.ts';
import {
  decodeAlive,
  decodeDead,
  decodeIndirectPing,
  decodeNack,
  decodeSuspect,
  MessageType,
} from './messages.ts';
import { decodeAck } from './ping-codec.ts';
import type { PingResponder } from './pings.ts';
import type { Prober } from './prober.ts';

/** Parts of one datagram that may wait for its end, of either kind: memberlist's depth of either queue. */
export const HANDOFF_DEPTH = 1_024;

export interface IntakeParts {
  readonly config: SwimConfig;
  readonly envelope: EnvelopeConfig;
  readonly members: MemberTable;
  readonly membership: Membership;
  readonly pings: PingResponder;
  readonly prober: Prober;
  readonly contacts: Contacts;
  readonly delegate: SwimDelegate;
  readonly counters: Counters;
  readonly trace: Trace | undefined;
  readonly allows: (addr: Uint8Array) => boolean;
}

/** Opens datagrams and hands each message in them to the part it concerns (memberlist.md 1.10, 4.9). */
export class Intake {
  readonly #parts: IntakeParts;
  readonly #envelope: EnvelopeConfig;
  readonly #received: Tally;
  readonly #bytesReceived: Tally;
  readonly #metrics: Metrics | undefined;
  /** Parts of the datagram under way that wait for its end (memberlist.md 4.9). */
  readonly #alives: Uint8Array[] = [];
  readonly #others: Uint8Array[] = [];

  constructor(parts: IntakeParts) {
    const { config, envelope, members, membership, pings, prober } = parts;
    const { contacts, delegate, counters, trace, allows } = parts;
    this.#parts = {
      config,
      envelope,
      members,
      membership,
      pings,
      prober,
      contacts,
      delegate,
      counters,
      trace,
      allows,
    };
    this.#envelope = envelope;
    this.#received = counters.tally('datagrams-received');
    this.#bytesReceived = counters.tally('datagram-bytes-received');
    this.#metrics = counters.metrics;
  }

  datagram(now: Millis, from: Address, bytes: Uint8Array): void {
    this.#received.add();
    this.#bytesReceived.add(bytes.length);
    this.#metrics?.count('memberlist.udp.received', bytes.length);
    let message: Uint8Array;
    try {
      message = openPacket(bytes, this.#envelope);
    } catch (error) {
      this.#drop(from, error);
      return;
    }
    if (!isContainer(message)) {
      this.#part(now, from, message);
      return;
    }
    unpackMessage(message, {
      message: (part) => this.#sort(now, from, part),
      dropped: (error) => this.#drop(from, error),
    });
    this.#takeBackwards(now, from, this.#alives);
    this.#takeBackwards(now, from, this.#others);
  }

  /** What somebody waits for is answered at once; the rest is put aside. */
  #sort(now: Millis, from: Address, part: Uint8Array): void {
    const type = part[0];
    if (type === MessageType.alive) this.#put(this.#alives, part);
    else if (type === MessageType.suspect || type === MessageType.dead || type === MessageType.user)
      this.#put(this.#others, part);
    else this.#part(now, from, part);
  }

  #put(parts: Uint8Array[], part: Uint8Array): void {
    if (parts.length < HANDOFF_DEPTH) parts.push(part);
    else this.#parts.counters.add('drop:handoff-full');
  }

  /** Senders pack what is newest first, and memberlist takes what came last first: so events arrive as they were sent. */
  #takeBackwards(now: Millis, from: Address, parts: Uint8Array[]): void {
    for (let i = parts.length - 1; i >= 0; i -= 1) this.#part(now, from, parts[i] as Uint8Array);
    parts.length = 0;
  }

  #part(now: Millis, from: Address, message: Uint8Array): void {
    try {
      this.#message(now, from, message);
      this.#parts.members.heard(now);
    } catch (error) {
      this.#drop(from, error);
    }
  }

  #message(now: Millis, from: Address, message: Uint8Array): void {
    const { pings, prober, contacts, counters } = this.#parts;
    switch (message[0]) {
      case MessageType.ping:
        pings.ping(from, message);
        return;
      case MessageType.ack: {
        const { seqNo, payload } = decodeAck(message);
        const expected =
          pings.relayedAck(seqNo) || prober.ack(now, seqNo, payload) || contacts.ack(now, seqNo);
        if (!expected) counters.add('ack-unmatched');
        return;
      }
      default:
        this.#rarer(now, from, message[0], message.subarray(1));
    }
  }

  /** What a quiet cluster does not send. */
  #rarer(now: Millis, from: Address, type: number | undefined, body: Uint8Array): void {
    const { membership, pings, prober, delegate } = this.#parts;
    switch (type) {
      case MessageType.indirectPing:
        pings.indirectPing(now, from, decodeIndirectPing(body));
        return;
      case MessageType.nack:
        prober.nack(decodeNack(body).seqNo);
        return;
      case MessageType.alive:
        this.#alive(now, from, body);
        return;
      case MessageType.suspect: {
        const { node: name, incarnation, from: accuser } = decodeSuspect(body);
        membership.suspect(now, { name, incarnation, from: accuser });
        return;
      }
      case MessageType.dead: {
        const { node: name, incarnation, from: accuser } = decodeDead(body);
        membership.dead(now, { name, incarnation, from: accuser });
        return;
      }
      case MessageType.user:
        delegate.receive(now, body);
        return;
      default:
        throw new WireError('packet-type', `msg type (${type}) not supported`);
    }
  }

  #alive(now: Millis, from: Address, body: Uint8Array): void {
    const { config, membership, counters, allows } = this.#parts;
    const claim = this.#aliveClaim(body);
    if (config.cidrsAllowed.length > 0) {
      const source = ipBytes(from.ip);
      if (source === undefined || !allows(source) || !allows(claim.facts.addr)) {
        counters.add('drop:alive-outside-cidr');
        return;
      }
    }
    membership.alive(now, claim);
  }

  #aliveClaim(body: Uint8Array): AliveClaim {
    const { config } = this.#parts;
    // The first protocol has no ports: there, what the bytes say is not what they mean.
    const recognised = config.protocolVersion < 2 ? undefined : recognisedAlive(body);
    if (recognised !== undefined) return recognised;
    const alive = decodeAlive(body);
    return { facts: factsOf(alive, alive.node, config), incarnation: alive.incarnation, bootstrap: false };
  }

  #drop(from: Address, error: unknown): void {
    if (!(error instanceof WireError)) throw error;
    const { counters, trace } = this.#parts;
    counters.add(`drop:${error.code}`);
    trace?.note({
      level: 'DEBUG',
      source: 'memberlist',
      message: 'Dropped a packet',
      text: `Dropped a packet from=${hostPort(from)}: ${error.message}`,
      fields: { from: from.ip, code: error.code },
    });
  }
}
