import { hostPort, ipText } from '../base/address.ts';
import type { Counters } from '../base/counters.ts';
import type { Address, Millis } from '../base/machine.ts';
import type { Trace } from '../base/trace.ts';
import type { AckTable } from './acks.ts';
import type { SwimConfig } from './config.ts';
import type { SwimDelegate } from './delegate.ts';
import { decodePing, encodeNack, type IndirectPing, type Ping } from './messages.ts';
import { encodeAck, encodePing, questionOf } from './ping-codec.ts';
import type { Sender } from './sender.ts';

export interface PingParts {
  readonly config: SwimConfig;
  readonly acks: AckTable;
  readonly sender: Sender;
  readonly delegate: SwimDelegate;
  readonly counters: Counters;
  readonly trace: Trace | undefined;
}

/** Answers pings, and pings on another's behalf (memberlist.md 4.4). */
export class PingResponder {
  readonly #parts: PingParts;
  readonly #name: string;
  readonly #sender: Sender;
  readonly #delegate: SwimDelegate;

  constructor(parts: PingParts) {
    const { config, acks, sender, delegate, counters, trace } = parts;
    this.#parts = { config, acks, sender, delegate, counters, trace };
    this.#name = config.name;
    this.#sender = sender;
    this.#delegate = delegate;
  }

  /** A ping, type byte first. Throws WireError. */
  ping(from: Address, message: Uint8Array): void {
    const question = questionOf(message, from, this.#name);
    if (question === undefined) this.#pingInFull(from, decodePing(message.subarray(1)));
    else this.#answer(question.source, question.seqNo);
  }

  #answer(to: Address, seqNo: number): void {
    const payload = this.#delegate.ackPayload() ?? null;
    this.#sender.sendWithBroadcasts(to, encodeAck({ seqNo, payload }));
  }

  #pingInFull(from: Address, ping: Ping): void {
    const { config, counters, trace } = this.#parts;
    if (ping.node !== '' && ping.node !== config.name) {
      counters.add('drop:ping-for-another');
      trace?.note({
        level: 'WARN',
        source: 'memberlist',
        message: 'Got ping for unexpected node',
        text: `Got ping for unexpected node '${ping.node}' from=${hostPort(from)}`,
        fields: { node: ping.node },
      });
      return;
    }
    this.#answer(sourceOf(ping, from), ping.seqNo);
  }

  indirectPing(now: Millis, from: Address, request: IndirectPing): void {
    const { config, acks, sender, counters } = this.#parts;
    const ip = ipText(request.target);
    if (ip === undefined) {
      counters.add('drop:indirect-ping-address');
      return;
    }
    const seqNo = acks.nextSeq();
    const relayed = {
      requester: sourceOf(request, from),
      requestedSeq: request.seqNo,
      wantsNack: request.nack,
    };
    if (!acks.relay(seqNo, relayed, now + config.probeTimeoutMs)) return;
    const port = request.port === 0 ? config.bindPort : request.port;
    sender.sendWithBroadcasts({ ip, port }, encodePing(pingFor(config, request.node, seqNo)));
  }

  /** A relayed ping was acked: tell the asker. False when the number is not a relayed one. */
  relayedAck(seq: number): boolean {
    const { acks, sender } = this.#parts;
    const relayed = acks.takeRelayed(seq);
    if (relayed === undefined) return false;
    sender.sendWithBroadcasts(relayed.requester, encodeAck({ seqNo: relayed.requestedSeq, payload: null }));
    return true;
  }

  /** A relayed ping was not acked in time: say so, where the asker wants to know. */
  relayOver(seq: number): void {
    const { acks, sender } = this.#parts;
    const relayed = acks.takeRelayed(seq);
    if (relayed === undefined || !relayed.wantsNack) return;
    sender.sendWithBroadcasts(relayed.requester, encodeNack({ seqNo: relayed.requestedSeq }));
  }
}

/** A ping from us to `node`. */
export function pingFor(config: SwimConfig, node: string, seqNo: number): Ping {
  return { seqNo, node, sourceAddr: config.addr, sourcePort: config.port, sourceNode: config.name };
}

/** Where an answer goes: the address the message names, else the packet's source. */
function sourceOf(
  message: { readonly sourceAddr: Uint8Array; readonly sourcePort: number },
  from: Address,
): Address {
  const ip = message.sourcePort === 0 ? undefined : ipText(message.sourceAddr);
  return ip === undefined ? from : { ip, port: message.sourcePort };
}
