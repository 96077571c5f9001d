import type { Millis } from '../base/machine.ts';
import type { MemberInfo } from '../events/event.ts';

/** Names remembered at most; a cluster this large has other troubles than an exact quorum. */
const MOST_REMEMBERED = 100_000;

/** What the guards about the whole cluster look at. */
export interface ClusterSize {
  /** Members alive now, this node and suspected ones included. */
  readonly alive: number;
  /** Of those, how many are suspected of having failed. */
  readonly suspected: number;
  /** Members that failed and may come back. */
  readonly failed: number;
  /** Nothing was heard of any of them for longer than a live one keeps silent. */
  readonly silent: boolean;
  /** Members alive now or lately, without those that left in good order. */
  readonly largest: number;
}

/** What was seen of the cluster lately, as it survives a restart: names, and how long ago each was seen alive. */
export type SeenLately = readonly (readonly [name: string, agoMs: Millis])[];

/** The cluster as this node sees it now. */
export interface ClusterSight {
  /** Every member of every status. */
  readonly members: readonly MemberInfo[];
  /** Names of live members that are suspected of having failed. */
  readonly suspects: ReadonlySet<string>;
  /** Others count as alive and none of them was heard for longer than a live one keeps silent. */
  readonly silent: boolean;
}

/** Remembers who was part of the cluster lately, so that a partition is told from a cluster that was always small. */
export class ClusterMemory {
  /** Name → when last seen alive. */
  readonly #seen = new Map<string, Millis>();

  /** Takes up what an earlier run has seen. */
  recall(now: Millis, seen: SeenLately): void {
    const oldestFirst = [...seen].sort(([, a], [, b]) => b - a);
    for (const [name, agoMs] of oldestFirst) this.#seen.set(name, now - agoMs);
  }

  seenLately(now: Millis): SeenLately {
    return [...this.#seen].map(([name, at]) => [name, Math.max(0, now - at)]);
  }

  /** Takes the whole member list, unfiltered; members not seen alive within the window are forgotten. */
  observe(now: Millis, facts: ClusterSight, windowMs: Millis): ClusterSize {
    let alive = 0;
    let suspected = 0;
    let failed = 0;
    for (const { name, status } of facts.members) {
      if (status === 'failed') failed += 1;
      if (status === 'alive') {
        alive += 1;
        if (facts.suspects.has(name)) suspected += 1;
        // Set anew, so that the map stays in order of time and the oldest is the first.
        this.#seen.delete(name);
        this.#seen.set(name, now);
      } else if (status !== 'failed') this.#seen.delete(name);
    }
    for (const [name, at] of this.#seen) {
      if (now - at <= windowMs && this.#seen.size <= MOST_REMEMBERED) break;
      this.#seen.delete(name);
    }
    return { alive, suspected, failed, silent: facts.silent, largest: Math.max(alive, this.#seen.size) };
  }
}
