import type { Millis } from '../base/machine.ts';
import type { MemberInfo } from '../events/event.ts';

/** Names remembered at most; a cluster this large has other troubles than an exact quorum. */
const MOST_REMEMBERED = 100_000;

/** What the guards about the whole cluster look at. */
export interface ClusterSize {
  /** Members alive now, this node included. */
  readonly alive: number;
  /** Members alive now or lately, without those that left in good order. */
  readonly largest: number;
}

/** Remembers who was part of the cluster lately, so that a partition is told from a cluster that was always small. */
export class ClusterMemory {
  /** Name → when last seen alive. */
  readonly #seen = new Map<string, Millis>();

  /** Takes the whole member list, unfiltered; members not seen alive within the window are forgotten. */
  observe(now: Millis, all: readonly MemberInfo[], windowMs: Millis): ClusterSize {
    let alive = 0;
    for (const { name, status } of all) {
      if (status === 'alive') {
        alive += 1;
        // Set anew, so that the map stays in order of time and the oldest is the first.
        this.#seen.delete(name);
        this.#seen.set(name, now);
      } else if (status !== 'failed') this.#seen.delete(name);
    }
    for (const [name, at] of this.#seen) {
      if (now - at <= windowMs && this.#seen.size <= MOST_REMEMBERED) break;
      this.#seen.delete(name);
    }
    return { alive, largest: Math.max(alive, this.#seen.size) };
  }
}
