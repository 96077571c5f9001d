import { describe, expect, it } from 'vitest';
import type { MemberStatus } from '../../../src/events/event.ts';
import { SERF_DEFAULTS } from '../../../src/serf/config.ts';
import { REASSURE_MS } from '../../../src/serf/leave-timers.ts';
import type { Membership } from '../../../src/serf/membership.ts';
import { joinCodec } from '../../../src/serf/messages.ts';
import { bench, facts, membershipOn } from '../../support/serf-parts.ts';

/** A membership whose member `x` has been brought to a status at intent time `ltime`. */
function withMember(status: MemberStatus | 'unknown', ltime = 1) {
  const on = bench();
  const membership = membershipOn(on);
  if (status !== 'unknown') {
    membership.joinIntent(0, { ltime, node: 'x' });
    membership.joined(0, facts('x'));
    if (status === 'leaving' || status === 'left')
      membership.leaveIntent(0, { ltime: ltime + 1, node: 'x', prune: false });
    if (status === 'failed' || status === 'left') membership.gone(100, 'x');
  }
  on.events.length = 0;
  on.log.length = 0;
  return { on, membership };
}

function statusOf(membership: Membership): MemberStatus | 'unknown' {
  return membership.members.get('x')?.status ?? 'unknown';
}

describe('what SWIM notices', () => {
  const rows: [
    'joined' | 'gone' | 'updated',
    MemberStatus | 'unknown',
    MemberStatus | 'unknown',
    string[],
  ][] = [
    ['joined', 'unknown', 'alive', ['member-join x']],
    ['joined', 'alive', 'alive', ['member-join x']],
    ['joined', 'leaving', 'alive', ['member-join x']],
    ['joined', 'failed', 'alive', ['member-join x']],
    ['joined', 'left', 'alive', ['member-join x']],
    ['gone', 'unknown', 'unknown', []],
    ['gone', 'leaving', 'left', ['member-leave x']],
    ['gone', 'alive', 'failed', ['member-failed x']],
    ['gone', 'failed', 'failed', []],
    ['gone', 'left', 'left', []],
    ['updated', 'unknown', 'unknown', []],
    ['updated', 'alive', 'alive', ['member-update x']],
    ['updated', 'failed', 'failed', ['member-update x']],
    ['updated', 'leaving', 'leaving', ['member-update x']],
  ];
  it.each(rows)('%s of a member that is %s: now %s, events %j', (notice, before, after, events) => {
    const { on, membership } = withMember(before);
    if (notice === 'gone') membership.gone(200, 'x');
    else membership[notice](200, facts('x'));
    expect(statusOf(membership)).toBe(after);
    expect(on.story()).toEqual(events);
    expect(membership.members.failed.size).toBe(after === 'failed' ? 1 : 0);
    expect(membership.members.left.size).toBe(after === 'left' ? 1 : 0);
  });

  it('a second departure is a warning with the number of the status', () => {
    const { on, membership } = withMember('failed');
    membership.gone(200, 'x');
    expect(on.texts()).toEqual(['Bad state when leave: 4']);
  });

  it('a re-join replaces address, tags and versions and keeps the intent time', () => {
    const { membership } = withMember('failed', 7);
    membership.joined(200, facts('x', 9, { role: 'new' }));
    const member = membership.members.get('x');
    expect(member?.facts.address.ip).toBe('10.0.0.9');
    expect(member?.tags).toEqual(new Map([['role', 'new']]));
    expect(member?.statusLTime).toBe(7);
    expect(member?.leaveTime).toBeUndefined();
  });

  it.each([
    [59_999, 1],
    [60_000, 0],
  ])('coming back %i ms after failing counts %i flap', (ms, flaps) => {
    const { on, membership } = withMember('failed');
    membership.joined(100 + ms, facts('x'));
    expect(on.counters.get('serf.member.flap')).toBe(flaps);
  });

  it('an event holds the member as it was, not as it becomes', () => {
    const on = bench();
    const membership = membershipOn(on);
    membership.joined(0, facts('x', 1, { v: '1' }));
    membership.updated(0, facts('x', 1, { v: '2' }));
    membership.gone(0, 'x');
    const seen = on.events.flatMap((event) => ('members' in event ? event.members : []));
    expect(seen.map((member) => `${member.status} ${member.tags.get('v')}`)).toEqual([
      'alive 1',
      'alive 2',
      'failed 2',
    ]);
  });

  it("Serf's lines are logged word for word", () => {
    const { on, membership } = withMember('unknown');
    membership.joined(0, facts('x'));
    membership.updated(0, facts('x'));
    membership.gone(0, 'x');
    membership.leaveIntent(0, { ltime: 9, node: 'x', prune: true });
    expect(on.texts()).toEqual([
      'EventMemberJoin: x 10.0.0.1',
      'EventMemberUpdate: x',
      'EventMemberFailed: x 10.0.0.1',
      'EventMemberLeave (forced): x 10.0.0.1',
      'EventMemberReap (forced): x 10.0.0.1',
    ]);
  });
});

describe('a leave intent', () => {
  const rows: [MemberStatus | 'unknown', boolean, MemberStatus | 'unknown', string[], boolean][] = [
    ['unknown', false, 'unknown', [], true],
    ['alive', false, 'leaving', [], true],
    ['leaving', false, 'leaving', [], true],
    ['left', false, 'left', [], true],
    ['failed', false, 'left', ['member-leave x'], true],
    ['alive', true, 'leaving', [], true],
    ['left', true, 'unknown', ['member-reap x'], true],
    ['failed', true, 'unknown', ['member-leave x', 'member-reap x'], true],
  ];
  it.each(rows)(
    'about a member that is %s, prune %s: now %s, events %j',
    (before, prune, after, events, again) => {
      const { on, membership } = withMember(before, 10);
      expect(membership.leaveIntent(300, { ltime: 20, node: 'x', prune })).toBe(again);
      expect(statusOf(membership)).toBe(after);
      expect(on.story()).toEqual(events);
      expect(on.clock.time).toBe(21);
    },
  );

  it('of an old or equal time changes nothing but the clock and is not passed on', () => {
    const { on, membership } = withMember('alive', 10);
    expect(membership.leaveIntent(0, { ltime: 10, node: 'x', prune: true })).toBe(false);
    expect(statusOf(membership)).toBe('alive');
    expect(on.clock.time).toBe(11);
    expect(on.counters.get('drop:intent-stale')).toBe(1);
  });

  it('of a time that was told by an exchange of states alone is what happened at that time', () => {
    const { membership } = withMember('alive', 10);
    membership.joinIntent(0, { ltime: 20, node: 'x' }, true);
    expect(membership.leaveIntent(0, { ltime: 20, node: 'x', prune: false }, true)).toBe(false);
    expect(statusOf(membership)).toBe('alive');
    expect(membership.leaveIntent(0, { ltime: 20, node: 'x', prune: false })).toBe(true);
    expect(statusOf(membership)).toBe('leaving');
    expect(membership.leaveIntent(0, { ltime: 20, node: 'x', prune: false })).toBe(false);
  });

  it('of such a time is stale once a join intent has told it too', () => {
    const { membership } = withMember('alive', 10);
    membership.joinIntent(0, { ltime: 20, node: 'x' }, true);
    expect(membership.joinIntent(0, { ltime: 20, node: 'x' })).toBe(false);
    expect(membership.leaveIntent(0, { ltime: 20, node: 'x', prune: false })).toBe(false);
    expect(statusOf(membership)).toBe('alive');
  });

  it('is not told by its time in an exchange of states, which counts as that of a join', () => {
    const timesOf = ({ membership }: ReturnType<typeof withMember>): number[] => {
      const times: number[] = [];
      membership.members.eachLTime((ltime) => times.push(ltime));
      return times;
    };
    expect(timesOf(withMember('alive', 10))).toEqual([10]);
    expect(timesOf(withMember('leaving', 10))).toEqual([10]);
    expect(timesOf(withMember('left', 10))).toEqual([11]);
  });

  it('sent again to a member that left is stored each time, so that it dies out', () => {
    const { membership } = withMember('left', 1);
    expect(membership.leaveIntent(0, { ltime: 9, node: 'x', prune: false })).toBe(true);
    expect(membership.leaveIntent(0, { ltime: 9, node: 'x', prune: false })).toBe(false);
  });

  it('about us is refuted with a join of our clock while we stay', () => {
    const on = bench();
    const membership = membershipOn(on);
    membership.joined(0, facts('me'));
    expect(membership.leaveIntent(0, { ltime: 8, node: 'me', prune: true })).toBe(false);
    expect(on.sent.map((message) => joinCodec.decode(message))).toEqual([{ ltime: 9, node: 'me' }]);
    expect(membership.members.get('me')).toMatchObject({ status: 'alive', statusLTime: 9 });
  });

  it('about us is refuted once more later, for who holds hearsay of it for as new as the answer', () => {
    const [us, peer] = [bench(), bench()];
    const membership = membershipOn(us);
    membership.joined(0, facts('me'));
    // Somebody who does not know us yet is told by a third member that we left at 8: that counts as 9.
    const theirs = membershipOn(peer, { self: 'peer' });
    theirs.leaveIntent(0, { ltime: 9, node: 'me', prune: false });
    theirs.joined(0, facts('me'));
    membership.leaveIntent(0, { ltime: 8, node: 'me', prune: false });
    const hears = (message: Uint8Array): boolean => theirs.joinIntent(0, joinCodec.decode(message));
    expect(us.sent.map(hears)).toEqual([false]);
    expect(theirs.members.get('me')?.status).toBe('leaving');
    expect(us.deadlines.take(REASSURE_MS)).toEqual({ type: 'reassure' });
    membership.announceJoin(REASSURE_MS);
    expect(us.sent.slice(1).map(hears)).toEqual([true]);
    expect(theirs.members.get('me')?.status).toBe('alive');
  });

  it('about us is true while we leave', () => {
    const on = bench();
    const membership = membershipOn(on, { staying: () => false });
    membership.joined(0, facts('me'));
    expect(membership.leaveIntent(0, { ltime: 8, node: 'me', prune: false })).toBe(true);
    expect(membership.members.get('me')?.status).toBe('leaving');
    expect(on.sent).toEqual([]);
  });

  it('keeps the time of failing, from which the tombstone counts', () => {
    const { membership } = withMember('failed');
    membership.leaveIntent(5_000, { ltime: 9, node: 'x', prune: false });
    expect(membership.members.get('x')?.leaveTime).toBe(100);
  });
});

describe('a join intent', () => {
  it.each([
    ['alive', 'alive'],
    ['leaving', 'alive'],
    ['left', 'left'],
    ['failed', 'failed'],
  ] as const)('about a member that is %s leaves it %s, without an event', (before, after) => {
    const { on, membership } = withMember(before);
    expect(membership.joinIntent(0, { ltime: 20, node: 'x' })).toBe(true);
    expect(membership.members.get('x')).toMatchObject({ status: after, statusLTime: 20 });
    expect(on.story()).toEqual([]);
    expect(membership.joinIntent(0, { ltime: 20, node: 'x' })).toBe(false);
  });
});

describe('intents that come before their member', () => {
  it('a leave at 6 after a join at 5 makes the new member leaving at 6, and its arrival is a join', () => {
    const { on, membership } = withMember('unknown');
    expect(membership.joinIntent(0, { ltime: 5, node: 'x' })).toBe(true);
    expect(membership.leaveIntent(0, { ltime: 6, node: 'x', prune: false })).toBe(true);
    expect(membership.leaveIntent(0, { ltime: 6, node: 'x', prune: false })).toBe(false);
    membership.joined(0, facts('x'));
    expect(membership.members.get('x')).toMatchObject({ status: 'leaving', statusLTime: 6 });
    expect(on.story()).toEqual(['member-join x']);
  });

  it('a buffered join gives the member its time', () => {
    const { membership } = withMember('unknown');
    membership.joinIntent(0, { ltime: 5, node: 'x' });
    membership.joined(0, facts('x'));
    expect(membership.members.get('x')).toMatchObject({ status: 'alive', statusLTime: 5 });
  });

  it('join, leave and join of one node end alive', () => {
    const { membership } = withMember('unknown');
    membership.joinIntent(0, { ltime: 1, node: 'x' });
    membership.leaveIntent(0, { ltime: 2, node: 'x', prune: false });
    membership.joinIntent(0, { ltime: 3, node: 'x' });
    membership.joined(0, facts('x', 1, { role: 'a' }));
    expect(membership.members.get('x')).toMatchObject({ status: 'alive', tags: new Map([['role', 'a']]) });
  });

  it('are forgotten by the reaper after five minutes', () => {
    const { membership } = withMember('unknown');
    membership.leaveIntent(0, { ltime: 6, node: 'x', prune: false });
    membership.reap(300_001, 1, 1);
    membership.joined(300_002, facts('x'));
    expect(statusOf(membership)).toBe('alive');
  });
});

describe('pruning a leaving member', () => {
  const WAIT = SERF_DEFAULTS.broadcastTimeoutMs + SERF_DEFAULTS.leavePropagateDelayMs;

  function pruned() {
    const bed = withMember('alive');
    bed.membership.leaveIntent(0, { ltime: 9, node: 'x', prune: true });
    expect(bed.on.deadlines.at('prune:x')).toBe(WAIT);
    return bed;
  }

  it('waits as long as a leave takes and then erases it', () => {
    const { on, membership } = pruned();
    membership.gone(1_000, 'x');
    expect(statusOf(membership)).toBe('left');
    membership.pruneDue(WAIT, 'x');
    expect(statusOf(membership)).toBe('unknown');
    expect(on.story()).toEqual(['member-leave x', 'member-reap x']);
  });

  it('is called off when the member refutes in the meantime', () => {
    const { on, membership } = pruned();
    membership.joinIntent(1_000, { ltime: 10, node: 'x' });
    membership.pruneDue(WAIT, 'x');
    expect(statusOf(membership)).toBe('alive');
    expect(on.story()).toEqual([]);
  });
});

describe('a member that is said to leave, and lives', () => {
  const LONGEST = 2 * SERF_DEFAULTS.broadcastTimeoutMs + SERF_DEFAULTS.leavePropagateDelayMs;
  const OVERDUE = 3 * LONGEST;

  it('is alive again when its leave is long overdue: its death is a failure', () => {
    const { on, membership } = withMember('leaving');
    expect(on.deadlines.at('leaving:x')).toBe(LONGEST);
    membership.overdue(LONGEST, 'x');
    expect(statusOf(membership)).toBe('leaving');
    expect(on.deadlines.at('leaving:x')).toBe(OVERDUE);
    membership.overdue(OVERDUE, 'x');
    expect(statusOf(membership)).toBe('alive');
    membership.gone(OVERDUE + 1, 'x');
    expect(on.story()).toEqual(['member-failed x']);
  });

  it('hears of it by an exchange of states once a leave would be over, whatever gossip missed, and objects', () => {
    const [us, them] = [bench(), bench()];
    const membership = membershipOn(us, { self: 'x' });
    membership.joined(0, facts('x'));
    membership.joinIntent(0, { ltime: 5, node: 'x' });
    const theirs = membershipOn(them);
    theirs.joined(0, facts('x'));
    theirs.joinIntent(0, { ltime: 5, node: 'x' });
    theirs.leaveIntent(0, { ltime: 6, node: 'x', prune: false });
    const exchange = (): void =>
      theirs.members.eachLTime((ltime, node) => membership.joinIntent(0, { ltime, node }, true));
    exchange();
    expect(us.sent).toEqual([]);
    theirs.overdue(LONGEST, 'x');
    exchange();
    expect(us.sent.map((message) => theirs.joinIntent(0, joinCodec.decode(message)))).toEqual([true]);
    expect(theirs.members.get('x')?.status).toBe('alive');
  });

  it('has left for good if it did go', () => {
    const { on, membership } = withMember('left');
    membership.overdue(LONGEST, 'x');
    expect(statusOf(membership)).toBe('left');
    membership.reap(1e12, 0, 0);
    expect(on.deadlines.at('leaving:x')).toBe(undefined);
  });
});

describe('reaping', () => {
  it.each(['failed', 'left'] as const)(
    'a %s member goes when strictly older than the limit of its list',
    (status) => {
      const { on, membership } = withMember(status);
      const [failed, left] = status === 'failed' ? [1_000, 1e9] : [1e9, 1_000];
      membership.reap(1_100, failed!, left!);
      expect(statusOf(membership)).toBe(status);
      membership.reap(1_101, failed!, left!);
      expect(statusOf(membership)).toBe('unknown');
      expect(on.story()).toEqual(['member-reap x']);
      expect(on.texts()).toEqual(['EventMemberReap: x']);
    },
  );

  it("a member's own limit replaces the general one", () => {
    const on = bench();
    const membership = membershipOn(on, {
      config: { ...SERF_DEFAULTS, reconnectTimeoutOverride: (member, ms) => (member.name === 'x' ? 10 : ms) },
    });
    for (const name of ['x', 'y']) {
      membership.joined(0, facts(name));
      membership.gone(0, name);
    }
    membership.reap(11, 1_000, 1_000);
    expect([...membership.members.values()].map((member) => member.name)).toEqual(['y']);
  });
});
