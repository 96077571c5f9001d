import { describe, expect, it } from 'vitest';
import { ascending, mean, quantile } from '../../../../src/sim/report/quantiles.ts';

describe('a quantile', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1);

  it('is the value of the nearest rank', () => {
    expect([0, 0.5, 0.99, 0.999, 1].map((p) => quantile(hundred, p))).toEqual([1, 50, 99, 100, 100]);
    expect(quantile([7], 0.5)).toBe(7);
  });

  it('of nothing is nothing, as is a mean', () => {
    expect(quantile([], 0.5)).toBeUndefined();
    expect(mean([])).toBeUndefined();
  });

  it('wants numbers in numeric order, which ascending gives', () => {
    expect(ascending(new Set([10, 9, 100]))).toEqual([9, 10, 100]);
    expect(mean([1, 2, 6])).toBe(3);
  });
});
