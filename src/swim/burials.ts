import type { Counters } from '../base/counters.ts';
import type { Millis } from '../base/machine.ts';
import type { BroadcastQueue } from './broadcasts.ts';
import type { AliveClaim } from './claims.ts';
import type { SwimConfig } from './config.ts';
import type { MemberFacts } from './delegate.ts';
import { BURIED_LIMIT, type MemberTable } from './members.ts';
import { encodeSuspect } from './messages.ts';

/** What is still known of a member that is gone. */
export interface Remains {
  readonly facts: MemberFacts;
  readonly incarnation: number;
}

export interface BurialParts {
  readonly config: SwimConfig;
  readonly members: MemberTable;
  readonly queue: BroadcastQueue;
  readonly counters: Counters;
}

/**
 * Members that must not come back by hearsay. An alive claim that is not above the incarnation known of such a member
 * is refused and answered with a suspicion: a peer that still believes in a dead member finds out so, while one that
 * has really started again refutes, with a higher incarnation, and is taken. Of a name whose incarnation was forgotten
 * the first claim teaches it.
 */
export class Burials {
  readonly #parts: BurialParts;
  /** Names of which no record exists, the first one buried first, and how long each is kept. */
  readonly #bare = new Map<string, Millis>();
  /** When each name was last suspected aloud; claims come in many copies. */
  readonly #suspected = new Map<string, Millis>();

  constructor(parts: BurialParts) {
    const { config, members, queue, counters } = parts;
    this.#parts = { config, members, queue, counters };
  }

  /** Live members are left alone, but should they die and be forgotten, the burial holds. */
  bury(now: Millis, name: string, remains: Remains | undefined, keepMs: Millis): void {
    const { members } = this.#parts;
    if (remains !== undefined) members.bury(now, remains.facts, remains.incarnation, keepMs);
    if (!members.isBuried(name, now)) remember(this.#bare, name, now + keepMs);
  }

  /** True for a claim that may be older than the burial of its member: it is not to be judged. */
  refuses(now: Millis, { facts, incarnation }: AliveClaim): boolean {
    const { members, counters } = this.#parts;
    const { name } = facts;
    const known = members.get(name);
    if (known === undefined) {
      const until = this.#bare.get(name);
      if (until === undefined) return false;
      this.#bare.delete(name);
      if (until < now) return false;
      members.bury(now, facts, incarnation, until - now);
    } else if (incarnation > known.incarnation || !members.isBuried(name, now)) return false;
    counters.add('drop:alive-buried');
    this.#suspectAloud(now, name, Math.max(incarnation, known?.incarnation ?? 0));
    return true;
  }

  #suspectAloud(now: Millis, name: string, incarnation: number): void {
    const { config, queue } = this.#parts;
    const last = this.#suspected.get(name) ?? Number.NEGATIVE_INFINITY;
    if (now - last < config.suspicionMult * config.probeIntervalMs) return;
    remember(this.#suspected, name, now);
    queue.enqueue(encodeSuspect({ incarnation, node: name, from: config.name }), { name });
  }
}

/** Sets an entry as the newest; beyond the limit the oldest gives way. */
function remember(map: Map<string, Millis>, name: string, at: Millis): void {
  map.delete(name);
  map.set(name, at);
  const oldest = map.keys().next();
  if (map.size > BURIED_LIMIT && oldest.done !== true) map.delete(oldest.value);
}
