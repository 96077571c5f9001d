import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Coalescer } from '../../src/events/coalesce.ts';
import {
  type ClusterEvent,
  MEMBER_EVENT_TYPES,
  type MemberEventType,
  type UserEvent,
} from '../../src/events/event.ts';
import { member, user } from '../unit/events/samples.ts';

interface Step {
  readonly after: number;
  readonly name: string;
  readonly type: MemberEventType;
  readonly last: number;
  readonly tick: boolean;
}

const history = fc.array(
  fc.record<Step>({
    after: fc.integer({ min: 0, max: 1500 }),
    name: fc.constantFrom('a', 'b', 'c'),
    type: fc.constantFrom(...MEMBER_EVENT_TYPES),
    last: fc.integer({ min: 1, max: 250 }),
    tick: fc.boolean(),
  }),
  { maxLength: 60 },
);

interface Change {
  readonly type: MemberEventType;
  readonly address: number;
  readonly window: number;
}

/** Each member's transitions, in order. */
function perMember(events: readonly { window: number; event: ClusterEvent }[]): Map<string, Change[]> {
  const out = new Map<string, Change[]>();
  for (const { event, window } of events) {
    if (!('members' in event)) continue;
    for (const one of event.members) {
      const list = out.get(one.name) ?? [];
      list.push({ type: event.type, address: one.addr[3]!, window });
      out.set(one.name, list);
    }
  }
  return out;
}

/** The model: within one window, successive transitions of one type are the last of them; nothing else changes. */
function collapsed(changes: readonly Change[]): Change[] {
  return changes.filter((change, i) => {
    const next = changes[i + 1];
    return next === undefined || next.type !== change.type || next.window !== change.window;
  });
}

test('every member transition comes out once, in its order, and none is held beyond the period', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const taken: { window: number; event: ClusterEvent }[] = [];
      const given: { window: number; event: ClusterEvent }[] = [];
      let now = 0;
      let window = 0;
      let first: number | undefined;
      let quiet = 0;
      const coalescer = new Coalescer({
        memberPeriodMs: 3000,
        memberQuiescentMs: 1000,
        userPeriodMs: 0,
        userQuiescentMs: 0,
        sink: (event) => taken.push({ window, event }),
      });
      for (const step of steps) {
        now += step.after;
        if (step.tick) coalescer.tick(now);
        const event: ClusterEvent = {
          type: step.type,
          members: [member(step.name, { addr: Uint8Array.of(10, 0, 0, step.last) })],
        };
        const before = taken.length;
        coalescer.accept(now, event);
        const due = first !== undefined && now >= Math.min(first + 3000, quiet + 1000);
        if (due) {
          expect(taken.length).toBeGreaterThan(0);
          // What came out belongs to the window that has just ended.
          for (let i = before; i < taken.length; i += 1) expect(taken[i]!.window).toBe(window);
          window += 1;
          first = undefined;
        } else expect(taken.length).toBe(before);
        first ??= now;
        quiet = now;
        given.push({ window, event });
      }
      coalescer.flush(now);
      const strip = (changes: Change[]): unknown[] => changes.map(({ type, address }) => [type, address]);
      const out = perMember(taken);
      const wanted = perMember(given);
      expect([...out.keys()].sort()).toEqual([...wanted.keys()].sort());
      for (const [name, changes] of wanted) expect(strip(out.get(name)!)).toEqual(strip(collapsed(changes)));
    }),
    { numRuns: 300 },
  );
});

test('one flush never tells of a member twice in one event, nor emits more events than transitions', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const taken: ClusterEvent[] = [];
      const coalescer = new Coalescer({
        memberPeriodMs: 1e9,
        memberQuiescentMs: 1e9,
        userPeriodMs: 0,
        userQuiescentMs: 0,
        sink: (event) => taken.push(event),
      });
      for (const { name, type } of steps) coalescer.accept(0, { type, members: [member(name)] });
      coalescer.flush(0);
      for (const event of taken) {
        const names = 'members' in event ? event.members.map((one) => one.name) : [];
        expect(new Set(names).size).toBe(names.length);
        expect([...names].sort()).toEqual(names);
      }
      expect(taken.length).toBeLessThanOrEqual(steps.length);
    }),
    { numRuns: 200 },
  );
});

test('user events keep their order per name, those that do not coalesce are never lost', () => {
  const events = fc.array(
    fc.record({
      name: fc.constantFrom('x', 'y'),
      coalesce: fc.boolean(),
      after: fc.integer({ min: 0, max: 800 }),
    }),
    { maxLength: 50 },
  );
  fc.assert(
    fc.property(events, (steps) => {
      const taken: UserEvent[] = [];
      const coalescer = new Coalescer({
        memberPeriodMs: 0,
        memberQuiescentMs: 0,
        userPeriodMs: 3000,
        userQuiescentMs: 1000,
        sink: (event) => {
          if (event.type === 'user') taken.push(event);
        },
      });
      let now = 0;
      const given = steps.map((step, i) => user(step.name, i + 1, { coalesce: step.coalesce }));
      given.forEach((event, i) => {
        now += steps[i]!.after;
        coalescer.accept(now, event);
      });
      coalescer.flush(now);
      for (const name of ['x', 'y']) {
        const out = taken.filter((event) => event.name === name).map((event) => event.ltime);
        expect(out).toEqual([...new Set(out)].sort((a, b) => a - b));
        const mine = given.filter((event) => event.name === name);
        for (const event of mine) if (!event.coalesce) expect(out).toContain(event.ltime);
        if (mine.length > 0) expect(out.at(-1)).toBe(mine.at(-1)!.ltime);
      }
    }),
    { numRuns: 300 },
  );
});
