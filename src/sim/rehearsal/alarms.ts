import type { Millis } from '../../base/machine.ts';
import type { SimNode } from '../node.ts';
import type { Cut } from '../weather.ts';

/**
 * How a failure that a node announces is to be judged:
 * - `right`: the member has died.
 * - `leaver`: it leaves in good order; this node hears of its departure before the word that it was going to leave.
 * - `unreachable`: it runs, but a partition or a pause lay between the two, now or less than a suspicion ago.
 * - `aftermath`: it runs and the two reach each other, but somewhere there is a partition or a stopped process, or was one, or
 *   a restart, less than a suspicion ago: those who are cut off suspect everybody, and that goes round.
 * - `quiet`: nothing explains it but the weather.
 */
export type Judgement = 'right' | 'leaver' | 'unreachable' | 'aftermath' | 'quiet';

/** Announcements of one kind. */
export interface AlarmCount {
  announcements: number;
  readonly members: Set<string>;
}

interface Separation {
  readonly cut: Cut;
  until: Millis;
}

/** Judges what is announced about members that are alive. */
export class Alarms {
  readonly unreachable: AlarmCount = { announcements: 0, members: new Set() };
  readonly aftermath: AlarmCount = { announcements: 0, members: new Set() };
  readonly quiet: AlarmCount = { announcements: 0, members: new Set() };
  readonly leaver: AlarmCount = { announcements: 0, members: new Set() };
  readonly #leavers = new Set<string>();
  readonly #graceMs: Millis;
  readonly #separations = new Map<string, Separation>();
  readonly #past: Separation[] = [];
  readonly #pausedUntil = new Map<string, Millis>();
  readonly #pausedNow = new Set<string>();
  /** When the last of these faults ended. */
  #troubleUntil = Number.NEGATIVE_INFINITY;

  /** For `graceMs` after two nodes could not reach each other an announcement may come of that: the longest suspicion. */
  constructor(graceMs: Millis) {
    this.#graceMs = graceMs;
  }

  separated(name: string, cut: Cut, now: Millis): void {
    this.healed(name, now);
    this.#separations.set(name, { cut, until: Number.POSITIVE_INFINITY });
  }

  /** The partition of this name is over, or all are. */
  healed(name: string | undefined, now: Millis): void {
    for (const each of name === undefined ? [...this.#separations.keys()] : [name]) this.#heal(each, now);
  }

  #heal(name: string, now: Millis): void {
    const separation = this.#separations.get(name);
    if (separation === undefined) return;
    separation.until = now;
    this.#past.push(separation);
    this.#separations.delete(name);
    this.#troubleUntil = now;
  }

  paused(name: string): void {
    this.#pausedNow.add(name);
    this.#pausedUntil.set(name, Number.POSITIVE_INFINITY);
  }

  resumed(name: string, now: Millis): void {
    if (!this.#pausedNow.delete(name)) return;
    this.#pausedUntil.set(name, now);
    this.#troubleUntil = now;
  }

  restarted(name: string, now: Millis): void {
    this.#leavers.delete(name);
    this.#troubleUntil = now;
  }

  leaves(name: string): void {
    this.#leavers.add(name);
  }

  /** A node has announced that a member failed. */
  announced(by: SimNode, member: SimNode, now: Millis): Judgement {
    const isLeaver = this.#leavers.has(member.name);
    if (!member.isRunning && !isLeaver) return 'right';
    const judgement = isLeaver ? 'leaver' : this.#judge(by, member, now);
    const count = this[judgement];
    count.announcements += 1;
    count.members.add(member.name);
    return judgement;
  }

  #judge(by: SimNode, member: SimNode, now: Millis): 'unreachable' | 'aftermath' | 'quiet' {
    const since = now - this.#graceMs;
    const paused = [by, member].some(({ name }) => (this.#pausedUntil.get(name) ?? -1) >= since);
    const isBetween = ({ cut, until }: Separation): boolean =>
      until >= since && (cut(by.address, member.address) || cut(member.address, by.address));
    if (paused || [...this.#separations.values()].some(isBetween) || this.#past.some(isBetween)) {
      return 'unreachable';
    }
    const isTrouble = this.#separations.size > 0 || this.#pausedNow.size > 0 || this.#troubleUntil >= since;
    return isTrouble ? 'aftermath' : 'quiet';
  }
}
