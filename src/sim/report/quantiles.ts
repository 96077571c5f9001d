/** Numbers in ascending order, for `quantile`. */
export function ascending(values: Iterable<number>): number[] {
  return [...values].sort((a, b) => a - b);
}

/**
 * The smallest value that at least the share `p` (0..1) of the values does not exceed (nearest rank); `undefined` of
 * none. `sorted` is in ascending order.
 */
export function quantile(sorted: readonly number[], p: number): number | undefined {
  const rank = Math.ceil(Math.min(1, Math.max(0, p)) * sorted.length);
  return sorted[Math.max(0, rank - 1)];
}

/** The arithmetic mean; `undefined` of none. */
export function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}
