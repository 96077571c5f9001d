import { log, log2, log10 } from '../base/math.ts';
import type { SwimProfile } from './config.ts';

/** Times and limits as functions of the cluster's size N, which counts self, dead and left entries. */

/** How often a broadcast is sent by one node: mult · ⌈log10(N+1)⌉ (memberlist.md 4.6). */
export function retransmitLimit(mult: number, n: number): number {
  return mult * Math.ceil(log10(n + 1));
}

/** Anti-entropy slows down above 32 nodes: ⌈log2 N − 5⌉ + 1 (memberlist.md 4.1). */
export function pushPullScale(n: number): number {
  return n <= 32 ? 1 : Math.ceil(log2(n) - 5) + 1;
}

/** Limits of a suspicion timer. */
export interface SuspicionBounds {
  readonly minMs: number;
  readonly maxMs: number;
  /** Independent confirmations that shorten it all the way to the minimum. */
  readonly wanted: number;
}

/** Suspicion limits for a cluster of `n` (memberlist.md 4.5; Lifeguard, Local Health Aware Suspicion). */
export function suspicionBounds(config: SwimProfile, n: number): SuspicionBounds {
  const nodeScale = Math.max(1, log10(Math.max(1, n)));
  const minMs = (config.suspicionMult * Math.floor(nodeScale * 1000) * config.probeIntervalMs) / 1000;
  const wanted = config.suspicionMult - 2;
  return { minMs, maxMs: config.suspicionMaxTimeoutMult * minMs, wanted: n - 2 < wanted ? 0 : wanted };
}

/** The same suspicion without Lifeguard: the shortest timeout from the start, whoever confirms it (SWIM 4.2). */
export function fixedSuspicion({ minMs }: SuspicionBounds): SuspicionBounds {
  return { minMs, maxMs: minMs, wanted: 0 };
}

/** A suspicion's whole length after `confirmations` (Lifeguard's logarithmic decay). */
export function suspicionTimeoutMs(bounds: SuspicionBounds, confirmations: number): number {
  if (bounds.wanted < 1) return bounds.minMs;
  const fraction = log(confirmations + 1) / log(bounds.wanted + 1);
  const ms = Math.floor(bounds.maxMs - fraction * (bounds.maxMs - bounds.minMs));
  return Math.max(ms, bounds.minMs);
}
