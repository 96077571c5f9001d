import type { Counters } from '../base/counters.ts';
import type { Address, NetworkEffects } from '../base/machine.ts';
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
  readonly #parts: SenderParts;

  constructor(parts: SenderParts) {
    const { config, envelope, members, queue, delegate, effects, random, counters } = parts;
    this.#parts = { config, envelope, members, queue, delegate, effects, random, counters };
  }

  /**
   * Sends one message alone. `peerMax` is the destination's protocol maximum where the destination is known, and
   * decides whether a checksum goes along (memberlist.md 1.7).
   */
  send(to: Address, message: Uint8Array, peerMax: number = this.#maxOf(to)): void {
    const { envelope, effects, random, counters } = this.#parts;
    const bytes = sealPacket(message, envelope, { crc: peerMax >= FEATURE.crc }, random);
    counters.add('datagrams-sent');
    counters.add('datagram-bytes-sent', bytes.length);
    counters.metrics?.count('memberlist.udp.sent', bytes.length);
    effects.sendDatagram(to, bytes);
  }

  /** Sends a message and as many waiting broadcasts as fit beside it. */
  sendWithBroadcasts(to: Address, message: Uint8Array): void {
    if (!this.hasBroadcasts) {
      this.send(to, message);
      return;
    }
    const { config, envelope } = this.#parts;
    const budget =
      config.udpBufferSize - message.length - COMPOUND_HEADER - packetOverhead(envelope, 'sealed');
    const parts = this.#pack(budget, MAX_COMPOUND_PARTS - 1);
    this.send(to, parts.length === 0 ? message : encodeCompound([message, ...parts]));
  }

  /** Sends messages together, nothing else with them. */
  sendTogether(to: Address, messages: readonly Uint8Array[], peerMax?: number): void {
    this.send(to, encodeCompound(messages), peerMax);
  }

  /** True when messages wait to be gossiped. */
  get hasBroadcasts(): boolean {
    return this.#parts.queue.size > 0 || this.#parts.delegate.hasBroadcasts();
  }

  /** One gossip datagram for one target; false when nothing waits. */
  gossip(to: Address, peerMax: number): boolean {
    const { config, envelope } = this.#parts;
    const budget = config.udpBufferSize - COMPOUND_HEADER - packetOverhead(envelope, 'any-key');
    const parts = this.#pack(budget, MAX_COMPOUND_PARTS);
    const [first] = parts;
    if (first === undefined) return false;
    this.send(to, parts.length === 1 ? first : encodeCompound(parts), peerMax);
    return true;
  }

  #pack(budget: number, maxParts: number): readonly Uint8Array[] {
    const { config, members, queue, delegate } = this.#parts;
    const packer = new Packer(budget, maxParts);
    queue.fill(packer, retransmitLimit(config.retransmitMult, members.size), 'message');
    if (packer.freeForUser > 0) delegate.contribute(packer);
    return packer.parts;
  }

  /** A destination counts as known only if a member bears its address as name, as in memberlist. */
  #maxOf(to: Address): number {
    const member = this.#parts.members.get(to.ip);
    return member === undefined ? 0 : protocolMax(member.facts.vsn);
  }
}
