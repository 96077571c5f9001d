import type { Counters } from '../base/counters.ts';
import type { DeadlineSlot, Deadlines } from '../base/deadlines.ts';
import type { Millis } from '../base/machine.ts';
import type { Random } from '../base/random.ts';
import type { SwimConfig } from './config.ts';
import type { SwimDeadline } from './deadline.ts';
import type { MemberRecord, MemberTable } from './members.ts';
import type { Sender } from './sender.ts';
import { protocolMax } from './versions.ts';

export interface GossiperParts {
  readonly config: SwimConfig;
  readonly members: MemberTable;
  readonly sender: Sender;
  readonly deadlines: Deadlines<SwimDeadline>;
  readonly random: Random;
  readonly counters: Counters;
}

/**
 * Decides when and to whom broadcasts go; what goes is the sender's affair (memberlist.md 3.10, 4.1, 4.8). Rounds are an
 * interval apart, counted from the start. While nothing waits they are left out, so that a quiet node sleeps.
 */
export class Gossiper {
  readonly #parts: Pick<GossiperParts, 'config' | 'members' | 'random' | 'counters'>;
  readonly #sender: Sender;
  readonly #wake: DeadlineSlot;
  /** When some round was, or would have been; undefined while there are none. */
  #beat: Millis | undefined;
  #awake = false;

  constructor(parts: GossiperParts) {
    const { config, members, sender, random, counters } = parts;
    this.#parts = { config, members, random, counters };
    this.#sender = sender;
    this.#wake = parts.deadlines.slot({ type: 'gossip' });
  }

  start(now: Millis): void {
    const { config, random } = this.#parts;
    if (config.gossipIntervalMs <= 0 || config.gossipNodes <= 0) return;
    this.#beat = now - config.gossipIntervalMs * random.float();
    this.attend(now);
  }

  /** To be called after whatever may have queued a broadcast: the next round is due if one waits. */
  attend(now: Millis): void {
    if (this.#awake || this.#beat === undefined || !this.#sender.hasBroadcasts) return;
    const { gossipIntervalMs } = this.#parts.config;
    const beats = Math.floor((now - this.#beat) / gossipIntervalMs) + 1;
    this.#wakeAt(this.#beat + beats * gossipIntervalMs);
  }

  /** One round: each target gets a datagram packed for it alone. */
  round(now: Millis): void {
    const { metrics } = this.#parts.counters;
    if (metrics === undefined) this.#round(now);
    else metrics.timed('memberlist.gossip', () => this.#round(now));
  }

  #round(now: Millis): void {
    const { config, members } = this.#parts;
    const sender = this.#sender;
    this.#awake = false;
    this.#beat = now;
    if (!sender.hasBroadcasts) return;
    this.#wakeAt(now + config.gossipIntervalMs);
    const targets = members.pick(config.gossipNodes, (member) => this.#isTarget(member, now));
    for (const target of targets) {
      if (!sender.gossip(target.facts.address, protocolMax(target.facts.vsn))) return;
    }
  }

  #wakeAt(at: Millis): void {
    this.#awake = true;
    this.#wake.set(at);
  }

  /** The recently dead still hear us, so that a wrongly accused member learns of it; the left never do. */
  #isTarget(member: MemberRecord, now: Millis): boolean {
    const { config } = this.#parts;
    if (member.facts.name === config.name) return false;
    if (member.status === 'dead') return now - member.since <= config.gossipToTheDeadTimeMs;
    return member.status !== 'left';
  }
}
