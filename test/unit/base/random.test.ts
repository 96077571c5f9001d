import { describe, expect, it } from 'vitest';
import { seededRandom, shuffle } from '../../../src/base/random.ts';

describe('seeded randomness', () => {
  const draw = (seed: number, name?: string): number[] => {
    const random = seededRandom(seed, name);
    return Array.from({ length: 8 }, () => random.float());
  };

  it('repeats for one seed and name, and differs for others', () => {
    expect(draw(1, 'a')).toEqual(draw(1, 'a'));
    const distinct = [draw(1), draw(2), draw(1, 'a'), draw(1, 'b'), draw(0), draw(-1)].map(String);
    expect(new Set(distinct).size).toBe(6);
  });

  it('draws floats from [0, 1) and integers from [0, bound), evenly', () => {
    const random = seededRandom(42);
    const counts = new Array<number>(10).fill(0);
    let sum = 0;
    for (let i = 0; i < 20_000; i += 1) {
      const float = random.float();
      expect(float >= 0 && float < 1).toBe(true);
      sum += float;
      const digit = random.below(10);
      counts[digit] = (counts[digit] as number) + 1;
    }
    expect(sum / 20_000).toBeCloseTo(0.5, 1);
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(300);
    expect(random.below(1)).toBe(0);
  });

  it('gives bytes of every value', () => {
    const bytes = seededRandom(7).bytes(10_000);
    expect(new Set(bytes).size).toBe(256);
    expect(seededRandom(7).bytes(0)).toHaveLength(0);
  });

  it('shuffles to every order, losing nothing', () => {
    const random = seededRandom(3);
    const seen = new Map<string, number>();
    for (let i = 0; i < 6000; i += 1) {
      const items = [1, 2, 3];
      shuffle(items, random);
      seen.set(items.join(''), (seen.get(items.join('')) ?? 0) + 1);
    }
    expect([...seen.keys()].sort()).toEqual(['123', '132', '213', '231', '312', '321']);
    for (const count of seen.values()) expect(Math.abs(count - 1000)).toBeLessThan(200);
  });
});
