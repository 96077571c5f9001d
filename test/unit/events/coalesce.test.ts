import { describe, expect, test } from 'vitest';
import { Coalescer, type CoalescerOptions } from '../../../src/events/coalesce.ts';
import { MAX_HELD_TRANSITIONS } from '../../../src/events/coalesce-members.ts';
import { MAX_HELD_USER_EVENTS } from '../../../src/events/coalesce-users.ts';
import type { ClusterEvent, MemberEventType, MemberInfo } from '../../../src/events/event.ts';
import { member, query, user } from './samples.ts';

function setup(more: Partial<CoalescerOptions> = {}) {
  const out: ClusterEvent[] = [];
  const coalescer = new Coalescer({
    memberPeriodMs: 3000,
    memberQuiescentMs: 1000,
    userPeriodMs: 3000,
    userQuiescentMs: 1000,
    sink: (event) => out.push(event),
    ...more,
  });
  const seen = (): string[] =>
    out
      .splice(0)
      .map((event) =>
        'members' in event ? `${event.type} ${event.members.map((m) => m.name)}` : event.name,
      );
  const change = (now: number, type: MemberEventType, ...members: (string | MemberInfo)[]): void =>
    coalescer.accept(now, { type, members: members.map((m) => (typeof m === 'string' ? member(m) : m)) });
  return { coalescer, out, seen, change };
}

describe('member events', () => {
  test('are held until the quiet time after the last one', () => {
    const { coalescer, seen, change } = setup();
    change(0, 'member-join', 'a');
    change(900, 'member-join', 'b');
    expect(coalescer.nextDeadline()).toBe(1900);
    coalescer.tick(1899);
    expect(seen()).toEqual([]);
    coalescer.tick(1900);
    expect(seen()).toEqual(['member-join a,b']);
    expect(coalescer.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  test('are held no longer than the period after the first one', () => {
    const { coalescer, seen, change } = setup();
    for (let now = 0; now < 3000; now += 500) change(now, 'member-join', `n${now}`);
    expect(coalescer.nextDeadline()).toBe(3000);
    coalescer.tick(3000);
    expect(seen()).toHaveLength(1);
  });

  test('a window that ended before an event is let out before it, even without a tick', () => {
    const { seen, change } = setup();
    change(0, 'member-join', 'a');
    change(5000, 'member-join', 'b');
    expect(seen()).toEqual(['member-join a']);
  });

  test.each([
    [['member-join', 'member-update']],
    [['member-join', 'member-leave']],
    [['member-failed', 'member-join']],
    [['member-leave', 'member-join', 'member-leave']],
    [['member-join', 'member-update', 'member-failed', 'member-reap', 'member-join']],
  ] as [MemberEventType[]][])('%j of one member in one window come out all, in order', (types) => {
    const { coalescer, seen, change } = setup();
    for (const type of types) change(1, type, 'a');
    coalescer.flush(2);
    expect(seen()).toEqual(types.map((type) => `${type} a`));
  });

  test('fail and re-join with a new address shows the address of each', () => {
    const { coalescer, out, change } = setup();
    const moved = Uint8Array.of(10, 0, 0, 2);
    change(0, 'member-failed', 'a');
    change(1, 'member-join', member('a', { addr: moved }));
    coalescer.flush(2);
    expect(out.flatMap((event) => ('members' in event ? event.members.map((m) => m.addr) : []))).toEqual([
      Uint8Array.of(10, 0, 0, 1),
      moved,
    ]);
  });

  test('two successive events of one type become the latest', () => {
    const { coalescer, out, change } = setup();
    const latest = member('a', { tags: new Map([['v', '2']]) });
    change(0, 'member-update', member('a', { tags: new Map([['v', '1']]) }));
    change(1, 'member-update', latest);
    coalescer.flush(2);
    expect(out).toEqual([{ type: 'member-update', members: [latest] }]);
  });

  test('a delivered update is not sent again with a later flush', () => {
    const { coalescer, seen, change } = setup();
    change(0, 'member-update', 'a');
    coalescer.flush(1);
    seen();
    change(2, 'member-failed', 'b');
    coalescer.flush(3);
    expect(seen()).toEqual(['member-failed b']);
  });

  test('come out as few events: rounds by transition, grouped by type, members by name', () => {
    const { coalescer, seen, change } = setup();
    change(0, 'member-join', 'c', 'a');
    change(1, 'member-failed', 'd');
    change(2, 'member-join', 'b', 'd');
    change(3, 'member-update', 'a', 'c');
    coalescer.flush(4);
    expect(seen()).toEqual(['member-join a,b,c', 'member-failed d', 'member-update a,c', 'member-join d']);
  });

  test('pass at once when either length is 0', () => {
    for (const off of [{ memberPeriodMs: 0 }, { memberQuiescentMs: 0 }]) {
      const { coalescer, seen, change } = setup(off);
      change(0, 'member-join', 'a');
      expect(seen()).toEqual(['member-join a']);
      expect(coalescer.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
    }
  });

  test('beyond the limit are let out early and none is lost', () => {
    const { coalescer, out, change } = setup();
    for (let i = 0; i <= MAX_HELD_TRANSITIONS; i += 1) change(0, 'member-join', `n${i}`);
    expect(out).toHaveLength(1);
    coalescer.flush(1);
    expect(out.map((event) => ('members' in event ? event.members.length : 0))).toEqual([
      MAX_HELD_TRANSITIONS,
      1,
    ]);
  });
});

describe('user events', () => {
  test('of one name: the highest Lamport time stays, equal ones all, smaller are dropped', () => {
    const { coalescer, out } = setup();
    for (const [ltime, text] of [
      [2, 'x'],
      [5, 'a'],
      [4, 'y'],
      [5, 'b'],
    ] as const) {
      coalescer.accept(0, user('deploy', ltime, { payload: Buffer.from(text) }));
    }
    coalescer.tick(1000);
    expect(out.map((event) => ('payload' in event ? String(event.payload) : ''))).toEqual(['a', 'b']);
  });

  test('of different names come out in Lamport order', () => {
    const { coalescer, seen } = setup();
    coalescer.accept(0, user('late', 9));
    coalescer.accept(0, user('early', 3));
    coalescer.flush(1);
    expect(seen()).toEqual(['early', 'late']);
  });

  test('one that does not coalesce first lets a held one of its name out; other names stay', () => {
    const { coalescer, out } = setup();
    const held = user('deploy', 1);
    const other = user('other', 1);
    const plain = user('deploy', 2, { coalesce: false });
    coalescer.accept(0, held);
    coalescer.accept(0, other);
    coalescer.accept(10, plain);
    expect(out).toEqual([held, plain]);
    coalescer.tick(1000);
    expect(out).toEqual([held, plain, other]);
  });

  test('do not end the window of member events, nor they theirs', () => {
    const { coalescer, seen, change } = setup();
    change(0, 'member-join', 'a');
    coalescer.accept(500, user('deploy', 1));
    coalescer.tick(1000);
    expect(seen()).toEqual(['member-join a']);
    coalescer.tick(1500);
    expect(seen()).toEqual(['deploy']);
  });

  test('pass at once when switched off', () => {
    const { coalescer, seen } = setup({ userPeriodMs: 0 });
    coalescer.accept(0, user('deploy', 1));
    expect(seen()).toEqual(['deploy']);
  });

  test('beyond the limit are let out early and none is lost', () => {
    const { coalescer, out } = setup();
    for (let i = 0; i <= MAX_HELD_USER_EVENTS; i += 1) coalescer.accept(0, user('deploy', 1));
    expect(out).toHaveLength(MAX_HELD_USER_EVENTS);
    coalescer.flush(1);
    expect(out).toHaveLength(MAX_HELD_USER_EVENTS + 1);
  });
});

test('queries never wait', () => {
  const { coalescer, seen, change } = setup();
  change(0, 'member-join', 'a');
  coalescer.accept(0, query('load'));
  expect(seen()).toEqual(['load']);
});
