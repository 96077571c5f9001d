import { describe, expect, it } from 'vitest';
import type { MemberStatus } from '../../../src/events/event.ts';
import {
  type JoinVerdict,
  judgeJoin,
  judgeLeave,
  type LeaveVerdict,
  RECENT_INTENTS_CHARS,
  RECENT_INTENTS_LIMIT,
  RecentIntents,
} from '../../../src/serf/intents.ts';

describe('judging a leave intent', () => {
  const rows: [
    MemberStatus | 'unknown',
    statusLTime: number,
    ltime: number,
    refutable: boolean,
    LeaveVerdict,
  ][] = [
    ['unknown', 0, 5, false, 'buffer'],
    ['alive', 5, 5, false, 'stale'],
    ['alive', 5, 4, true, 'stale'],
    ['alive', 5, 6, true, 'refute'],
    ['alive', 5, 6, false, 'leaving'],
    ['leaving', 5, 6, false, 'repeated'],
    ['left', 5, 6, false, 'repeated'],
    ['failed', 5, 6, false, 'forced'],
    ['none', 5, 6, false, 'ignore'],
  ];
  it.each(rows)(
    '%s at %i, intent at %i, about us while staying: %s → %s',
    (status, statusLTime, ltime, refutable, verdict) => {
      const member = status === 'unknown' ? undefined : { status, statusLTime, hearsay: false };
      expect(judgeLeave(member, ltime, { refutable, hearsay: false })).toBe(verdict);
    },
  );

  const equal: [known: boolean, said: boolean, LeaveVerdict][] = [
    [false, false, 'stale'],
    [true, false, 'leaving'],
    [true, true, 'stale'],
    [false, true, 'stale'],
  ];
  it.each(equal)(
    'of a time known (hearsay: %s) that it has itself (hearsay: %s) → %s',
    (known, said, verdict) => {
      const member = { status: 'alive' as const, statusLTime: 5, hearsay: known };
      expect(judgeLeave(member, 5, { refutable: false, hearsay: said })).toBe(verdict);
      expect(judgeLeave(member, 4, { refutable: false, hearsay: said })).toBe('stale');
    },
  );
});

describe('judging a join intent', () => {
  const rows: [number | undefined, number, JoinVerdict][] = [
    [undefined, 5, 'buffer'],
    [5, 5, 'stale'],
    [5, 4, 'stale'],
    [5, 6, 'accept'],
  ];
  it.each(rows)('status time %s, intent at %i → %s', (statusLTime, ltime, verdict) => {
    const member =
      statusLTime === undefined ? undefined : { status: 'alive' as const, statusLTime, hearsay: false };
    expect(judgeJoin(member, ltime)).toBe(verdict);
  });
});

describe('recent intents', () => {
  it('keep one intent per node, replaced only by a strictly later one of either type', () => {
    const intents = new RecentIntents();
    expect(intents.upsert(0, 'a', 'join', 5)).toBe(true);
    expect(intents.upsert(0, 'a', 'leave', 5)).toBe(false);
    expect(intents.upsert(0, 'a', 'leave', 6)).toBe(true);
    expect(intents.upsert(0, 'a', 'join', 5)).toBe(false);
    expect(intents.take('a')).toMatchObject({ type: 'leave', ltime: 6 });
    expect(intents.take('a')).toBeUndefined();
  });

  it('are forgotten when older than the timeout, not when just as old', () => {
    const intents = new RecentIntents();
    intents.upsert(0, 'old', 'join', 1);
    intents.upsert(1, 'young', 'join', 1);
    intents.expire(300_001, 300_000);
    expect(intents.take('old')).toBeUndefined();
    expect(intents.take('young')).toBeDefined();
  });

  it('forget the oldest when there are too many', () => {
    const intents = new RecentIntents();
    for (let i = 0; i <= RECENT_INTENTS_LIMIT; i += 1) intents.upsert(0, `n${i}`, 'join', 1);
    expect(intents.size).toBe(RECENT_INTENTS_LIMIT);
    expect(intents.take('n0')).toBeUndefined();
    expect(intents.take(`n${RECENT_INTENTS_LIMIT}`)).toBeDefined();
  });

  it('forget the oldest when their names are too long together', () => {
    const intents = new RecentIntents();
    const name = (i: number): string => `${i}`.padEnd(RECENT_INTENTS_CHARS / 8, 'x');
    for (let i = 0; i < 8; i += 1) intents.upsert(0, name(i), 'join', 1);
    expect(intents.upsert(0, name(0), 'join', 2)).toBe(true);
    intents.upsert(0, name(8), 'join', 1);
    expect(intents.size).toBe(8);
    expect(intents.take(name(1))).toBeUndefined();
    expect(intents.take(name(0))).toBeDefined();
    intents.upsert(0, name(9), 'join', 1);
    expect(intents.size).toBe(8);
  });
});
