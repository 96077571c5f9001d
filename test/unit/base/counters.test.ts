import { describe, expect, it } from 'vitest';
import { Counters } from '../../../src/base/counters.ts';

describe('a tally', () => {
  it('is counted in whenever its counters are read, once', () => {
    const counters = new Counters();
    const tally = counters.tally('datagrams');
    expect([...counters.values]).toEqual([]);
    tally.add();
    tally.add(4);
    counters.add('datagrams');
    expect(counters.get('datagrams')).toBe(6);
    expect([...counters.values]).toEqual([['datagrams', 6]]);
    tally.add();
    expect(counters.get('datagrams')).toBe(7);
  });
});
