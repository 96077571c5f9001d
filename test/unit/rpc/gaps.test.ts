import * as fc from 'fast-check';
import { assert, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Gaps } from '../../../src/rpc/streams/gaps.ts';

const CAPACITY = 3;

/** A reader of a bounded buffer that refuses what comes while it is full; `true` offers, `false` takes. */
function play(steps: readonly boolean[]): { told: (number | { gap: number })[]; offered: number } {
  const gaps = new Gaps(CAPACITY);
  const held: number[] = [];
  const told: (number | { gap: number })[] = [];
  let offered = 0;
  const take = (): void => {
    const item = held.shift();
    if (item === undefined) return;
    gaps.take();
    told.push(item);
    const gap = gaps.tell();
    if (gap > 0) told.push({ gap });
  };
  for (const offer of steps) {
    if (!offer) take();
    else {
      if (held.length >= CAPACITY) gaps.lost();
      else held.push(offered);
      offered += 1;
    }
  }
  while (held.length > 0) take();
  return { told, offered };
}

describe('gaps', () => {
  it('stand exactly where items are missing, and count each', () => {
    assert(
      property(fc.array(fc.boolean(), { maxLength: 60 }), (steps) => {
        const { told, offered } = play(steps);
        let next = 0;
        for (const item of told) {
          if (typeof item === 'number') {
            expect(item).toBe(next);
            next += 1;
          } else next += item.gap;
        }
        expect(next).toBe(offered);
      }),
    );
  });

  it('are told once', () => {
    const gaps = new Gaps(0);
    gaps.lost();
    gaps.lost();
    expect([gaps.tell(), gaps.tell()]).toEqual([2, 0]);
  });
});
