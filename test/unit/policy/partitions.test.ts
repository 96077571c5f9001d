import { describe, expect, it } from 'vitest';
import { DEFAULT_GUARDS, DEFAULT_RETRY, type GuardConfig } from '../../../src/policy/config.ts';
import type { ClusterFacts, GovernorMemory, GovernorOptions } from '../../../src/policy/governance.ts';
import { Governor } from '../../../src/policy/governor.ts';
import { ALIVE_ONLY } from '../../../src/policy/view.ts';
import { facts, member, members } from './samples.ts';

/** What an agent does over minutes and hours of trouble, with the waits of a real one. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const TEN = 'w0 w1 w2 w3 w4 w5 w6 w7 w8 w9';

/** A renderer of all but this node, as an agent runs one; what it writes is kept. */
class Watch {
  now = 0;
  readonly written: string[] = [];
  readonly subject: Governor;
  readonly #options: GovernorOptions;
  #seen: ClusterFacts = facts('me');

  constructor(guards: Partial<GuardConfig>, memory?: GovernorMemory) {
    this.#options = {
      self: 'me',
      name: 'lb',
      filter: { ...ALIVE_ONLY, self: 'except' },
      guards: { ...DEFAULT_GUARDS, ...guards },
      wait: { minMs: SECOND, maxMs: 10 * SECOND },
      splayMs: 0,
      resyncMs: 10 * MINUTE,
      retry: DEFAULT_RETRY,
    };
    this.subject = new Governor(0, this.#options, memory);
    this.subject.foundContent(true);
  }

  /** From now on the cluster is like this; everything due until `forMs` later is done. */
  sees(text: string, forMs: number, more: Partial<ClusterFacts> = {}): this {
    this.#seen = facts(`me ${text}`, more);
    const end = this.now + forMs;
    this.#look();
    for (
      let due = this.subject.nextDeadline(this.now);
      due <= end;
      due = this.subject.nextDeadline(this.now)
    ) {
      this.now = Math.max(this.now, due);
      this.#look();
    }
    this.now = end;
    return this;
  }

  /** As a reload with no guard but those that are always on. */
  loosen(): void {
    this.subject.reload({ ...this.#options, guards: DEFAULT_GUARDS });
  }

  get held(): string {
    return this.subject.status.holds.map(({ guard }) => guard).join(' ');
  }

  /** What stands in the file, as the names of its members. */
  get file(): string {
    return this.written.at(-1) ?? 'as it was';
  }

  #look(): void {
    this.subject.observe(this.now, this.#seen);
    const action = this.subject.tick(this.now);
    if (action === undefined) return;
    this.written.push(action.view.members.map(({ name }) => name).join(' '));
    this.subject.settled(this.now, true);
  }
}

/** The first `count` of ten failed, the rest alive. */
const failed = (count: number): string =>
  TEN.split(' ')
    .map((name, at) => (at < count ? `-${name}` : name))
    .join(' ');

const suspects = (text: string): ReadonlySet<string> => new Set(text.split(' '));

describe('a balancer that is cut off', () => {
  it('holds from the first member that fails, for it hears nobody, and writes nothing when all are back', () => {
    const watch = new Watch({ holdWhenIsolated: true });
    watch.sees(TEN, MINUTE);
    // Members fail over a minute, as suspicions run out.
    for (let count = 1; count <= 10; count += 1)
      watch.sees(failed(count), 6 * SECOND, { silent: count < 10 });
    expect(watch.held).toBe('allow_empty hold_when_isolated');
    watch.sees(failed(10), 3 * 60 * MINUTE);
    // They return one by one, some of them slowly.
    for (let count = 9; count >= 0; count -= 1) watch.sees(failed(count), 5 * SECOND, { exchanges: 2 });
    watch.sees(TEN, MINUTE, { exchanges: 2 });
    expect([watch.held, watch.file]).toEqual(['', TEN]);
    expect(new Set(watch.written)).toEqual(new Set([TEN]));
  });

  it('takes out who is really gone once a push/pull was completed and nothing has changed for a while', () => {
    const watch = new Watch({ holdWhenIsolated: true });
    watch
      .sees(TEN, MINUTE)
      .sees(failed(10), MINUTE)
      .sees(failed(4), 5 * MINUTE);
    expect([watch.held, watch.file]).toEqual(['hold_when_isolated', TEN]);
    watch.sees(failed(4), 9 * SECOND, { exchanges: 2 });
    expect(watch.file).toBe(TEN);
    watch.sees(failed(1), 9 * SECOND, { exchanges: 2 });
    expect(watch.held).toBe('hold_when_isolated');
    watch.sees(failed(1), 2 * SECOND, { exchanges: 2 });
    expect([watch.held, watch.file]).toEqual(['', 'w1 w2 w3 w4 w5 w6 w7 w8 w9']);
  });

  it('does not wait for ever for a rest that never comes', () => {
    const watch = new Watch({ maxRemoved: { count: 3 } });
    watch.sees(TEN, MINUTE).sees(failed(5), MINUTE);
    expect(watch.held).toBe('max_removed');
    for (let turn = 0; turn < 12; turn += 1) {
      watch.sees(failed(turn % 2 === 0 ? 2 : 1), 5 * SECOND);
    }
    expect(watch.file).not.toBe(TEN);
    expect(watch.written.some((text) => text.split(' ').length < 8)).toBe(false);
  });

  it('has nothing to wait for when nobody was lost', () => {
    const watch = new Watch({ holdWhenIsolated: true });
    watch.sees(TEN, MINUTE);
    watch.subject.reload();
    watch.sees(TEN, MINUTE, { silent: true });
    expect(watch.held).toBe('hold_when_isolated');
    watch.sees(TEN, SECOND);
    expect([watch.held, watch.written]).toEqual(['', [TEN, TEN]]);
  });

  it('with nobody else left to wait for goes on alone', () => {
    const watch = new Watch({ requireQuorum: 0.5, allowEmpty: true });
    watch.sees('w0 w1', MINUTE).sees('-w0 -w1', MINUTE);
    expect(watch.held).toBe('require_quorum');
    watch.sees('=w0 =w1', MINUTE);
    expect([watch.held, watch.file]).toEqual(['', '']);
  });
});

describe('a partition that leaves some company', () => {
  it('holds before the first removal, for those on the other side are suspected together', () => {
    const watch = new Watch({ requireQuorum: 0.5, maxRemoved: { share: 0.5 } });
    watch.sees(TEN, MINUTE);
    watch.sees(failed(1), 6 * SECOND, { suspects: suspects('w1 w2 w3 w4 w5') });
    expect(watch.held).toBe('max_removed require_quorum');
    watch.sees(failed(7), 30 * MINUTE);
    watch.sees(TEN, MINUTE, { exchanges: 9 });
    expect(new Set(watch.written)).toEqual(new Set([TEN]));
  });

  it('does not begin and end to hold while it goes on', () => {
    const watch = new Watch({ maxRemoved: { count: 2 } });
    watch.sees(TEN, MINUTE);
    for (let count = 3; count <= 8; count += 1) watch.sees(failed(count), 1_500);
    expect(watch.subject.counters.get('held')).toBe(1);
  });
});

describe('a restarted balancer', () => {
  const guards = { maxRemoved: { share: 0.5 }, requireQuorum: 0.5, holdWhenIsolated: true };
  const memory = (): GovernorMemory => {
    const watch = new Watch(guards);
    watch.sees(TEN, MINUTE);
    return watch.subject.memory(watch.now) as GovernorMemory;
  };

  it('that reaches nobody leaves the file, also when its settle time is over', () => {
    const watch = new Watch({ settleMs: 30 * SECOND, holdWhenIsolated: true });
    watch.sees('', 60 * MINUTE, { exchanges: 0 });
    expect([watch.written, watch.held]).toEqual([[], 'allow_empty hold_when_isolated']);
  });

  it('that reaches only a part of the cluster goes by what the run before knew', () => {
    const alone = new Watch(guards).sees('w0 w1', MINUTE);
    expect(alone.file).toBe('w0 w1');
    const watch = new Watch(guards, memory());
    watch.sees('w0 w1', 30 * MINUTE);
    expect([watch.written, watch.held]).toEqual([[], 'max_removed require_quorum']);
    watch.sees(TEN, MINUTE, { exchanges: 2 });
    expect([watch.file, watch.held]).toEqual([TEN, '']);
  });

  it('together with everybody else waits until enough of them are back, and then for the others', () => {
    const watch = new Watch(guards, memory());
    const names = TEN.split(' ');
    for (let count = 1; count <= 10; count += 1) {
      watch.sees(names.slice(0, count).join(' '), 4 * SECOND, { exchanges: count });
    }
    watch.sees(TEN, MINUTE, { exchanges: 11 });
    expect(new Set(watch.written)).toEqual(new Set([TEN]));
  });

  it('that may go ahead remembers what it took out', () => {
    const watch = new Watch({ maxRemoved: { count: 4 } }, memory());
    watch.sees('w0 w1 w2 w3 w4 w5 w6', 10 * SECOND);
    expect(watch.file).toBe('w0 w1 w2 w3 w4 w5 w6');
    watch.sees('w0 w1 w2 w3 w4', MINUTE);
    expect(watch.held).toBe('max_removed');
  });

  it('does not compare with what was longer ago than the cluster is remembered', () => {
    const hour = 60 * MINUTE;
    const old = {
      ...memory(),
      agoMs: hour + 1,
      seen: TEN.split(' ').map((name) => [name, hour + 1] as const),
    };
    const watch = new Watch(guards, old).sees('w0 w1', MINUTE);
    expect(watch.file).toBe('w0 w1');
  });

  it('has nothing to tell the next one before it has acted', () => {
    const watch = new Watch(guards);
    watch.sees('', MINUTE, { exchanges: 0 });
    expect(watch.subject.memory(watch.now)).toBeUndefined();
  });
});

describe('removals that come one at a time', () => {
  it('go through while members that were restarted come back', () => {
    const watch = new Watch({ maxRemoved: { count: 1 } });
    watch.sees(TEN, MINUTE);
    const names = TEN.split(' ');
    for (const name of names) {
      watch.sees(names.map((one) => (one === name ? `=${one}` : one)).join(' '), 10 * SECOND);
      expect(watch.file.split(' ')).not.toContain(name);
      watch.sees(TEN, 10 * SECOND);
    }
    expect(watch.subject.counters.get('held')).toBeUndefined();
  });

  it('and do not come back are held in sum', () => {
    const watch = new Watch({ maxRemoved: { count: 3 } });
    watch.sees(TEN, MINUTE);
    for (let count = 1; count <= 6; count += 1) watch.sees(failed(count), 20 * SECOND);
    expect([watch.held, watch.file]).toEqual(['max_removed', 'w3 w4 w5 w6 w7 w8 w9']);
  });

  it('for members under new names are held when too many went within the window', () => {
    const watch = new Watch({ maxRemoved: { count: 3 } });
    const fleet = (replaced: number): string =>
      TEN.split(' ')
        .map((name, at) => (at < replaced ? `=${name} n${at}` : name))
        .join(' ');
    watch.sees(TEN, MINUTE);
    for (let count = 1; count <= 5; count += 1) watch.sees(fleet(count), 20 * SECOND);
    expect(watch.held).toBe('max_removed');
    watch.sees(fleet(5), 5 * MINUTE);
    expect(watch.held).toBe('');
    expect(watch.file.split(' ')).toContain('n4');
  });
});

describe('approval', () => {
  it('lets one write go ahead and no other, also while the same guard holds on', () => {
    const watch = new Watch({ minMembers: 5 });
    watch.sees(TEN, MINUTE).sees(failed(7), MINUTE);
    expect(watch.subject.approve()).toBe(true);
    watch.sees(failed(7), MINUTE);
    expect([watch.file, watch.held]).toEqual(['w7 w8 w9', '']);
    expect(watch.subject.approve()).toBe(false);
    watch.sees(failed(8), MINUTE);
    expect([watch.file, watch.held]).toEqual(['w7 w8 w9', 'min_members']);
    expect(watch.subject.counters.get('approved')).toBe(1);
  });

  it('is not needed where somebody loosens the guards, and a mere reload loosens nothing', () => {
    const guards = { holdWhenIsolated: true, allowEmpty: true };
    const watch = new Watch(guards);
    watch.sees(TEN, MINUTE).sees(failed(10), MINUTE).sees(failed(4), MINUTE);
    watch.subject.reload();
    watch.sees(failed(4), MINUTE);
    expect([watch.file, watch.held]).toEqual([TEN, 'hold_when_isolated']);
    watch.loosen();
    watch.sees(failed(4), 0);
    expect([watch.file, watch.held]).toEqual(['w4 w5 w6 w7 w8 w9', '']);
  });

  it('also ends the wait for members that come back', () => {
    const watch = new Watch({ holdWhenIsolated: true });
    watch.sees(TEN, MINUTE).sees(failed(10), MINUTE).sees(failed(4), MINUTE);
    expect(watch.held).toBe('hold_when_isolated');
    watch.subject.approve();
    watch.sees(failed(4), 0);
    expect([watch.file, watch.held]).toEqual(['w4 w5 w6 w7 w8 w9', '']);
  });
});

describe('this node itself', () => {
  it('is acted on when its tags change, though it is not in the view, and not when it leaves', () => {
    const watch = new Watch({});
    const as = (tags: Record<string, string>, status: 'alive' | 'leaving' = 'alive') => ({
      members: [...members('w0'), member('me', status, tags)],
    });
    watch.sees('', MINUTE, as({ serves: 'blue' })).sees('', MINUTE, as({ serves: 'green' }));
    expect(watch.written).toEqual(['w0', 'w0']);
    watch.sees('', MINUTE, as({ serves: 'green' }, 'leaving'));
    expect(watch.written.length).toBe(2);
  });
});
