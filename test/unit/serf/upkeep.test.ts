import { describe, expect, it } from 'vitest';
import type { Random } from '../../../src/base/random.ts';
import { SERF_DEFAULTS } from '../../../src/serf/config.ts';
import { queueDepthLimit, SerfQueues } from '../../../src/serf/queues.ts';
import { chooseReconnect } from '../../../src/serf/reconnect.ts';
import { bench, facts, membershipOn } from '../../support/serf-parts.ts';

/** Chance that always says the same. */
function fixed(float: number, index = 0): Random {
  return { float: () => float, below: () => index, bytes: (length) => new Uint8Array(length) };
}

/** A table with so many alive, failed and left members. */
function table(alive: number, failed: number, left: number) {
  const membership = membershipOn(bench());
  for (let i = 0; i < alive + failed + left; i += 1) membership.joined(0, facts(`n${i}`, i));
  for (let i = 0; i < left; i += 1) membership.leaveIntent(0, { ltime: 9 + i, node: `n${i}`, prune: false });
  for (let i = 0; i < left + failed; i += 1) membership.gone(0, `n${i}`);
  return membership.members;
}

describe('choosing a failed member to try again', () => {
  it('there is none to try when nobody failed', () => {
    expect(chooseReconnect(table(3, 0, 2), fixed(0))).toBeUndefined();
  });

  it.each([
    [4, 1, 3, 0.25, true],
    [4, 1, 3, 0.26, false],
    [2, 2, 0, 0.99, true],
    [0, 1, 5, 0.99, true],
  ])('%i alive, %i failed, %i left, chance %f: tried %s', (alive, failed, left, chance, tried) => {
    const chosen = chooseReconnect(table(alive, failed, left), fixed(chance));
    if (tried) expect(chosen).toMatchObject({ status: 'failed' });
    else expect(chosen).toBe('throttled');
  });

  it('any of the failed ones may be chosen', () => {
    const members = table(1, 3, 0);
    const names = [0, 1, 2].map((index) => chooseReconnect(members, fixed(0, index)));
    expect(new Set(names).size).toBe(3);
  });
});

describe('broadcast queues', () => {
  it.each([
    [0, 100, 4096],
    [1024, 100, 1024],
    [16, 100, 200],
  ])('minimum depth %i among %i members allows %i messages', (minQueueDepth, members, limit) => {
    expect(queueDepthLimit({ ...SERF_DEFAULTS, minQueueDepth }, members)).toBe(limit);
  });

  it('a flood of peers is cut before the next check, and what no datagram holds is not queued', () => {
    const on = bench();
    const config = { ...SERF_DEFAULTS, maxQueueDepth: 5, swim: { udpBufferSize: 100 } };
    const queues = new SerfQueues(4, config, on.trace);
    queues.pass(queues.events, new Uint8Array(100), 3, on.counters);
    expect(queues.events.size).toBe(0);
    for (let i = 0; i < 10; i += 1) queues.pass(queues.events, new Uint8Array(99), 3, on.counters);
    expect(queues.events.size).toBe(10);
    queues.pass(queues.events, new Uint8Array(99), 3, on.counters);
    expect(queues.events.size).toBe(5);
    expect(Object.fromEntries(on.counters.values)).toEqual({
      'drop:broadcast-too-large': 1,
      'drop:broadcast-queue-full': 6,
    });
  });

  it('long queues are warned of, and those above the limit are cut', () => {
    const on = bench();
    const queues = new SerfQueues(
      4,
      { queueDepthWarning: 3, maxQueueDepth: 5, minQueueDepth: 0, swim: { udpBufferSize: 1400 } },
      on.trace,
    );
    for (let i = 0; i < 2; i += 1) queues.intents.enqueue(Uint8Array.of(i));
    for (let i = 0; i < 3; i += 1) queues.events.enqueue(Uint8Array.of(i));
    for (let i = 0; i < 7; i += 1) queues.queries.enqueue(Uint8Array.of(i));
    expect(queues.check(3)).toBe(2);
    expect(on.texts()).toEqual([
      'Event queue depth: 3',
      'Query queue depth: 7',
      'Query queue depth (7) exceeds limit (5), dropping messages!',
    ]);
    expect(queues.queries.size).toBe(5);
  });
});
