import type { Millis } from '../../base/machine.ts';
import { SEEK_EVERY_MS, SEEK_SLICE_MS } from '../../serf/seeking.ts';
import type { SwimProfile } from '../../swim/config.ts';
import { pushPullScale, suspicionBounds } from '../../swim/scaling.ts';

/** How often an operator's agent tries to join again that reached nobody. */
export const RETRY_JOIN_MS = 5_000;

/** What the bound is made of, milliseconds each. */
export interface BoundParts {
  /** Exchanges begun in the chaos are over: connect, and each half. */
  readonly streamsOver: Millis;
  /** Whoever is alone has tried to join, or looked for the members it lost. */
  readonly found: Millis;
  /** A dead member still believed alive has been probed. */
  readonly probed: Millis;
  /** Its suspicion has run out. */
  readonly condemned: Millis;
  /** A dead name may move to another address. */
  readonly reclaimed: Millis;
  /** Whatever gossip missed has come by a state exchange. */
  readonly told: Millis;
}

/**
 * After chaos ends, one cluster remains within the sum of these, for `n` names ever seen:
 * - `streamsOver`: 3 · TCP timeout (dial, write, read; memberlist.md 6.3).
 * - `found`: two rounds of seeking failed and lost members, one of them may hit a slow slice, and a join tried again.
 * - `probed`: 2n − 1 probe intervals is the worst case of round-robin probing with reshuffling (SWIM §4.3), each stretched by
 *   the health score at its limit (Lifeguard, Local Health Aware Probe).
 * - `condemned`: the longest suspicion (Lifeguard §IV.B), once before and once after a refutation crossed it.
 * - `reclaimed`: the age at which a dead name may move.
 * - `told`: push/pull spreads like a rumour: ⌈log2 n⌉ + 2 intervals, scaled by size (memberlist.md 4.1).
 */
export function convergenceBound(profile: SwimProfile, reclaimMs: Millis, n: number): BoundParts {
  const { maxMs } = suspicionBounds(profile, n);
  const intervals = 2 + Math.max(1, 32 - Math.clz32(n));
  return {
    streamsOver: 3 * profile.tcpTimeoutMs,
    found: 2 * (SEEK_EVERY_MS + SEEK_SLICE_MS) + 2 * RETRY_JOIN_MS + profile.tcpTimeoutMs,
    probed: (2 * n - 1) * profile.probeIntervalMs * profile.awarenessMaxMultiplier,
    condemned: 2 * maxMs,
    reclaimed: reclaimMs,
    told: intervals * profile.pushPullIntervalMs * pushPullScale(n),
  };
}

/** The sum of the parts. */
export function boundMs(parts: BoundParts): Millis {
  return Object.values(parts).reduce((sum: number, part: number) => sum + part, 0);
}
