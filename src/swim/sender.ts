import { copyBytes } from '../base/bytes.ts';
import type { Counters, Tally } from '../base/counters.ts';
import type { Address, NetworkEffects } from '../base/machine.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import { encodeCompound, MAX_COMPOUND_PARTS } from '../wire/compound.ts';
import { type EnvelopeConfig, packetOverhead, sealPacket } from '../wire/envelope.ts';
import type { BroadcastQueue } from './broadcasts.ts';
import type { SwimConfig } from './config.ts';
import type { SwimDelegate } from './delegate.ts';
import type { MemberTable } from './members.ts';
import { Packer } from './packer.ts';
import { retransmitLimit } from './scaling.ts';
import { FEATURE, protocolMax } from './versions.ts';

/** Bytes of a compound's own header: type and count (memberlist.md 1.5). */
const COMPOUND_HEADER = 2;

export interface SenderParts {
  readonly config: SwimConfig;
  readonly envelope: EnvelopeConfig;
  readonly members: MemberTable;
  readonly queue: BroadcastQueue;
  readonly delegate: SwimDelegate;
  readonly effects: NetworkEffects;
  readonly random: Random;
  readonly counters: Counters;
}

/** Packs, seals and sends datagrams (memberlist.md 1.10, 4.8). */
export class Sender {
  readonly #config: SwimConfig;
  readonly #envelope: EnvelopeConfig;
  readonly #members: MemberTable;
  readonly #queue: BroadcastQueue;
  readonly #delegate: SwimDelegate;
  readonly #effects: NetworkEffects;
  readonly #random: Random;
  readonly #sent: Tally;
  readonly #bytesSent: Tally;
  readonly #metrics: Metrics | undefined;

  constructor(parts: SenderParts) {
    this.#config = parts.config;
    this.#envelope = parts.envelope;
    this.#members = parts.members;
    this.#queue = parts.queue;
    this.#delegate = parts.delegate;
    this.#effects = parts.effects;
    this.#random = parts.random;
    this.#sent = parts.counters.tally('datagrams-sent');
    this.#bytesSent = parts.counters.tally('datagram-bytes-sent');
    this.#metrics = parts.counters.metrics;
  }

  /**
   * Sends one message alone, which is given away. `peerMax` is the destination's protocol maximum where the destination
   * is known, and decides whether a checksum goes along (memberlist.md 1.7).
   */
  send(to: Address, message: Uint8Array, peerMax: number = this.#maxOf(to)): void {
    const crc = peerMax >= FEATURE.crc;
    const bytes = sealPacket(message, this.#envelope, { crc, owned: true }, this.#random);
    this.#sent.add();
    this.#bytesSent.add(bytes.length);
    this.#metrics?.count('memberlist.udp.sent', bytes.length);
    this.#effects.sendDatagram(to, bytes);
  }

  /** Sends a message, which is given away, and as many waiting broadcasts as fit beside it. */
  sendWithBroadcasts(to: Address, message: Uint8Array): void {
    if (!this.hasBroadcasts) {
      this.send(to, message);
      return;
    }
    const budget =
      this.#config.udpBufferSize -
      message.length -
      COMPOUND_HEADER -
      packetOverhead(this.#envelope, 'sealed');
    const parts = this.#pack(budget, MAX_COMPOUND_PARTS - 1);
    this.send(to, parts.length === 0 ? message : encodeCompound([message, ...parts]));
  }

  /** Sends messages together, nothing else with them. */
  sendTogether(to: Address, messages: readonly Uint8Array[], peerMax?: number): void {
    this.send(to, encodeCompound(messages), peerMax);
  }

  /** True when messages wait to be gossiped. */
  get hasBroadcasts(): boolean {
    return this.#queue.size > 0 || this.#delegate.hasBroadcasts();
  }

  /** One gossip datagram for one target; false when nothing waits. */
  gossip(to: Address, peerMax: number): boolean {
    const budget = this.#config.udpBufferSize - COMPOUND_HEADER - packetOverhead(this.#envelope, 'any-key');
    const parts = this.#pack(budget, MAX_COMPOUND_PARTS);
    const [first] = parts;
    if (first === undefined) return false;
    // What is queued is sent again, and others may hold it too.
    this.send(to, parts.length === 1 ? copyBytes(first) : encodeCompound(parts), peerMax);
    return true;
  }

  #pack(budget: number, maxParts: number): readonly Uint8Array[] {
    const packer = new Packer(budget, maxParts);
    this.#queue.fill(packer, retransmitLimit(this.#config.retransmitMult, this.#members.size), 'message');
    if (packer.freeForUser > 0) this.#delegate.contribute(packer);
    return packer.parts;
  }

  /** A destination counts as known only if a member bears its address as name, as in memberlist. */
  #maxOf(to: Address): number {
    if (!this.#members.hasAddressNames) return 0;
    const member = this.#members.get(to.ip);
    return member === undefined ? 0 : protocolMax(member.facts.vsn);
  }
}
