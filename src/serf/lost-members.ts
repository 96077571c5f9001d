import { hostPort, ipText } from '../base/address.ts';
import type { Load } from '../base/load.ts';
import type { Address, Millis } from '../base/machine.ts';
import type { Random } from '../base/random.ts';
import type { ClusterEvent } from '../events/event.ts';
import type { PreviousNode } from './snapshot.ts';

/** Lost members remembered; the one lost first gives way. */
export const LOST_LIMIT = 128;
/** How long they are remembered: after a week somebody else may have the address. */
export const LOST_AGE_MS = 7 * 24 * 3_600_000;
/** Lost members tried in one round, so that ones that are gone for good do not hide the others for long. */
export const LOST_PER_ROUND = 3;

interface LostMember {
  readonly address: Address;
  readonly since: Millis;
}

/**
 * Members that failed and were then reaped, or that an earlier run knew and this one has not met. Serf forgets them, so
 * two halves of a cluster that were apart for longer than the reap time stay apart; we go on trying them. Who has left,
 * was removed by force or has given up its address to another name is not among them.
 */
export class LostMembers {
  /** The least recently tried first. */
  readonly #lost = new Map<string, LostMember>();

  get size(): number {
    return this.#lost.size;
  }

  get load(): Load {
    return { what: 'lost members', size: this.#lost.size, limit: LOST_LIMIT };
  }

  has(name: string): boolean {
    return this.#lost.has(name);
  }

  /** Everybody lost and not yet forgotten. */
  all(now: Millis): PreviousNode[] {
    this.#forgetOld(now);
    return [...this.#lost].map(([name, { address }]) => ({ name, address }));
  }

  add(now: Millis, { name, address }: PreviousNode): void {
    this.#lost.delete(name);
    this.#lost.set(name, { address, since: now });
    if (this.#lost.size > LOST_LIMIT) this.#forgetFirstLost();
  }

  /** True when the member was lost. */
  forget(name: string): boolean {
    return this.#lost.delete(name);
  }

  /** Follows what happens to members. */
  see(now: Millis, event: ClusterEvent): void {
    if (!('members' in event)) return;
    for (const { name, addr, port, status } of event.members) {
      const ip = ipText(addr);
      if (event.type === 'member-reap' && status === 'failed' && ip !== undefined) {
        this.add(now, { name, address: { ip, port } });
        continue;
      }
      this.forget(name);
      if (event.type === 'member-join') this.#forgetPlace({ ip: ip ?? '', port });
    }
  }

  /**
   * The members to try in this round: those not tried for longest. As with failed members (serf.md 8.5) the chance of
   * a round grows with their share: a big cluster as a whole tries each about once an interval, the smaller half always.
   */
  round(now: Millis, present: number, random: Random): PreviousNode[] {
    this.#forgetOld(now);
    if (this.#lost.size === 0 || random.float() > this.#lost.size / Math.max(1, present)) return [];
    const chosen = [...this.#lost].slice(0, LOST_PER_ROUND);
    for (const [name, member] of chosen) {
      this.#lost.delete(name);
      this.#lost.set(name, member);
    }
    return chosen.map(([name, { address }]) => ({ name, address }));
  }

  /** Whoever is at an address now answers for it; the member that was there is not to be found there. */
  #forgetPlace(place: Address): void {
    const text = hostPort(place);
    for (const [name, { address }] of this.#lost) if (hostPort(address) === text) this.#lost.delete(name);
  }

  #forgetOld(now: Millis): void {
    for (const [name, { since }] of this.#lost) if (now - since > LOST_AGE_MS) this.#lost.delete(name);
  }

  #forgetFirstLost(): void {
    let first: string | undefined;
    let oldest = Number.POSITIVE_INFINITY;
    for (const [name, { since }] of this.#lost) {
      if (since >= oldest) continue;
      oldest = since;
      first = name;
    }
    if (first !== undefined) this.#lost.delete(first);
  }
}
