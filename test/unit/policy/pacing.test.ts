import { describe, expect, it } from 'vitest';
import { ClusterMemory } from '../../../src/policy/cluster-memory.ts';
import type { FlapConfig } from '../../../src/policy/config.ts';
import { Debounce } from '../../../src/policy/debounce.ts';
import { FlapDamping } from '../../../src/policy/flaps.ts';
import { Removals } from '../../../src/policy/removals.ts';
import { splayOf } from '../../../src/policy/splay.ts';
import { facts } from './samples.ts';

describe('debounce', () => {
  const wait = { minMs: 100, maxMs: 250 };

  it('is due after a quiet time, and at the latest a while after the first change', () => {
    const debounce = new Debounce();
    expect(debounce.due(wait)).toBe(Number.POSITIVE_INFINITY);
    debounce.touch(0);
    expect(debounce.due(wait)).toBe(100);
    debounce.touch(90);
    debounce.touch(180);
    expect(debounce.due(wait)).toBe(250);
    debounce.clear();
    expect(debounce.due(wait)).toBe(Number.POSITIVE_INFINITY);
  });

  it('never waits less than the quiet time because the longest is shorter', () => {
    const debounce = new Debounce();
    debounce.touch(0);
    expect(debounce.due({ minMs: 100, maxMs: 10 })).toBe(100);
  });
});

describe('splay', () => {
  it('is the same every time, differs by node and name, and stays below its bound', () => {
    const of = (node: string, name: string) => splayOf(node, name, 10_000);
    expect(of('web-1', 'lb')).toBe(of('web-1', 'lb'));
    expect(
      new Set([of('web-1', 'lb'), of('web-2', 'lb'), of('web-1', 'hosts'), of('web-1l', 'b')]).size,
    ).toBe(4);
    expect(splayOf('web-1', 'lb', 0)).toBe(0);
  });

  it('spreads a fleet evenly: each tenth of the time has its share', () => {
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let at = 0; at < 1_000; at += 1) {
      const tenth = Math.floor(splayOf(`node-${at}`, 'lb', 10_000) / 1_000);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    for (const count of tenths) expect(count).toBeGreaterThan(60);
    for (const count of tenths) expect(count).toBeLessThan(140);
  });
});

describe('flap damping', () => {
  const config: FlapConfig = { threshold: 3, halfLifeMs: 1_000, holdMs: 10_000 };
  const here = (place = 'x') => new Map([['n', place]]);
  const gone = new Map<string, string>();

  /** Comes, then goes and comes back `times` times, 10 ms each. */
  function flap(times: number): FlapDamping {
    const flaps = new FlapDamping();
    flaps.observe(0, here(), config);
    for (let at = 0; at < times; at += 1) {
      flaps.observe(at * 20 + 10, gone, config);
      flaps.observe(at * 20 + 20, here(), config);
    }
    return flaps;
  }

  it('lets a node come back a few times', () => {
    expect(flap(3).observe(70, here(), config).size).toBe(0);
  });

  it('keeps it out when it returns once too often, until its weight has halved', () => {
    const flaps = flap(4);
    expect([...flaps.observe(81, here(), config)]).toEqual(['n']);
    const next = flaps.nextDeadline(config);
    expect([...flaps.observe(next - 1, here(), config)]).toEqual(['n']);
    expect([...flaps.observe(next, here(), config)]).toEqual([]);
    expect(flaps.nextDeadline(config)).toBe(Number.POSITIVE_INFINITY);
  });

  it('keeps nobody out longer than the hold', () => {
    const short = { ...config, holdMs: 50 };
    const flaps = flap(8);
    expect([...flaps.observe(200, here(), short)]).toEqual(['n'].filter(() => 160 + 50 > 200));
    expect([...flaps.observe(210, here(), short)]).toEqual([]);
  });

  it('counts a node that moves as one that returns', () => {
    const flaps = new FlapDamping();
    for (let at = 0; at < 5; at += 1) flaps.observe(at, here(`place ${at}`), config);
    expect([...flaps.observe(5, here('place 4'), config)]).toEqual(['n']);
  });

  it('forgives with time: slow comings and goings never count', () => {
    const flaps = new FlapDamping();
    for (let at = 0; at < 50; at += 1) {
      flaps.observe(at * 10_000, here(), config);
      flaps.observe(at * 10_000 + 5_000, gone, config);
    }
    expect(flaps.observe(500_000, here(), config).size).toBe(0);
  });
});

describe('removals', () => {
  it('count within their window, and not when the member is back', () => {
    const removals = new Removals();
    removals.record(0, ['a', 'b'], ['c']);
    removals.record(50, ['c'], ['b']);
    expect(removals.within(50, 100, new Set())).toBe(2);
    expect(removals.within(50, 100, new Set(['a']))).toBe(1);
    expect(removals.within(101, 100, new Set())).toBe(1);
    expect(removals.within(151, 100, new Set())).toBe(0);
  });
});

describe('the memory of a cluster', () => {
  it('holds who was alive lately, without those that left, for as long as the window', () => {
    const memory = new ClusterMemory();
    const sized = (now: number, text: string) => {
      const { alive, failed, largest } = memory.observe(now, facts(text), 100);
      return { alive, failed, largest };
    };
    expect(sized(0, 'a b c d')).toEqual({ alive: 4, failed: 0, largest: 4 });
    expect(sized(50, 'a -b =c')).toEqual({ alive: 1, failed: 1, largest: 3 });
    expect(sized(101, 'a')).toEqual({ alive: 1, failed: 0, largest: 1 });
  });

  it('goes on from what an earlier run has seen', () => {
    const earlier = new ClusterMemory();
    earlier.observe(0, facts('a b'), 100);
    earlier.observe(30, facts('b c'), 100);
    const memory = new ClusterMemory();
    memory.recall(1_000, earlier.seenLately(60));
    expect(memory.observe(1_000, facts('me'), 100).largest).toBe(4);
    expect(memory.observe(1_050, facts('me'), 100).largest).toBe(3);
    expect(memory.observe(1_071, facts('me'), 100).largest).toBe(1);
  });
});
