import { hostPort } from '../base/address.ts';
import type { Counters } from '../base/counters.ts';
import type { Address, Millis } from '../base/machine.ts';
import type { Random } from '../base/random.ts';
import type { Trace } from '../base/trace.ts';
import type { SwimMember } from '../swim/delegate.ts';
import type { SerfConfig } from './config.ts';
import type { SerfMemberView } from './members.ts';
import type { NameClaims } from './name-claims.ts';
import type { SwimOperations } from './swim-operations.ts';
import type { SwimPort } from './swim-port.ts';

/** Nodes of one cluster that ask the same claimant, on average, in one turn; the first that takes it tells the others. */
export const ASKERS = 4;

export interface ReturningParts {
  readonly config: Pick<SerfConfig, 'swim'>;
  readonly membership: { readonly members: SerfMemberView };
  readonly claims: NameClaims;
  readonly operations: SwimOperations;
  readonly swim: Pick<SwimPort, 'join' | 'contact'>;
  readonly known: (name: string) => SwimMember | undefined;
  readonly random: Random;
  readonly counters: Counters;
  readonly trace: Trace | undefined;
  /** False once we are leaving: then nobody is taken in. */
  readonly staying: () => boolean;
}

/**
 * Failed members that are back at another address. Their name is free only after a while (memberlist.md 3.2 row 7b), and
 * by then they have told everybody: what they say next is a push/pull away. So as soon as the name is free, whoever
 * claimed it meanwhile is pinged, and joined if it answers to the name.
 */
export class Returning {
  readonly #parts: ReturningParts;

  constructor(parts: ReturningParts) {
    this.#parts = parts;
  }

  /** Asks claimants of names that have become free. */
  turn(now: Millis): void {
    const { membership, claims, random, swim, counters } = this.#parts;
    const { size, failed, left } = membership.members;
    const share = ASKERS / Math.max(1, size - failed.size - left.size);
    for (const [name, address] of claims.all(now)) {
      if (!this.#isFailed(name)) claims.forget(name);
      else if (this.#isFree(now, name) && (share >= 1 || random.float() < share)) {
        counters.add('return:pings');
        swim.contact(address, name, (at) => this.#answered(at, name, address));
      }
    }
  }

  #answered(now: Millis, name: string, address: Address): void {
    const { claims, operations, swim, counters, trace, staying } = this.#parts;
    if (!staying() || !this.#isFailed(name) || !claims.forget(name)) return;
    counters.add('return:answers');
    const place = hostPort(address);
    const message = 'Failed member answers at another address, joining';
    trace?.note({
      level: 'INFO',
      source: 'serf',
      message,
      text: `${message}: ${name} ${place}`,
      fields: { member: name },
    });
    swim.join(
      now,
      operations.begin(() => {}),
      [{ address, label: `${name}/${place}` }],
    );
  }

  /** A claim from the failed member's own address counts too: the bytes of an address have two forms, and SWIM compares bytes. */
  #isFailed(name: string): boolean {
    return this.#parts.membership.members.get(name)?.status === 'failed';
  }

  /** Whether SWIM would now take the name from another address. */
  #isFree(now: Millis, name: string): boolean {
    const { known, config } = this.#parts;
    const record = known(name);
    if (record === undefined || record.status === 'left') return true;
    const reclaimMs = config.swim.deadNodeReclaimTimeMs;
    return record.status === 'dead' && reclaimMs > 0 && now - record.since > reclaimMs;
  }
}
