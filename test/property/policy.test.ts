import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Action } from '../../src/policy/governance.ts';
import type { Governor } from '../../src/policy/governor.ts';
import { facts, governor } from '../unit/policy/samples.ts';

/** One thing that happens to a governor. */
type Step =
  | { readonly type: 'cluster'; readonly names: string }
  | { readonly type: 'sleep'; readonly ms: number }
  | { readonly type: 'done'; readonly ok: boolean }
  | { readonly type: 'reload' };

const NAMES = ['a', 'b', 'c', 'd', 'e'];

const history = fc.array(
  fc.oneof(
    fc.subarray(NAMES).map((names): Step => ({ type: 'cluster', names: names.join(' ') })),
    fc.integer({ min: 0, max: 400 }).map((ms): Step => ({ type: 'sleep', ms })),
    fc.boolean().map((ok): Step => ({ type: 'done', ok })),
    fc.constant<Step>({ type: 'reload' }),
  ),
  { maxLength: 60 },
);

interface Played {
  /** Actions with the time they began at, and whether they succeeded. */
  readonly actions: { readonly at: number; readonly action: Action; ok: boolean }[];
  readonly now: number;
}

/** Plays a history as a host would: ticks at every deadline; then lets everything succeed until nothing is due. */
function play(subject: Governor, steps: readonly Step[], last: string): Played {
  const actions: Played['actions'] = [];
  let now = 0;
  let names = last;
  let running: Played['actions'][number] | undefined;
  const tick = () => {
    subject.observe(now, facts(names));
    const action = subject.tick(now);
    if (action === undefined) return;
    running = { at: now, action, ok: false };
    actions.push(running);
  };
  const settle = (ok: boolean) => {
    if (running === undefined) return;
    running.ok = ok;
    running = undefined;
    subject.settled(now, ok);
  };
  const sleepUntil = (end: number) => {
    for (let due = subject.nextDeadline(now); due <= end; due = subject.nextDeadline(now)) {
      now = Math.max(now, due);
      tick();
    }
    now = end;
  };
  for (const step of steps) {
    if (step.type === 'cluster') names = step.names;
    if (step.type === 'done') settle(step.ok);
    if (step.type === 'reload') subject.reload();
    if (step.type === 'sleep') sleepUntil(now + step.ms);
    tick();
  }
  names = last;
  tick();
  for (let turn = 0; turn < 100; turn += 1) {
    settle(true);
    sleepUntil(now + 1_000);
  }
  return { actions, now };
}

const namesOf = (action: Action | undefined) => action?.view.members.map(({ name }) => name).join(' ');

describe('a governor, whatever happens', () => {
  const wait = { minMs: 50, maxMs: 200 };
  const retry = { firstMs: 100, maxMs: 1_000 };

  it('acts last, and with success, on the view as it is', () => {
    fc.assert(
      fc.property(history, fc.subarray(NAMES, { minLength: 1 }), (steps, names) => {
        const { actions } = play(governor({ wait, retry, splayMs: 100 }), steps, names.join(' '));
        const done = actions.filter(({ ok }) => ok).at(-1);
        expect(namesOf(done?.action)).toBe(names.join(' '));
      }),
    );
  });

  it('never acts twice on changes within the quiet time, and never late', () => {
    fc.assert(
      fc.property(history, fc.subarray(NAMES, { minLength: 1 }), (steps, names) => {
        const { actions } = play(governor({ wait, retry }), steps, names.join(' '));
        const times = actions.filter(({ action }) => action.reason === 'change').map(({ at }) => at);
        times.forEach((at, index) => {
          if (index > 0) expect(at - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(wait.minMs);
        });
      }),
    );
  });

  it('never replaces content by nothing, nor removes more in a window than allowed', () => {
    const guards = { maxRemoved: { count: 2 }, removedWindowMs: 500 };
    fc.assert(
      fc.property(history, fc.subarray(NAMES, { minLength: 1 }), (steps, names) => {
        const { actions } = play(governor({ wait, retry }, guards), steps, names.join(' '));
        const done = actions.filter(({ ok }) => ok);
        const sizes = done.map(({ action }) => action.view.members.length);
        const firstFull = sizes.findIndex((size) => size > 0);
        expect(sizes.slice(firstFull)).not.toContain(0);
        for (const { at } of done) {
          const window = done.filter((other) => other.at >= at && other.at <= at + guards.removedWindowMs);
          const gone = new Set<string>();
          for (const { action } of window) {
            for (const { name } of action.change.removed) gone.add(name);
            for (const { name } of action.view.members) gone.delete(name);
          }
          expect(gone.size).toBeLessThanOrEqual(2);
        }
      }),
    );
  });
});
