import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ClusterEvent, MemberInfo, UserEvent } from '../../src/events/event.ts';
import { SERF_DEFAULTS } from '../../src/serf/config.ts';
import { LamportClock } from '../../src/serf/lamport.ts';
import { EventPipeline } from '../../src/serf/pipeline.ts';
import { mergePushPull } from '../../src/serf/push-pull.ts';
import { bench, facts, membershipOn, userEventsOn } from '../support/serf-parts.ts';

const PERIOD_MS = 3_000;
const QUIET_MS = 1_000;
const REAP_MS = 20_000;
const NAMES = ['a', 'b', 'c'] as const;

/** One thing that happens to a node's idea of the cluster. */
interface Step {
  readonly after: number;
  readonly what: 'join' | 'update' | 'gone' | 'leave' | 'prune' | 'return' | 'reap' | 'tick' | 'user';
  readonly name: (typeof NAMES)[number];
  readonly host: number;
  readonly role: string;
}

const step: fc.Arbitrary<Step> = fc.record({
  // Mostly within one window, now and then long enough to be reaped.
  after: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 0, max: 900 }) }, fc.constantFrom(4_000, 30_000)),
  what: fc.constantFrom(
    'join',
    'join',
    'update',
    'gone',
    'gone',
    'leave',
    'prune',
    'return',
    'reap',
    'tick',
    'user',
  ),
  name: fc.constantFrom(...NAMES),
  host: fc.integer({ min: 1, max: 4 }),
  role: fc.constantFrom('db', 'web', 'lb'),
});

interface Known {
  readonly status: 'alive' | 'left' | 'failed';
  readonly host: number | undefined;
  readonly role: string | undefined;
}

const knownOf = (info: MemberInfo, status: Known['status']): Known => ({
  status,
  host: info.addr[3],
  role: info.tags.get('role'),
});

/** Folds events into a member list, as a subscriber would; an event that cannot follow what came before is an error. */
function fold(into: Map<string, Known>, event: ClusterEvent): void {
  if (!('members' in event)) return;
  for (const info of event.members) {
    const before = into.get(info.name);
    const then = {
      'member-join': ['left', 'failed', 'none'],
      'member-update': ['alive'],
      'member-failed': ['alive'],
      'member-leave': ['alive', 'failed'],
      'member-reap': ['alive', 'left', 'failed'],
    }[event.type];
    if (!then.includes(before?.status ?? 'none')) {
      throw new Error(`${event.type} of ${info.name}, which was ${before?.status ?? 'unknown'}`);
    }
    const after = {
      'member-join': 'alive',
      'member-update': 'alive',
      'member-failed': 'failed',
      'member-leave': 'left',
      'member-reap': undefined,
    } as const;
    const status = after[event.type];
    if (status === undefined) into.delete(info.name);
    else into.set(info.name, knownOf(info, status));
  }
}

/** SWIM and Serf's member table over a coalescing pipeline; `told` is what came out of it, `raw` what went in. */
function machine(coalesce: boolean) {
  const told: ClusterEvent[] = [];
  const raw: ClusterEvent[] = [];
  const on = bench();
  const pipeline = new EventPipeline({
    config: {
      coalescePeriodMs: coalesce ? PERIOD_MS : 0,
      quiescentPeriodMs: coalesce ? QUIET_MS : 0,
      userCoalescePeriodMs: coalesce ? PERIOD_MS : 0,
      userQuiescentPeriodMs: coalesce ? QUIET_MS : 0,
    },
    tee: (_now, event) => void raw.push(event),
    internal: () => {},
    publish: (event) => void told.push(event),
  });
  const emit = (now: number, event: ClusterEvent): void => pipeline.accept(now, event);
  const membership = membershipOn({ ...on, emit });
  const userEvents = userEventsOn({ ...on, emit });
  return { on, told, raw, pipeline, membership, userEvents };
}

type Machine = ReturnType<typeof machine>;

/** What SWIM itself would not report, such as a second join of a live member, does not happen. */
function apply(now: number, { membership, on, pipeline, userEvents }: Machine, one: Step): void {
  const record = membership.members.get(one.name);
  const isLive = record !== undefined && (record.status === 'alive' || record.status === 'leaving');
  const fresh = facts(one.name, one.host, { role: one.role });
  switch (one.what) {
    case 'join':
      if (!isLive) membership.joined(now, fresh);
      return;
    case 'update':
      if (isLive) membership.updated(now, fresh);
      return;
    case 'gone':
      if (isLive) membership.gone(now, one.name, 1);
      return;
    case 'leave':
    case 'prune':
      membership.leaveIntent(now, { ltime: on.clock.time, node: one.name, prune: one.what === 'prune' });
      return;
    case 'return':
      membership.joinIntent(now, { ltime: on.clock.time, node: one.name });
      return;
    case 'reap':
      membership.reap(now, REAP_MS, REAP_MS);
      return;
    case 'tick':
      pipeline.tick(now);
      return;
    case 'user':
      userEvents.receive(now, {
        ltime: on.clock.time,
        name: one.role,
        payload: null,
        coalesce: one.host < 3,
      });
  }
}

/** The pending deletion of a leaving member comes due. */
function fireDue(now: number, { on, membership }: Machine): void {
  for (let due = on.deadlines.take(now); due !== undefined; due = on.deadlines.take(now)) {
    if (due.type === 'prune') membership.pruneDue(now, due.name);
    if (due.type === 'leave-overdue') membership.overdue(now, due.name);
  }
}

test.each([true, false])(
  'coalescing %s: folding what comes out gives the member list, after every history',
  (coalesce) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const m = machine(coalesce);
        let now = 0;
        const folded = new Map<string, Known>();
        let at = 0;
        const settle = () => {
          for (; at < m.told.length; at += 1) fold(folded, m.told[at]!);
        };
        const truth = () =>
          new Map(
            [...m.membership.members.values()].map(({ name, facts: { addr }, tags, status }) => [
              name,
              { status: status === 'leaving' ? 'alive' : status, host: addr[3], role: tags.get('role') },
            ]),
          );
        for (const one of steps) {
          now += one.after;
          fireDue(now, m);
          apply(now, m, one);
          settle();
          // With nothing held back a subscriber is never behind.
          if (m.pipeline.nextDeadline() === Number.POSITIVE_INFINITY) expect(folded).toEqual(truth());
          else expect(m.pipeline.nextDeadline()).toBeLessThanOrEqual(now + QUIET_MS);
        }
        m.pipeline.tick(now + PERIOD_MS);
        settle();
        expect(m.pipeline.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
        expect(folded).toEqual(truth());
        expect(transitions(m.told)).toEqual(merged(transitions(m.raw)));
      }),
      { numRuns: 400 },
    );
  },
);

/** Per member the types in order, with what they said. */
function transitions(events: readonly ClusterEvent[]): Map<string, string[]> {
  const out = new Map<string, string[]>();
  for (const event of events) {
    if (!('members' in event)) continue;
    for (const { name, addr, tags } of event.members) {
      const list = out.get(name) ?? [];
      list.push(`${event.type} ${addr[3]} ${tags.get('role')}`);
      out.set(name, list);
    }
  }
  return out;
}

/** No transition is hidden: of several updates in a row the last is enough, everything else stays. */
function merged(all: Map<string, string[]>): Map<string, unknown> {
  return new Map(
    [...all].map(([name, list]) => [name, expect.toSatisfy((told: string[]) => isThinned(told, list))]),
  );
}

/** From the end on, where the update that stays stands: two in a row may say the same. */
function isThinned(told: readonly string[], all: readonly string[]): boolean {
  let left = told.length;
  for (let i = all.length - 1; i >= 0; i -= 1) {
    if (told[left - 1] === all[i]) left -= 1;
    else if (!(all[i]!.startsWith('member-update') && all[i + 1]?.startsWith('member-update'))) return false;
  }
  return left === 0;
}

/** What user events of one window are to become: an exact model, one name at a time. */
class UserModel {
  readonly out = new Map<string, string[]>();
  readonly #held = new Map<string, UserEvent[]>();
  #first = Number.POSITIVE_INFINITY;
  #last = Number.POSITIVE_INFINITY;

  passed(now: number): void {
    if (now < Math.min(this.#first + PERIOD_MS, this.#last + QUIET_MS)) return;
    for (const name of this.#held.keys()) this.#release(name);
    this.#first = Number.POSITIVE_INFINITY;
    this.#last = Number.POSITIVE_INFINITY;
  }

  take(now: number, event: UserEvent): void {
    this.passed(now);
    if (!event.coalesce) {
      this.#release(event.name);
      this.#say(event);
      return;
    }
    const held = this.#held.get(event.name) ?? [];
    const newest = held[0]?.ltime ?? -1;
    if (event.ltime > newest) this.#held.set(event.name, [event]);
    else if (event.ltime === newest) held.push(event);
    this.#first = Math.min(this.#first, now);
    this.#last = now;
  }

  #release(name: string): void {
    for (const event of this.#held.get(name) ?? []) this.#say(event);
    this.#held.delete(name);
  }

  #say({ name, ltime, payload }: UserEvent): void {
    this.out.set(name, [...(this.out.get(name) ?? []), `${ltime} ${payload?.[0]}`]);
  }
}

test('user events per name come out as the model says, at the end of every step', () => {
  const sent = fc.record({
    after: fc.oneof(fc.integer({ min: 0, max: 700 }), fc.constant(1_000)),
    name: fc.constantFrom('x', 'y'),
    ltime: fc.integer({ min: 0, max: 6 }),
    coalesce: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(sent, { maxLength: 60 }), (all) => {
      const m = machine(true);
      const model = new UserModel();
      let now = 0;
      for (const [i, { after, name, ltime, coalesce }] of all.entries()) {
        now += after;
        const event: UserEvent = { type: 'user', name, ltime, coalesce, payload: Uint8Array.of(i) };
        m.pipeline.accept(now, event);
        model.take(now, event);
        expect(told(m.told)).toEqual(model.out);
      }
      m.pipeline.tick(now + PERIOD_MS);
      model.passed(now + PERIOD_MS);
      expect(told(m.told)).toEqual(model.out);
    }),
    { numRuns: 300 },
  );
});

function told(events: readonly ClusterEvent[]): Map<string, string[]> {
  const out = new Map<string, string[]>();
  for (const event of events) {
    if (event.type !== 'user') continue;
    out.set(event.name, [...(out.get(event.name) ?? []), `${event.ltime} ${event.payload?.[0]}`]);
  }
  return out;
}

test('user events of a push/pull come in Lamport order, each once, held ones of their name before them', () => {
  const slots = fc.uniqueArray(
    fc.record({
      ltime: fc.integer({ min: 1, max: 200 }),
      names: fc.array(fc.constantFrom('x', 'y'), { minLength: 1, maxLength: 3 }),
    }),
    { selector: ({ ltime }) => ltime, maxLength: 30 },
  );
  fc.assert(
    fc.property(slots, fc.boolean(), (ring, again) => {
      const m = machine(true);
      // Held when the push/pull comes: older than everything in it.
      m.userEvents.receive(0, { ltime: 0, name: 'x', payload: null, coalesce: true });
      const state: Parameters<typeof mergePushPull>[1] = {
        ltime: 0,
        statusLTimes: new Map(),
        leftMembers: [],
        eventLTime: 0,
        events: ring.map(({ ltime, names }) => ({
          ltime,
          events: names.map((name, i) => ({ name, payload: Uint8Array.of(i) })),
        })),
        queryLTime: 0,
      };
      const clocks = { member: new LamportClock(), event: m.on.clock, query: new LamportClock() };
      const targets = {
        clocks,
        membership: m.membership,
        userEvents: m.userEvents,
        ignoreOld: false,
        isUp: () => false,
      };
      mergePushPull(1, state, targets);
      if (again) mergePushPull(2, state, targets);
      const users = m.told.filter((event) => event.type === 'user');
      const fromState = users.filter(({ ltime }) => ltime > 0);
      expect(fromState.map(({ ltime }) => ltime)).toEqual(
        fromState.map(({ ltime }) => ltime).sort((a, b) => a - b),
      );
      expect(fromState).toHaveLength(ring.reduce((sum, { names }) => sum + names.length, 0));
      const ofX = users.filter(({ name }) => name === 'x');
      if (ofX.length > 0) expect(ofX[0]!.ltime).toBe(0);
    }),
    { numRuns: 200 },
  );
  expect(SERF_DEFAULTS.eventBuffer).toBeGreaterThan(200);
});
