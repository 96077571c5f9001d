import { quantile } from '../../../src/sim/report/quantiles.ts';

/** Words and numbers as the tables have them. */

export const NOTHING = '–';

/** 12345 → 12,345. */
export function count(value: number): string {
  return value.toLocaleString('en-GB');
}

/** Milliseconds as seconds with two places. */
export function seconds(ms: number | undefined): string {
  return ms === undefined ? NOTHING : (ms / 1_000).toFixed(2);
}

/** How many times less `value` is than `base`. */
export function timesFewer(base: number, value: number): string {
  if (base === 0) return NOTHING;
  if (value === 0) return `all of ${count(base)}`;
  const ratio = base / value;
  return `${ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(1)} ×`;
}

/** Median, 99th and 99.9th of ascending milliseconds, in seconds. */
export function spread(sorted: readonly number[]): string {
  return [0.5, 0.99, 0.999].map((p) => seconds(quantile(sorted, p))).join(' / ');
}
