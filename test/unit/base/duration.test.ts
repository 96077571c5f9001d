import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../../src/base/duration.ts';

describe('durations read as Go reads them', () => {
  it.each([
    ['0', 0],
    ['300ms', 300],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['-5s', -5000],
    ['+5s', 5000],
    ['.5s', 500],
    ['5.s', 5000],
    ['10us', 0.01],
    ['10µs', 0.01],
    ['1h1m1s1ms', 3_661_001],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBeCloseTo(ms, 9);
  });

  it.each([
    ['5', 'time: missing unit in duration "5"'],
    ['1m5', 'time: missing unit in duration "1m5"'],
    ['5x', 'time: unknown unit "x" in duration "5x"'],
    ['5 s', 'time: unknown unit " s" in duration "5 s"'],
    ['', 'time: invalid duration ""'],
    ['-', 'time: invalid duration "-"'],
    ['abc', 'time: invalid duration "abc"'],
    ['.s', 'time: invalid duration ".s"'],
    ['1s-', 'time: unknown unit "s-" in duration "1s-"'],
    ['9999999h', 'time: invalid duration "9999999h"'],
    ['5constructor', 'time: unknown unit "constructor" in duration "5constructor"'],
  ])('%j is refused with %s', (text, message) => {
    expect(() => parseDuration(text)).toThrow(message);
  });

  it.each([
    [0, '0s'],
    [0.0000015, '2ns'],
    [0.0015, '1.5µs'],
    [1.5, '1.5ms'],
    [30_000, '30s'],
    [90_000, '1m30s'],
    [86_400_000, '24h0m0s'],
    [-1500, '-1.5s'],
  ])('%d ms prints as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
