import { hostPort } from '../base/address.ts';
import { NO_BYTES } from '../base/bytes.ts';
import type { Counters, Tally } from '../base/counters.ts';
import type { DeadlineSlot, Deadlines } from '../base/deadlines.ts';
import type { Address, Millis, StreamId } from '../base/machine.ts';
import type { Random } from '../base/random.ts';
import type { Trace } from '../base/trace.ts';
import type { AckTable } from './acks.ts';
import type { Awareness } from './awareness.ts';
import type { SwimConfig } from './config.ts';
import type { SwimDeadline } from './deadline.ts';
import type { MemberFacts, SwimDelegate, SwimMember } from './delegate.ts';
import type { MemberTable } from './members.ts';
import type { Membership } from './membership.ts';
import { encodeIndirectPing, encodePing, encodeSuspect } from './messages.ts';
import { pingFor } from './pings.ts';
import type { Sender } from './sender.ts';
import { FEATURE, protocolMax } from './versions.ts';

export interface ProberParts {
  readonly config: SwimConfig;
  readonly members: MemberTable;
  readonly membership: Membership;
  readonly acks: AckTable;
  readonly awareness: Awareness;
  readonly sender: Sender;
  readonly deadlines: Deadlines<SwimDeadline>;
  readonly delegate: SwimDelegate;
  readonly random: Random;
  readonly counters: Counters;
  readonly trace: Trace | undefined;
  /** Starts a ping over a stream; the answer comes back as `streamContact`. */
  readonly openPingStream: (target: MemberFacts, seq: number, until: Millis) => StreamId;
  readonly abandonStream: (id: StreamId) => void;
}

/** One round of failure detection. */
interface Probe {
  /** In the table for as long as the round lasts: records are forgotten between rounds only. */
  readonly member: SwimMember;
  readonly target: MemberFacts;
  readonly incarnation: number;
  readonly seq: number;
  readonly startedAt: Millis;
  /** Start plus the health-scaled interval: when a verdict is due. */
  readonly endsAt: Millis;
  indirect: boolean;
  sendFailed: boolean;
  expectedNacks: number;
  nacks: number;
  stream: StreamId | undefined;
  streamContact: boolean;
}

/**
 * SWIM's failure detector with Lifeguard's health-aware probing: ping, then indirect pings and a ping over a stream,
 * then suspicion (memberlist.md 4.1–4.3). One probe at a time; at most one missed turn is made up for.
 */
export class Prober {
  readonly #parts: Omit<ProberParts, 'deadlines'>;
  readonly #deadlines: Readonly<Record<'probe' | 'late' | 'over', DeadlineSlot>>;
  readonly #succeeded: Tally;
  #probe: Probe | undefined;
  #turnMissed = false;
  #turnAt: Millis = 0;

  constructor(parts: ProberParts) {
    const { deadlines } = parts;
    const {
      config,
      members,
      membership,
      acks,
      awareness,
      sender,
      delegate,
      random,
      counters,
      trace,
      openPingStream,
      abandonStream,
    } = parts;
    this.#parts = {
      config,
      members,
      membership,
      acks,
      awareness,
      sender,
      delegate,
      random,
      counters,
      trace,
      openPingStream,
      abandonStream,
    };
    this.#deadlines = {
      probe: deadlines.slot({ type: 'probe' }),
      late: deadlines.slot({ type: 'ack-late' }),
      over: deadlines.slot({ type: 'probe-over' }),
    };
    this.#succeeded = counters.tally('probe:succeeded');
  }

  start(now: Millis): void {
    const { config, random } = this.#parts;
    if (config.probeIntervalMs <= 0) return;
    this.#turnAt = now + config.probeIntervalMs * (1 - random.float());
    this.#deadlines.probe.set(this.#turnAt);
  }

  /** The probe interval is over: probe the next member, unless a slow probe still runs. */
  turn(now: Millis): void {
    const { config } = this.#parts;
    if (now >= this.#turnAt) {
      const next = this.#turnAt + config.probeIntervalMs;
      this.#turnAt = next > now ? next : now + config.probeIntervalMs;
    }
    this.#deadlines.probe.set(this.#turnAt);
    if (this.#probe === undefined) this.#probeNext(now);
    else this.#turnMissed = true;
  }

  /** ProbeTimeout is over without an ack: ask others, and try a stream. */
  ackLate(): void {
    const probe = this.#probe;
    if (probe === undefined || probe.indirect) return;
    const { config, members, sender, counters, trace, openPingStream } = this.#parts;
    probe.indirect = true;
    this.#deadlines.late.cancel();
    counters.add('probe:indirect');
    trace?.note({
      level: 'DEBUG',
      source: 'memberlist',
      message: 'Failed UDP ping',
      text: `Failed UDP ping: ${probe.target.name} (${probe.sendFailed ? 'not sent' : 'timeout reached'})`,
      fields: { node: probe.target.name },
    });
    const { name } = probe.target;
    const relays = members.pick(config.indirectChecks, (member) => {
      return member.status === 'alive' && member.facts.name !== config.name && member.facts.name !== name;
    });
    for (const relay of relays) {
      const nack = config.lifeguard.localHealth && protocolMax(relay.facts.vsn) >= FEATURE.nack;
      if (nack) probe.expectedNacks += 1;
      const { addr: target, port } = probe.target;
      const request = { ...pingFor(config, name, probe.seq), target, port, nack };
      sender.sendWithBroadcasts(relay.facts.address, encodeIndirectPing(request));
    }
    if (!config.disableTcpPings && protocolMax(probe.target.vsn) >= FEATURE.tcpPing) {
      probe.stream = openPingStream(probe.target, probe.seq, probe.endsAt);
    }
  }

  /** An ack that is not for a relayed ping; false when it belongs to no probe under way. */
  ack(now: Millis, seq: number, payload: Uint8Array | null): boolean {
    const probe = this.#probe;
    if (probe === undefined || probe.seq !== seq) return false;
    if (!probe.indirect) {
      const rttMs = Math.max(0, now - probe.startedAt);
      const { member } = probe;
      this.#parts.delegate.notice(now, { type: 'rtt', member, rttMs, payload: payload ?? NO_BYTES });
    }
    this.#succeed(now, probe);
    return true;
  }

  /** A relay could not reach the target either: it lives, so our own network is less to blame. */
  nack(seq: number): void {
    if (this.#probe?.seq === seq) this.#probe.nacks += 1;
  }

  /** The target answered over a stream; it counts when the round is over. */
  streamContact(seq: number): void {
    if (this.#probe?.seq === seq) this.#probe.streamContact = true;
  }

  /**
   * A datagram could not leave this host, for whatever reason: for the probed member there is no use in waiting, and
   * others may still reach it (memberlist.md 4.2, 8 #20).
   */
  undeliverable(to: Address): void {
    const probe = this.#probe;
    if (probe === undefined || probe.indirect) return;
    const { ip, port } = probe.target.address;
    if (to.ip !== ip || to.port !== port) return;
    probe.sendFailed = true;
    this.ackLate();
  }

  /** The round is over without an ack. */
  over(now: Millis): void {
    const probe = this.#probe;
    if (probe === undefined) return;
    const { awareness, config, counters, membership, trace } = this.#parts;
    const { name } = probe.target;
    if (probe.streamContact) {
      const peer = hostPort(probe.target.address);
      counters.add('drop:udp-blocked');
      trace?.note({
        level: 'WARN',
        source: 'memberlist',
        message: 'Was able to connect over TCP but UDP probes failed, network may be misconfigured',
        text:
          `Was able to connect to ${name} over TCP but UDP probes failed, network may be misconfigured: ` +
          `let UDP through to and from ${peer}`,
        fields: { node: name, address: peer },
      });
      this.#succeed(now, probe);
      return;
    }
    if (probe.expectedNacks === 0) awareness.apply(1);
    else awareness.apply(Math.max(0, probe.expectedNacks - probe.nacks));
    counters.add('probe:failed');
    trace?.note({
      level: 'INFO',
      source: 'memberlist',
      message: 'Suspect has failed, no acks received',
      text: `Suspect ${name} has failed, no acks received`,
      fields: { node: name, address: hostPort(probe.target.address) },
    });
    this.#finish(now, probe);
    membership.suspect(now, { name, incarnation: probe.incarnation, from: config.name });
  }

  /** We were late ourselves, by more than a probe interval: as telling as a missed nack (Lifeguard §IV.A). */
  lagged(): void {
    this.#parts.counters.add('probe:lagged');
    this.#parts.awareness.apply(1);
  }

  #probeNext(now: Millis): void {
    const { config, members, acks, awareness, sender, counters } = this.#parts;
    this.#turnMissed = false;
    const record = members.nextProbe(config.name, now, config.gossipToTheDeadTimeMs);
    if (record === undefined) return;
    const seq = acks.nextSeq();
    const { facts: target, incarnation } = record;
    const endsAt = now + awareness.scale(config.probeIntervalMs);
    if (awareness.score > 0) counters.metrics?.count('memberlist.degraded.probe', 1);
    this.#probe = {
      member: record,
      target,
      incarnation,
      seq,
      startedAt: now,
      endsAt,
      indirect: false,
      sendFailed: false,
      expectedNacks: 0,
      nacks: 0,
      stream: undefined,
      streamContact: false,
    };
    this.#deadlines.late.set(now + config.probeTimeoutMs);
    this.#deadlines.over.set(endsAt);
    const ping = encodePing(pingFor(config, target.name, seq));
    if (record.status === 'suspect' && config.lifeguard.buddySystem) {
      const suspect = encodeSuspect({ incarnation, node: target.name, from: config.name });
      sender.sendTogether(target.address, [ping, suspect], protocolMax(target.vsn));
    } else {
      sender.sendWithBroadcasts(target.address, ping);
    }
  }

  #succeed(now: Millis, probe: Probe): void {
    if (!probe.sendFailed) this.#parts.awareness.apply(-1);
    this.#succeeded.add();
    this.#finish(now, probe);
  }

  #finish(now: Millis, probe: Probe): void {
    const { abandonStream, counters } = this.#parts;
    const deadlines = this.#deadlines;
    counters.metrics?.sample('memberlist.probeNode', now - probe.startedAt);
    this.#probe = undefined;
    deadlines.late.cancel();
    deadlines.over.cancel();
    if (probe.stream !== undefined) abandonStream(probe.stream);
    if (this.#turnMissed) deadlines.probe.set(now);
  }
}
