import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Agenda } from '../../../src/sim/agenda.ts';
import { Timeline } from '../../../src/sim/timeline.ts';
import { Wakes } from '../../../src/sim/wakes.ts';

describe('the agenda', () => {
  it('gives items by instant, those of one instant in the order they were caused', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 3_000 }), (instants) => {
        const agenda = new Agenda<number>();
        instants.forEach((at, order) => {
          agenda.push(at, order, order);
        });
        const expected = instants
          .map((at, order) => ({ at, order }))
          .sort((a, b) => a.at - b.at || a.order - b.order)
          .map(({ order }) => order);
        const taken: number[] = [];
        for (let item = agenda.pop(); item !== undefined; item = agenda.pop()) taken.push(item);
        expect(taken).toEqual(expected);
        expect(agenda.nextAt).toBe(Number.POSITIVE_INFINITY);
      }),
    );
  });
});

describe('wakes', () => {
  it('hold the last instant set for each host, and nothing of cancelled ones', () => {
    const change = fc.record({ host: fc.nat(600), at: fc.option(fc.nat(50)) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 1_500 }), (changes) => {
        const wakes = new Wakes();
        const model = new Map<number, { at: number; order: number }>();
        changes.forEach(({ host, at }, order) => {
          if (at === null) {
            wakes.cancel(host);
            model.delete(host);
          } else {
            wakes.set(host, at, order);
            model.set(host, { at, order });
          }
        });
        const expected = [...model]
          .sort(([, a], [, b]) => a.at - b.at || a.order - b.order)
          .map(([host]) => host);
        expect(wakes.size).toBe(expected.length);
        const taken: number[] = [];
        for (let host = wakes.take(); host !== undefined; host = wakes.take()) taken.push(host);
        expect(taken).toEqual(expected);
      }),
    );
  });
});

describe('the timeline', () => {
  it('mixes wakes and items in the order they were caused, and never goes back', () => {
    const timeline = new Timeline<string>();
    const seen: string[] = [];
    const reader = {
      happen: (item: string) => void seen.push(`${item}@${timeline.now}`),
      wake: (host: number) => void seen.push(`host ${host}@${timeline.now}`),
    };
    timeline.push(5, 'a');
    timeline.setWake(1, 5);
    timeline.push(5, 'b');
    timeline.setWake(2, 3);
    timeline.setWake(3, 4);
    timeline.setWake(3, Number.POSITIVE_INFINITY);
    timeline.setWake(2, 6);
    timeline.runTo(10, reader);
    timeline.setWake(4, 2);
    timeline.runTo(11, reader);
    expect(seen).toEqual(['a@5', 'host 1@5', 'b@5', 'host 2@6', 'host 4@10']);
    expect(timeline.nextAt).toBe(Number.POSITIVE_INFINITY);
  });
});
