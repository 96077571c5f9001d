import { describe, expect, it } from 'vitest';
import type { Millis } from '../../../src/base/machine.ts';
import type { ClusterEvent, MemberEventType } from '../../../src/events/event.ts';
import { memberInfo } from '../../../src/serf/members.ts';
import { Recorder } from '../../../src/serf/recorder.ts';
import { bench, facts } from '../../support/serf-parts.ts';

const ZERO = { member: 0, event: 0, query: 0 };

function recorderOn(lastTimes = ZERO, recordSnapshot = true) {
  const on = bench();
  const lines: string[] = [];
  const config = { recordSnapshot, lastTimes };
  const recorder = new Recorder({ ...on, config, record: (line) => void lines.push(line) });
  /** What was recorded since the last look. */
  const taken = (): string[] => lines.splice(0);
  const checkAt = (now: Millis): void => {
    const due = on.deadlines.take(now);
    if (due?.type === 'clock-check') recorder.clockDue(now);
  };
  return { ...on, recorder, taken, checkAt };
}

function member(type: MemberEventType, name: string, host = 1): ClusterEvent {
  return { type, members: [memberInfo(facts(name, host), new Map(), 'alive')] };
}

const user = (ltime: number): ClusterEvent => ({
  type: 'user',
  ltime,
  name: 'e',
  payload: null,
  coalesce: false,
});
const query = (ltime: number, name: string): ClusterEvent => ({
  type: 'query',
  id: 1,
  ltime,
  name,
  payload: null,
  sourceNode: 'x',
  timeoutMs: 1,
});

describe('recording', () => {
  it('writes members that come and go; one that fails is also remembered in a comment', () => {
    const { recorder, taken } = recorderOn();
    recorder.event(member('member-join', 'a b', 7));
    recorder.event(member('member-failed', 'a b', 7));
    recorder.event(member('member-leave', 'c'));
    expect(taken()).toEqual([
      'alive: a b 10.0.0.7:7946',
      'not-alive: a b',
      '# failed: a b 10.0.0.7:7946',
      'not-alive: c',
    ]);
  });

  it('updates and reaps write nothing but a clock that has moved', () => {
    const { recorder, taken, clock } = recorderOn();
    recorder.event(member('member-update', 'a'));
    expect(taken()).toEqual([]);
    clock.witness(5);
    recorder.event(member('member-reap', 'a'));
    expect(taken()).toEqual(['clock: 5']);
  });

  it('the member clock is written one less than it shows, after the member line, and only when it grew', () => {
    const { recorder, taken, clock } = recorderOn({ ...ZERO, member: 4 });
    clock.witness(4);
    recorder.event(member('member-join', 'a'));
    clock.witness(5);
    recorder.event(member('member-join', 'b', 2));
    recorder.event(member('member-join', 'c', 3));
    expect(taken()).toEqual([
      'alive: a 10.0.0.1:7946',
      'alive: b 10.0.0.2:7946',
      'clock: 5',
      'alive: c 10.0.0.3:7946',
    ]);
  });

  it('the member clock is also looked at every 500 ms', () => {
    const { recorder, taken, clock, checkAt } = recorderOn();
    recorder.start(1_000);
    clock.witness(8);
    checkAt(1_499);
    expect(taken()).toEqual([]);
    checkAt(1_500);
    clock.witness(9);
    checkAt(2_000);
    expect(taken()).toEqual(['clock: 8', 'clock: 9']);
  });

  it('times of user events and queries are written when they grew, internal queries included', () => {
    const { recorder, taken } = recorderOn({ member: 0, event: 3, query: 0 });
    for (const ltime of [3, 4, 4, 2, 6]) recorder.event(user(ltime));
    recorder.event(query(1, 'deploy'));
    recorder.event(query(2, '_serf_ping'));
    expect(taken()).toEqual(['event-clock: 4', 'event-clock: 6', 'query-clock: 1', 'query-clock: 2']);
  });

  it('after a leave only the member clock is recorded, until the end', () => {
    const { recorder, taken, clock } = recorderOn();
    recorder.leave();
    clock.witness(1);
    recorder.event(member('member-leave', 'me'));
    recorder.event(user(1));
    expect(taken()).toEqual(['leave']);
    recorder.stop();
    expect(taken()).toEqual(['clock: 1']);
  });

  it('leaves out members whose name would break a line, and counts them', () => {
    const { recorder, taken, counters } = recorderOn();
    recorder.event(member('member-join', 'evil\nleave'));
    expect(taken()).toEqual([]);
    expect(counters.get('drop:snapshot-name')).toBe(1);
  });

  it('does nothing for a node without a snapshot', () => {
    const { recorder, taken, clock, deadlines } = recorderOn(ZERO, false);
    recorder.start(0);
    clock.witness(5);
    recorder.event(member('member-join', 'a'));
    recorder.leave();
    recorder.stop();
    expect(taken()).toEqual([]);
    expect(deadlines.next()).toBe(Number.POSITIVE_INFINITY);
  });
});
