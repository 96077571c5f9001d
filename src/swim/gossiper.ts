import type { Deadlines } from '../base/deadlines.ts';
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
}

/** Decides when and to whom broadcasts go; what goes is the sender's affair (memberlist.md 3.10, 4.1, 4.8). */
export class Gossiper {
  readonly #parts: GossiperParts;

  constructor(parts: GossiperParts) {
    this.#parts = parts;
  }

  start(now: Millis): void {
    const { config, random, deadlines } = this.#parts;
    if (config.gossipIntervalMs <= 0 || config.gossipNodes <= 0) return;
    deadlines.set('gossip', now + config.gossipIntervalMs * (1 - random.float()), { type: 'gossip' });
  }

  /** One round: each target gets a datagram packed for it alone. */
  round(now: Millis): void {
    const { config, members, sender, deadlines } = this.#parts;
    deadlines.set('gossip', now + config.gossipIntervalMs, { type: 'gossip' });
    if (!sender.hasBroadcasts) return;
    const targets = members.pick(config.gossipNodes, (member) => this.#isTarget(member, now));
    for (const target of targets) {
      if (!sender.gossip(target.facts.address, protocolMax(target.facts.vsn))) return;
    }
  }

  /** The recently dead still hear us, so that a wrongly accused member learns of it; the left never do. */
  #isTarget(member: MemberRecord, now: Millis): boolean {
    const { config } = this.#parts;
    if (member.facts.name === config.name) return false;
    if (member.status === 'dead') return now - member.since <= config.gossipToTheDeadTimeMs;
    return member.status !== 'left';
  }
}
