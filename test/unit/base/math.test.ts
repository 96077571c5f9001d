import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { log, log2, log10 } from '../../../src/base/math.ts';

const positive = fc.double({ min: Number.MIN_VALUE, max: Number.MAX_VALUE, noNaN: true });

/** Distance in units of the last place of the larger one. */
function ulps(a: number, b: number): number {
  const unit = Math.max(Math.abs(a), Math.abs(b)) * Number.EPSILON;
  return unit === 0 ? 0 : Math.abs(a - b) / unit;
}

describe('logarithms', () => {
  it.each([
    ['log', log, Math.log],
    ['log2', log2, Math.log2],
    ['log10', log10, Math.log10],
  ] as const)('%s is what the engine says but for the last bits', (_name, ours, theirs) => {
    fc.assert(fc.property(positive, (x) => ulps(ours(x), theirs(x)) <= 3));
    for (const x of [Number.NaN, -1, 0, Number.POSITIVE_INFINITY]) expect(ours(x)).toBe(theirs(x));
  });

  it('are whole for whole powers', () => {
    for (let power = -1074; power <= 1023; power += 1) expect(log2(2 ** power)).toBe(power);
    for (let power = 0; power <= 22; power += 1) expect(log10(Number(`1e${power}`))).toBe(power);
    expect(Object.is(log(1), 0)).toBe(true);
  });

  it('round up as the digits of a number do, for every cluster size', () => {
    for (let n = 1; n <= 200_000; n += 1) {
      const digits = String(n).length;
      expect(Math.ceil(log10(n + 1))).toBe(digits);
    }
  });

  it('never fall as their argument rises', () => {
    for (let n = 1; n <= 20_000; n += 1) {
      expect(log(n + 1)).toBeGreaterThan(log(n));
      expect(log2(n + 1)).toBeGreaterThan(log2(n));
      expect(log10(n + 1)).toBeGreaterThan(log10(n));
    }
  });

  it('give these bits on every engine', () => {
    const view = new DataView(new ArrayBuffer(8));
    const bits = (x: number): string => {
      view.setFloat64(0, x);
      return view.getBigUint64(0).toString(16);
    };
    let sum = 0n;
    for (let i = 1; i <= 5_000; i += 1) {
      for (const value of [log(i / 7), log2(i / 7), log10(i / 7)])
        sum ^= BigInt(`0x${bits(value)}`) * BigInt(i);
    }
    expect([bits(log(3)), bits(log2(3)), bits(log10(3)), sum.toString(16)]).toMatchInlineSnapshot(`
      [
        "3ff193ea7aad030b",
        "3ff95c01a39fbd69",
        "3fde8927964fd5fe",
        "3e6223221be9dd0f4d6",
      ]
    `);
  });
});
