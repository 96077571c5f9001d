import { describe, expect, it } from 'vitest';
import { Deadlines } from '../../../src/base/deadlines.ts';
import { seededRandom } from '../../../src/base/random.ts';

function drain(deadlines: Deadlines<string>, now: number): string[] {
  const out: string[] = [];
  for (let next = deadlines.take(now); next !== undefined; next = deadlines.take(now)) out.push(next);
  return out;
}

describe('deadlines', () => {
  it('are taken in order of time, those of one instant in the order they were set', () => {
    const deadlines = new Deadlines<string>();
    for (const [key, at] of [
      ['c', 5],
      ['a', 1],
      ['d', 5],
      ['b', 3],
      ['e', 5],
    ] as const)
      deadlines.set(key, at, key);
    expect(deadlines.next()).toBe(1);
    expect(drain(deadlines, 4)).toEqual(['a', 'b']);
    expect(deadlines.next()).toBe(5);
    expect(drain(deadlines, 5)).toEqual(['c', 'd', 'e']);
    expect([deadlines.next(), deadlines.size]).toEqual([Number.POSITIVE_INFINITY, 0]);
  });

  it('that are set again move, take their new value, and go to the end of their instant', () => {
    const deadlines = new Deadlines<string>();
    deadlines.set('a', 5, 'old');
    deadlines.set('b', 5, 'b');
    deadlines.set('a', 5, 'new');
    expect(deadlines.size).toBe(2);
    expect(drain(deadlines, 5)).toEqual(['b', 'new']);
  });

  it('that are cancelled never fire', () => {
    const deadlines = new Deadlines<string>();
    deadlines.set('a', 1, 'a');
    deadlines.set('b', 2, 'b');
    expect([deadlines.cancel('a'), deadlines.cancel('a'), deadlines.cancel('x')]).toEqual([
      true,
      false,
      false,
    ]);
    expect([deadlines.at('a'), deadlines.at('b')]).toEqual([undefined, 2]);
    expect(drain(deadlines, 9)).toEqual(['b']);
  });

  it('without a name keep their order among the others, move, are cancelled and set again', () => {
    const deadlines = new Deadlines<string>();
    const slot = deadlines.slot('slot');
    expect([slot.cancel(), deadlines.size]).toEqual([false, 0]);
    deadlines.set('a', 5, 'a');
    slot.set(5);
    deadlines.set('b', 5, 'b');
    expect(drain(deadlines, 5)).toEqual(['a', 'slot', 'b']);
    deadlines.set('a', 5, 'a');
    slot.set(9);
    slot.set(1);
    expect([deadlines.next(), deadlines.size]).toEqual([1, 2]);
    expect([slot.cancel(), slot.cancel(), deadlines.size]).toEqual([true, false, 1]);
    slot.set(6);
    expect(drain(deadlines, 9)).toEqual(['a', 'slot']);
  });

  it('behave like a sorted list under any mix of operations', () => {
    const random = seededRandom(11);
    const deadlines = new Deadlines<string>();
    let model: { key: string; at: number; order: number }[] = [];
    for (let step = 0; step < 5000; step += 1) {
      const key = `k${random.below(60)}`;
      const choice = random.below(10);
      if (choice < 6) {
        const at = random.below(1000);
        model = model.filter((entry) => entry.key !== key);
        model.push({ key, at, order: step });
        deadlines.set(key, at, key);
      } else if (choice < 8) {
        const known = model.some((entry) => entry.key === key);
        model = model.filter((entry) => entry.key !== key);
        expect(deadlines.cancel(key)).toBe(known);
      } else {
        model.sort((a, b) => a.at - b.at || a.order - b.order);
        const now = random.below(400);
        const due = model[0] !== undefined && model[0].at <= now ? model.shift() : undefined;
        expect(deadlines.take(now)).toBe(due?.key);
      }
      expect(deadlines.size).toBe(model.length);
      expect(deadlines.next()).toBe(Math.min(Number.POSITIVE_INFINITY, ...model.map((entry) => entry.at)));
    }
  });
});
