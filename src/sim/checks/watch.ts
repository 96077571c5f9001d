import type { Millis } from '../../base/machine.ts';
import type { SimCluster } from '../cluster.ts';
import { addressCheck } from './addresses.ts';
import { type Check, type CheckMaker, VIOLATIONS_LIMIT, type Violation } from './check.ts';
import { incarnationsCheck } from './incarnations.ts';
import { boundsCheck, lamportCheck } from './machines.ts';
import { eventOrderCheck, foldCheck, leaverCheck, selfCheck } from './members.ts';
import { oncePerEventCheck } from './messages.ts';

/** Checks that need nothing but a cluster to look at, by name. */
export const CHECKS = {
  incarnations: incarnationsCheck,
  'event-order': eventOrderCheck,
  addresses: addressCheck,
  'events-add-up': foldCheck,
  'self-alive': selfCheck,
  'left-not-failed': leaverCheck,
  'event-once': oncePerEventCheck,
  'lamport-clocks': lamportCheck,
  bounds: boundsCheck,
} as const satisfies Record<string, CheckMaker>;

/** Violations as they are found; the first ones are kept. */
export class Violations {
  readonly #found: Violation[] = [];
  readonly #now: () => Millis;
  #count = 0;

  constructor(now: () => Millis) {
    this.#now = now;
  }

  get found(): readonly Violation[] {
    return this.#found;
  }

  /** All, kept or not. */
  get count(): number {
    return this.#count;
  }

  add(check: string, text: string): void {
    this.#count += 1;
    if (this.#found.length < VIOLATIONS_LIMIT) this.#found.push({ at: this.#now(), check, text });
  }
}

/** Has checks watch a cluster, and look at it every `everyMs` of virtual time from now on. */
export function watchWith(cluster: SimCluster, checks: readonly Check[], everyMs: Millis): void {
  for (const check of checks) cluster.watch(check);
  const polled = checks.filter((check) => check.poll !== undefined);
  const look = (): void => {
    for (const check of polled) check.poll?.(cluster);
    cluster.world.after(everyMs, look);
  };
  cluster.world.after(everyMs, look);
}
