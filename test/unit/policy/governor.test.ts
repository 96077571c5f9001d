import { describe, expect, it } from 'vitest';
import { facts, governor, step } from './samples.ts';

describe('a governor', () => {
  it('acts at once the first time, then after the quiet time, on the newest view', () => {
    const subject = governor({ wait: { minMs: 100, maxMs: 300 } });
    expect(step(subject, 0, facts('a'))).toEqual(['a']);
    expect(step(subject, 10, facts('a b'))).toBeUndefined();
    expect(subject.status.state).toBe('waiting');
    expect(subject.nextDeadline(10)).toBe(110);
    expect(step(subject, 50, facts('a b c'))).toBeUndefined();
    expect(step(subject, 150, facts('a b c'))).toEqual(['a', 'b', 'c']);
    expect(subject.status.state).toBe('idle');
    expect(subject.nextDeadline(150)).toBe(Number.POSITIVE_INFINITY);
  });

  it('goes on when somebody joins a node that had nobody to join, though it asked nobody for the members yet', () => {
    const subject = governor();
    expect(step(subject, 0, facts('a', { exchanges: 0, nobodyToJoin: true }))).toEqual(['a']);
    // Who joined is remembered, so that there is somebody to join from now on.
    expect(step(subject, 1, facts('a b', { exchanges: 0, nobodyToJoin: false }))).toEqual(['a', 'b']);
  });

  it('does nothing about a change that is undone before its time', () => {
    const subject = governor({ wait: { minMs: 100, maxMs: 300 } });
    step(subject, 0, facts('a'));
    step(subject, 10, facts('a b'));
    expect(step(subject, 200, facts('a'))).toBeUndefined();
    expect(subject.status.view.generation).toBe(3);
  });

  it('adds the splay of this node to every action but the first', () => {
    const subject = governor({ splayMs: 10_000 });
    expect(step(subject, 0, facts('a'))).toEqual(['a']);
    expect(step(subject, 1, facts('a b'))).toBeUndefined();
    const due = subject.nextDeadline(1);
    expect(due).toBeGreaterThan(1);
    expect(due).toBeLessThan(10_001);
    expect(step(subject, due, facts('a b'))).toEqual(['a', 'b']);
  });

  it('tells why it acts and what is different', () => {
    const subject = governor({ resyncMs: 1_000 });
    const seen: string[] = [];
    const act = (now: number, text: string) => {
      subject.observe(now, facts(text));
      const action = subject.tick(now);
      if (action === undefined) return;
      const { added, removed } = action.change;
      seen.push(`${action.reason} +${added.map((m) => m.name)} -${removed.map((m) => m.name)}`);
      subject.settled(now, true);
    };
    act(0, 'a');
    act(1, 'b');
    subject.reload();
    act(2, 'b');
    act(1_002, 'b');
    expect(seen).toEqual(['start +a -', 'change +b -a', 'reload + -', 'resync + -']);
  });

  it('is busy until it is told how an action went, and misses nothing meanwhile', () => {
    const subject = governor();
    subject.observe(0, facts('a'));
    expect(subject.tick(0)?.reason).toBe('start');
    expect(subject.tick(1)).toBeUndefined();
    subject.observe(2, facts('a b'));
    subject.observe(3, facts(''));
    subject.settled(4, true);
    subject.observe(5, facts('b'));
    expect(subject.tick(5)?.view.members.map(({ name }) => name)).toEqual(['b']);
  });

  it('tries again what failed, later each time, and at once when something changes', () => {
    const subject = governor({ retry: { firstMs: 100, maxMs: 300 } });
    expect(step(subject, 0, facts('a'), false)).toEqual(['a']);
    expect(subject.status.state).toBe('retrying');
    expect(subject.nextDeadline(0)).toBe(100);
    step(subject, 100, facts('a'), false);
    expect(subject.nextDeadline(100)).toBe(300);
    expect(step(subject, 150, facts('a b'), false)).toEqual(['a', 'b']);
    expect(subject.nextDeadline(150)).toBe(450);
    expect(step(subject, 450, facts('a b'))).toEqual(['a', 'b']);
    expect([subject.counters.get('failed'), subject.counters.get('acted')]).toEqual([3, 1]);
  });

  it('waits for a push/pull, for ever if need be', () => {
    const subject = governor();
    expect(step(subject, 0, facts('me', { exchanges: 0 }))).toBeUndefined();
    expect(subject.status.holds.map(({ guard }) => guard)).toEqual(['settle']);
    expect(step(subject, 1e9, facts('me', { exchanges: 0 }))).toBeUndefined();
    expect(step(subject, 1e9 + 1, facts('me a'))).toEqual(['a', 'me']);
    expect(subject.status.holds).toEqual([]);
  });

  it('does not wipe out what an earlier run has left', () => {
    const subject = governor();
    subject.foundContent(true);
    expect(step(subject, 0, facts(''))).toBeUndefined();
    expect(subject.status.holds[0]?.guard).toBe('allow_empty');
    expect(step(subject, 1, facts('a'))).toEqual(['a']);
  });

  it('holds what a guard refuses, counts it once, and looks again while it holds', () => {
    const subject = governor({}, { maxRemoved: { count: 1 } });
    step(subject, 0, facts('a b c'));
    for (const now of [1, 2, 3]) expect(step(subject, now, facts('a'))).toBeUndefined();
    expect(subject.status).toMatchObject({ state: 'held', heldSince: 1 });
    expect(subject.nextDeadline(3)).toBe(1_003);
    expect(Object.fromEntries(subject.counters)).toMatchObject({ held: 1, 'held:max_removed': 1 });
    expect(step(subject, 4, facts('a b'))).toEqual(['a', 'b']);
    expect(subject.status).toMatchObject({ state: 'idle', heldSince: undefined });
  });

  it('lets removals go ahead again when their window has passed', () => {
    const subject = governor({}, { maxRemoved: { count: 1 }, removedWindowMs: 1_000 });
    step(subject, 0, facts('a b c'));
    expect(step(subject, 10, facts('a b'))).toEqual(['a', 'b']);
    expect(step(subject, 20, facts('a'))).toBeUndefined();
    expect(step(subject, 1_011, facts('a'))).toEqual(['a']);
  });

  it('is overridden once by an approval, of a hold that stands', () => {
    const subject = governor({}, { minMembers: 2 });
    expect(subject.approve()).toBe(false);
    expect(step(subject, 0, facts('a'))).toBeUndefined();
    expect(subject.approve()).toBe(true);
    expect(subject.nextDeadline(1)).toBe(1);
    expect(step(subject, 1, facts('a'))).toEqual(['a']);
    expect(step(subject, 2, facts('b'))).toBeUndefined();
    expect(subject.counters.get('approved')).toBe(1);
  });

  it('knows a partition by the cluster it saw before, and lets a shrinking one be', () => {
    const subject = governor({}, { requireQuorum: 0.5, holdWhenIsolated: true });
    step(subject, 0, facts('me a b c'));
    expect(step(subject, 1, facts('me -a -b -c'))).toBeUndefined();
    expect(subject.status.holds.map(({ guard }) => guard)).toEqual(['require_quorum', 'hold_when_isolated']);
    expect(step(subject, 2, facts('me =a =b c'))).toBeUndefined();
    expect(step(subject, 3, facts('me =a =b c', { exchanges: 2 }))).toEqual(['c', 'me']);
  });

  it('keeps flapping nodes out, and lets them in again without an event', () => {
    const flap = { threshold: 2, halfLifeMs: 1_000, holdMs: 60_000 };
    const subject = governor({}, { flap });
    for (let at = 0; at < 4; at += 1) {
      step(subject, 2 * at, facts('a b'));
      step(subject, 2 * at + 1, facts('a'));
    }
    expect(step(subject, 8, facts('a b'))).toBeUndefined();
    expect(subject.status.damped).toEqual(['b']);
    const due = subject.nextDeadline(8);
    expect(step(subject, due, facts('a b'))).toEqual(['a', 'b']);
  });
});
