import { hostPort } from '../base/address.ts';
import type { Counters } from '../base/counters.ts';
import type { Address, Millis } from '../base/machine.ts';
import type { Random } from '../base/random.ts';
import type { Trace } from '../base/trace.ts';
import type { LostMembers } from './lost-members.ts';
import type { SerfMemberView } from './members.ts';
import type { SwimOperations } from './swim-operations.ts';
import type { SwimPort } from './swim-port.ts';

/** Each member sought is pinged once in this time: four tries a minute, so that three may be lost on the way. */
export const SEEK_EVERY_MS = 15_000;
/** How often those whose turn it is are picked; spreads the pings of one node over the interval. */
export const SEEK_SLICE_MS = 1_000;
/** Failed members sought besides the lost ones: the last that failed. */
export const SEEK_FAILED_LIMIT = 128;
/**
 * Nodes of one cluster that seek the same member, on average, in one interval. Up to this size of the cluster everybody
 * does; beyond it chance picks, so that an address hears no more from us than a live member hears of gossip.
 */
export const SEEKERS = 256;
/** Exchanges with members that answered under way at one time; whoever answers meanwhile is asked again. */
export const SEEK_JOINS = 4;

export interface SeekingParts {
  readonly membership: { readonly members: SerfMemberView };
  readonly lost: LostMembers;
  readonly operations: SwimOperations;
  readonly swim: Pick<SwimPort, 'join' | 'contact'>;
  readonly random: Random;
  readonly counters: Counters;
  readonly trace: Trace | undefined;
  /** False once we are leaving: then nobody is looked for. */
  readonly staying: () => boolean;
}

/**
 * Looks for members that failed, or are lost, beside Serf's own reconnects (serf.md 8.5): those try one a round over
 * TCP, and with many members gone for good the round of one that is back may not come for a long time. Here every one
 * is pinged at its own pace, which costs one small datagram, and only who answers is joined. No join intent follows.
 */
export class Seeking {
  readonly #parts: SeekingParts;
  readonly #tried = new Map<string, Millis>();
  #joins = 0;

  constructor(parts: SeekingParts) {
    this.#parts = parts;
  }

  /** Pings those whose turn it is. Returns when to be called again. */
  turn(now: Millis): Millis {
    const { membership, random, swim, counters } = this.#parts;
    const sought = this.#sought(now);
    for (const name of this.#tried.keys()) if (!sought.has(name)) this.#tried.delete(name);
    if (sought.size === 0) return now + SEEK_EVERY_MS;
    const { size, failed, left } = membership.members;
    const share = SEEKERS / Math.max(1, size - failed.size - left.size);
    for (const [name, address] of sought) {
      const last = this.#tried.get(name);
      // A newcomer begins anywhere in the interval, so that those lost together are not sought together.
      if (last === undefined) this.#tried.set(name, now - SEEK_EVERY_MS * random.float());
      if (last === undefined || now - last < SEEK_EVERY_MS) continue;
      this.#tried.set(name, now);
      if (share < 1 && random.float() >= share) continue;
      counters.add('seek:pings');
      swim.contact(address, name, (at) => this.#answered(at, name, address));
    }
    return now + SEEK_SLICE_MS;
  }

  /** Who is sought, and where. A lost member of a name that is listed again is no longer lost. */
  #sought(now: Millis): Map<string, Address> {
    const { membership, lost } = this.#parts;
    const sought = new Map<string, Address>();
    for (const { name, address } of lost.all(now)) sought.set(name, address);
    const { failed } = membership.members;
    let skip = failed.size - SEEK_FAILED_LIMIT;
    for (const { name, facts } of failed) {
      skip -= 1;
      if (skip < 0) sought.set(name, facts.address);
    }
    return sought;
  }

  #answered(now: Millis, name: string, address: Address): void {
    const { membership, lost, operations, swim, counters, trace, staying } = this.#parts;
    counters.add('seek:answers');
    const wanted = membership.members.get(name)?.status === 'failed' || lost.has(name);
    if (!wanted || !staying() || this.#joins >= SEEK_JOINS) return;
    const place = hostPort(address);
    const message = 'Lost member answers, joining';
    trace?.note({
      level: 'INFO',
      source: 'serf',
      message,
      text: `${message}: ${name} ${place}`,
      fields: { member: name },
    });
    this.#joins += 1;
    const operation = operations.begin(() => {
      this.#joins -= 1;
    });
    swim.join(now, operation, [{ address, label: `${name}/${place}` }]);
  }
}
