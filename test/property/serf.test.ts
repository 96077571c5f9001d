import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WireError } from '../../src/base/errors.ts';
import * as m from '../../src/serf/messages.ts';
import { World } from '../../src/sim/world.ts';
import { addSerf } from '../support/serf-node.ts';
import { bench, facts, membershipOn, userEventsOn } from '../support/serf-parts.ts';
import { addProbe } from '../support/swim-node.ts';

const RING = 512;

/** Times that crowd around ring borders, so that slots are shared. */
const time = fc.oneof(
  fc.integer({ min: 0, max: 6 }),
  fc.integer({ min: 505, max: 520 }),
  fc.integer({ min: 0, max: 2_000 }),
);

const userEvent = fc.record({
  ltime: time,
  name: fc.constantFrom('a', 'b'),
  payload: fc.constantFrom(null, new Uint8Array(0), Uint8Array.of(1)),
  coalesce: fc.boolean(),
});

describe('user events', () => {
  it('each is delivered exactly once while it is young enough, and never after', () => {
    fc.assert(
      fc.property(fc.array(userEvent, { maxLength: 200 }), (messages) => {
        const on = bench();
        const events = userEventsOn(on);
        const delivered = new Set<string>();
        let clock = 1;
        for (const message of messages) {
          clock = Math.max(clock, message.ltime + 1);
          const key = `${message.ltime} ${message.name} ${message.payload?.join() ?? ''}`;
          const young = clock <= RING || message.ltime >= clock - RING;
          expect(events.receive(0, message)).toBe(young && !delivered.has(key));
          if (young) delivered.add(key);
          expect(on.clock.time).toBe(clock);
        }
        expect(on.events).toHaveLength(delivered.size);
      }),
    );
  });

  it('a push/pull of a whole ring repeats nothing', () => {
    fc.assert(
      fc.property(fc.array(userEvent, { maxLength: 100 }), (messages) => {
        const events = userEventsOn(bench());
        for (const message of messages) events.receive(0, message);
        for (const slot of events.slots()) {
          for (const { name, payload } of slot.events) {
            expect(events.receive(0, { ltime: slot.ltime, name, payload, coalesce: false })).toBe(false);
          }
        }
      }),
    );
  });
});

/** Intents of distinct times, and two orders to hear them in. */
const intents = fc
  .uniqueArray(fc.record({ ltime: fc.integer({ min: 1, max: 50 }), leaves: fc.boolean() }), {
    selector: (intent) => intent.ltime,
    minLength: 1,
    maxLength: 12,
  })
  .chain((list) =>
    fc.tuple(
      fc.constant(list),
      fc.shuffledSubarray(list, { minLength: list.length }),
      fc.integer({ min: 0, max: list.length }),
    ),
  );

describe('intents', () => {
  it('the latest one decides, in whatever order they come and whenever the member appears', () => {
    fc.assert(
      fc.property(intents, ([list, order, appearsAfter]) => {
        const on = bench();
        const membership = membershipOn(on);
        let passedOn = 0;
        for (const [i, { ltime, leaves }] of order.entries()) {
          if (i === appearsAfter) membership.joined(0, facts('x'));
          const before = membership.members.get('x')?.statusLTime ?? 0;
          const passed = leaves
            ? membership.leaveIntent(0, { ltime, node: 'x', prune: false })
            : membership.joinIntent(0, { ltime, node: 'x' });
          if (passed) passedOn += 1;
          expect(membership.members.get('x')?.statusLTime ?? 0).toBeGreaterThanOrEqual(before);
        }
        if (appearsAfter === order.length) membership.joined(0, facts('x'));
        const latest = list.reduce((a, b) => (a.ltime > b.ltime ? a : b));
        expect(membership.members.get('x')).toMatchObject({
          status: latest.leaves ? 'leaving' : 'alive',
          statusLTime: latest.ltime,
        });
        expect(on.clock.time).toBe(latest.ltime + 1);
        expect(passedOn).toBeGreaterThan(0);
        for (const { ltime, leaves } of order) {
          const again = leaves
            ? membership.leaveIntent(0, { ltime, node: 'x', prune: false })
            : membership.joinIntent(0, { ltime, node: 'x' });
          expect(again).toBe(false);
        }
      }),
    );
  });
});

const name = fc.string({ unit: 'grapheme', maxLength: 40 });
const payload = fc.option(fc.uint8Array({ maxLength: 300 }), { nil: null });
const ltime = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

describe('codecs', () => {
  it('every message survives a round trip', () => {
    const query = fc.record({
      ltime,
      id: u32,
      addr: fc.uint8Array({ minLength: 4, maxLength: 16 }),
      port: fc.integer({ min: 0, max: 0xffff }),
      sourceNode: name,
      filters: fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 4 }),
      flags: u32,
      relayFactor: fc.integer({ min: 0, max: 255 }),
      timeoutNs: fc.maxSafeInteger(),
      name,
      payload,
    });
    const slot = fc.record({ ltime, events: fc.array(fc.record({ name, payload }), { maxLength: 3 }) });
    const state = fc.record({
      ltime,
      statusLTimes: fc.array(fc.tuple(name, ltime), { maxLength: 5 }).map((pairs) => new Map(pairs)),
      leftMembers: fc.array(name, { maxLength: 5 }),
      eventLTime: ltime,
      events: fc.array(fc.option(slot, { nil: null }), { maxLength: 20 }),
      queryLTime: ltime,
    });
    const plain = <T>(value: T): unknown =>
      JSON.parse(JSON.stringify(value, (_, v) => (v instanceof Map ? [...v] : v)));
    fc.assert(
      fc.property(query, state, (question, whole) => {
        expect(plain(m.queryCodec.decode(m.queryCodec.encode(question)))).toEqual(plain(question));
        expect(plain(m.pushPullCodec.decode(m.pushPullCodec.encode(whole)))).toEqual(plain(whole));
      }),
    );
  });

  it('damaged states and relays are wire errors and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const decode of [
          m.pushPullCodec.decode,
          m.decodeRelay,
          m.conflictCodec.decode,
          m.keyResponseCodec.decode,
        ]) {
          for (const type of [2, 6, 8, 9]) {
            try {
              decode(Uint8Array.of(type, ...bytes));
            } catch (error) {
              expect(error).toBeInstanceOf(WireError);
            }
          }
        }
      }),
    );
  });
});

describe('hostile user messages', () => {
  const USER = 8;
  const valid = [
    m.joinCodec.encode({ ltime: 3, node: 'x' }),
    m.leaveCodec.encode({ ltime: 3, node: 'n1', prune: true }),
    m.userEventCodec.encode({ ltime: 3, name: 'e', payload: Uint8Array.of(1), coalesce: true }),
    m.queryCodec.encode({
      ltime: 3,
      id: 1,
      addr: Uint8Array.of(127, 0, 0, 9),
      port: 7946,
      sourceNode: 'p',
      filters: [new Uint8Array(0), Uint8Array.of(1)],
      flags: 1,
      relayFactor: 3,
      timeoutNs: 1e9,
      name: '_serf_install-key',
      payload: new Uint8Array(0),
    }),
    m.queryResponseCodec.encode({ ltime: 1, id: 1, from: 'x', flags: 1, payload: null }),
  ];
  const mutated = fc
    .tuple(
      fc.constantFrom(...valid),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      fc.nat(),
    )
    .map(([bytes, flips, cut]) => {
      const copy = Uint8Array.from(bytes);
      for (const [at, value] of flips) copy[at % copy.length] = value;
      return cut % 3 === 0 ? copy.subarray(0, cut % copy.length) : copy;
    });

  it('random, truncated and mutated messages leave the node up and its membership intact', () => {
    const world = new World(5);
    const node = addSerf(world, 'n1', 1);
    const probe = addProbe(world, { ip: '127.0.0.9', port: 7946 });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 120 }), mutated), (bytes) => {
        probe.send(node.address, Uint8Array.of(USER, ...bytes));
        world.run(5);
      }),
      { numRuns: 1_000 },
    );
    world.run(10_000);
    expect(node.view()).toEqual(['n1:alive']);
    expect(node.serf.state).toBe('alive');
    const drops = [...node.serf.counters].filter(([key]) => key.startsWith('drop:'));
    expect(drops.length).toBeGreaterThan(3);
  });
});
