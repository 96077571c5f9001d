import { describe, expect, it } from 'vitest';
import { Awareness } from '../../../src/swim/awareness.ts';
import { PROFILES } from '../../../src/swim/config.ts';
import {
  pushPullScale,
  retransmitLimit,
  suspicionBounds,
  suspicionTimeoutMs,
} from '../../../src/swim/scaling.ts';
import { Suspicion } from '../../../src/swim/suspicion.ts';

describe('retransmit limit', () => {
  it.each([
    [3, 0, 0],
    [3, 1, 3],
    [3, 99, 6],
    [4, 0, 0],
    [4, 1, 4],
    [4, 9, 4],
    [4, 10, 8],
    [4, 99, 8],
    [4, 100, 12],
    [4, 999, 12],
    [4, 1000, 16],
  ])('mult %i at N = %i is %i', (mult, n, limit) => {
    expect(retransmitLimit(mult, n)).toBe(limit);
  });
});

describe('push/pull scale', () => {
  it.each([
    [0, 1],
    [1, 1],
    [32, 1],
    [33, 2],
    [64, 2],
    [65, 3],
    [128, 3],
    [129, 4],
    [256, 4],
    [1000, 6],
    [10_000, 10],
  ])('N = %i waits %i intervals', (n, scale) => {
    expect(pushPullScale(n)).toBe(scale);
  });
});

describe('suspicion timeout', () => {
  it.each([
    ['lan', 1, 4000, 24_000],
    ['lan', 10, 4000, 24_000],
    ['lan', 20, 5204, 31_224],
    ['lan', 50, 6792, 40_752],
    ['lan', 100, 8000, 48_000],
    ['lan', 1000, 12_000, 72_000],
    ['wan', 10, 30_000, 180_000],
    ['wan', 100, 60_000, 360_000],
    ['local', 10, 3000, 18_000],
  ] as const)('%s at N = %i runs between %i and %i ms', (profile, n, minMs, maxMs) => {
    const bounds = suspicionBounds(PROFILES[profile], n);
    expect(bounds.minMs).toBe(minMs);
    expect(bounds.maxMs).toBe(maxMs);
  });

  it.each([
    [5, 1000],
    [10, 1000],
    [50, 1698],
    [100, 2000],
    [500, 2698],
    [1000, 3000],
  ])('mult 3 at N = %i has a minimum of %i ms', (n, third) => {
    expect(suspicionBounds({ ...PROFILES.lan, suspicionMult: 3 }, n).minMs).toBe(third * 3);
  });

  it('wants no confirmations when too few members could give them', () => {
    expect(suspicionBounds(PROFILES.lan, 3).wanted).toBe(0);
    expect(suspicionBounds(PROFILES.lan, 4).wanted).toBe(2);
    expect(suspicionBounds(PROFILES.wan, 5).wanted).toBe(0);
    expect(suspicionBounds(PROFILES.wan, 6).wanted).toBe(4);
    expect(suspicionBounds(PROFILES.local, 2).wanted).toBe(0);
    expect(suspicionBounds(PROFILES.local, 3).wanted).toBe(1);
  });

  it.each([
    ['lan', 8, [24_000, 11_381, 4000]],
    ['wan', 8, [180_000, 115_398, 77_609, 50_797, 30_000]],
  ] as const)('%s shortens with each confirmation', (profile, n, expected) => {
    const bounds = suspicionBounds(PROFILES[profile], n);
    expect(expected.map((_, confirmations) => suspicionTimeoutMs(bounds, confirmations))).toEqual(expected);
  });

  it('with three wanted confirmations falls logarithmically', () => {
    const bounds = { minMs: 500, maxMs: 2000, wanted: 3 };
    expect([0, 1, 2, 3].map((n) => suspicionTimeoutMs(bounds, n))).toEqual([2000, 1250, 811, 500]);
  });
});

describe('Suspicion', () => {
  const bounds = { minMs: 500, maxMs: 2000, wanted: 3 };

  it('counts each accuser once, the first one as already heard, and stops at the wanted number', () => {
    const suspicion = new Suspicion(100, 'me', bounds);
    expect(suspicion.expiresAt).toBe(2100);
    expect(suspicion.confirm('me')).toBe(false);
    expect(suspicion.confirm('a')).toBe(true);
    expect(suspicion.confirm('a')).toBe(false);
    expect(suspicion.expiresAt).toBe(1350);
    expect(suspicion.confirm('b')).toBe(true);
    expect(suspicion.confirm('c')).toBe(true);
    expect(suspicion.expiresAt).toBe(600);
    expect(suspicion.confirm('d')).toBe(false);
    expect(suspicion.confirmations).toBe(3);
  });

  it('without wanted confirmations lasts the minimum and learns nothing', () => {
    const suspicion = new Suspicion(0, 'me', { minMs: 500, maxMs: 2000, wanted: 0 });
    expect(suspicion.expiresAt).toBe(500);
    expect(suspicion.confirm('a')).toBe(false);
  });
});

describe('Awareness', () => {
  it('stays between 0 and one below the multiplier, and stretches times by score + 1', () => {
    const awareness = new Awareness(8);
    const steps: readonly (readonly [delta: number, score: number])[] = [
      [0, 0],
      [-1, 0],
      [-10, 0],
      [1, 1],
      [-1, 0],
      [10, 7],
      [-1, 6],
      [-1, 5],
    ];
    for (const [delta, score] of steps) {
      awareness.apply(delta);
      expect(awareness.score).toBe(score);
      expect(awareness.scale(1000)).toBe((score + 1) * 1000);
    }
  });
});
