import { describe, expect, it } from 'vitest';
import { Ring } from '../../../src/base/ring.ts';

describe('ring', () => {
  it('is first in, first out', () => {
    const ring = new Ring<number>(3);
    for (const item of [1, 2, 3]) expect(ring.push(item)).toBeUndefined();
    expect([...ring]).toEqual([1, 2, 3]);
    expect([ring.shift(), ring.shift(), ring.shift(), ring.shift()]).toEqual([1, 2, 3, undefined]);
  });

  it('drops its oldest entry when full, hands it back and counts it', () => {
    const ring = new Ring<number>(2);
    const lost = [1, 2, 3, 4].map((item) => ring.push(item));
    expect(lost).toEqual([undefined, undefined, 1, 2]);
    expect([[...ring], ring.size, ring.dropped]).toEqual([[3, 4], 2, 2]);
  });

  it('keeps its order over many wraps', () => {
    const ring = new Ring<number>(5);
    const model: number[] = [];
    for (let i = 0; i < 200; i += 1) {
      ring.push(i);
      model.push(i);
      if (model.length > 5) model.shift();
      if (i % 3 === 0) expect(ring.shift()).toBe(model.shift());
      expect([...ring]).toEqual(model);
    }
  });

  it('holds at least one entry', () => {
    const ring = new Ring<string>(0);
    ring.push('a');
    expect([ring.push('b'), [...ring]]).toEqual(['a', ['b']]);
  });
});
