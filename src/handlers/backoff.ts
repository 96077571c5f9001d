import type { RetryRule } from './supervised.ts';

/** Failures after which a pause no longer grows; keeps the power of two finite. */
const MOST_DOUBLINGS = 30;

/**
 * Milliseconds to wait after the `failures`-th failure in a row (from 1): doubling from `backoffMs` to `maxBackoffMs`,
 * varied by the jitter share so that a fleet does not try again in the same instant. `random` is uniform in [0, 1).
 */
export function pauseAfter(failures: number, rule: RetryRule, random: number): number {
  const doublings = Math.min(Math.max(0, failures - 1), MOST_DOUBLINGS);
  const pause = Math.min(rule.backoffMs * 2 ** doublings, Math.max(rule.backoffMs, rule.maxBackoffMs));
  return pause * (1 + rule.jitter * (2 * random - 1));
}

/** Whether there is another try after `failures` of them. */
export function triesAgain(failures: number, rule: RetryRule): boolean {
  return rule.attempts === 0 || failures < rule.attempts;
}
