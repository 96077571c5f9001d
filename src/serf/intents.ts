import type { Millis } from '../base/machine.ts';
import type { MemberStatus } from '../events/event.ts';

/** Names remembered at once: nodes that spoke of themselves before SWIM showed them; overflow forgets the oldest. */
export const RECENT_INTENTS_LIMIT = 8192;
/** Characters of those names together; a datagram can bring a name of sixty thousand. */
export const RECENT_INTENTS_CHARS = 1024 * 1024;

export type IntentType = 'join' | 'leave';

/** An intent about a node SWIM has not shown us yet. */
export interface RecentIntent {
  readonly type: IntentType;
  readonly ltime: number;
  readonly at: Millis;
}

/** Intents that arrived before their member (serf.md 6.5): one per node, replaced only by a later time. */
export class RecentIntents {
  readonly #byName = new Map<string, RecentIntent>();
  #chars = 0;

  get size(): number {
    return this.#byName.size;
  }

  /** Remembers an intent; false when an equal or later one is known, which also means: do not rebroadcast. */
  upsert(now: Millis, name: string, type: IntentType, ltime: number): boolean {
    const known = this.#byName.get(name);
    if (known !== undefined && ltime <= known.ltime) return false;
    this.#delete(name);
    this.#byName.set(name, { type, ltime, at: now });
    this.#chars += name.length;
    for (const oldest of this.#byName.keys()) {
      if (this.#byName.size <= RECENT_INTENTS_LIMIT && this.#chars <= RECENT_INTENTS_CHARS) break;
      this.#delete(oldest);
    }
    return true;
  }

  /** Removes and returns the intent about `name`: it is read once, when its member appears. */
  take(name: string): RecentIntent | undefined {
    const known = this.#byName.get(name);
    this.#delete(name);
    return known;
  }

  /** Forgets intents older than `timeoutMs`. */
  expire(now: Millis, timeoutMs: number): void {
    for (const [name, intent] of this.#byName) {
      if (now - intent.at > timeoutMs) this.#delete(name);
    }
  }

  #delete(name: string): void {
    if (this.#byName.delete(name)) this.#chars -= name.length;
  }
}

/** What of a member decides about an intent. */
export interface IntentSubject {
  readonly status: MemberStatus;
  readonly statusLTime: number;
  /** What happened at that time is not known: a leave of that time may be it. */
  readonly hearsay: boolean;
}

/**
 * What a leave intent means (serf.md 6.3): `buffer` an unknown node, drop a `stale` one, `refute` a claim about
 * ourselves, mark the member as `leaving`, note only the time of a `repeated` one, turn failed into left when
 * `forced`, and `ignore` a member without a status.
 */
export type LeaveVerdict = 'buffer' | 'stale' | 'refute' | 'leaving' | 'repeated' | 'forced' | 'ignore';

/** Whether a leave intent is about ourselves while we stay, and whether it came with an exchange of states. */
export interface LeaveCircumstances {
  readonly refutable: boolean;
  readonly hearsay: boolean;
}

/**
 * Decides on a leave intent. One rule is ours: it is not stale where its time is known from hearsay alone. A leaving member
 * that exchanges states with us before its gossip reaches us has told us the time already, and would be failed here.
 */
export function judgeLeave(
  member: IntentSubject | undefined,
  ltime: number,
  { refutable, hearsay }: LeaveCircumstances,
): LeaveVerdict {
  if (member === undefined) return 'buffer';
  const mayBeIt = member.hearsay && !hearsay;
  if (ltime < member.statusLTime || (ltime === member.statusLTime && !mayBeIt)) return 'stale';
  if (refutable) return 'refute';
  switch (member.status) {
    case 'alive':
      return 'leaving';
    case 'leaving':
    case 'left':
      return 'repeated';
    case 'failed':
      return 'forced';
    case 'none':
      return 'ignore';
  }
}

/** What a join intent means (serf.md 6.4); `accept` notes its time and turns leaving into alive. */
export type JoinVerdict = 'buffer' | 'stale' | 'accept';

/** Decides on a join intent. */
export function judgeJoin(member: IntentSubject | undefined, ltime: number): JoinVerdict {
  if (member === undefined) return 'buffer';
  return ltime <= member.statusLTime ? 'stale' : 'accept';
}
