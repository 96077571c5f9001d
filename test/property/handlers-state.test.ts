import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MemberInfo } from '../../src/events/event.ts';
import { ChannelPool } from '../../src/handlers/channels.ts';
import {
  DEFAULT_HANDLER_LIMITS,
  type HandlerContext,
  plainOutcome,
  type RunOutcome,
} from '../../src/handlers/context.ts';
import { RunHistory } from '../../src/handlers/history.ts';
import { StateUnit } from '../../src/handlers/state-unit.ts';
import type { UnitParts } from '../../src/handlers/unit.ts';
import { member } from '../unit/events/samples.ts';
import { supervised } from '../unit/handlers/harness.ts';

/** One step of a history: the cluster changes, and the event about it may be lost; time goes on; runs end well or not. */
type Step =
  | { readonly type: 'join' | 'leave' | 'retag'; readonly node: number; readonly heard: boolean }
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'restart' }
  | { readonly type: 'reload' };

const NODES = 5;
const RESYNC_MS = 60_000;

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constantFrom('join' as const, 'leave' as const, 'retag' as const),
      node: fc.nat(NODES - 1),
      heard: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.nat(20_000) }) },
  { weight: 1, arbitrary: fc.constant({ type: 'restart' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'reload' as const }) },
);

/** A handler in virtual time: its program notes the members it was given, if it succeeds. */
class World {
  now = 0;
  table = new Map<string, MemberInfo>();
  /** What the last run that succeeded saw; survives restarts, as a file does. */
  seen: readonly string[] | undefined;
  #wakes: { readonly at: number; readonly wake: () => void }[] = [];
  #results: boolean[];
  #tag = 0;
  #unit: StateUnit;

  constructor(results: readonly boolean[]) {
    this.#results = [...results];
    this.#unit = this.#start();
  }

  async play(one: Step): Promise<void> {
    switch (one.type) {
      case 'wait':
        return this.advance(one.ms);
      case 'restart':
        this.#unit.stop(0);
        this.#wakes = [];
        this.#unit = this.#start();
        break;
      case 'reload':
        this.#unit.reloaded();
        break;
      default:
        this.#change(one.type, `n${one.node}`);
        if (one.heard) this.#unit.offer({ type: 'member-update', members: [] });
    }
    await settle();
  }

  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      await settle();
      const due = this.#wakes.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#wakes = this.#wakes.filter((wake) => wake !== due);
      this.now = Math.max(this.now, due.at);
      due.wake();
    }
    this.now = end;
  }

  /** From now on every run succeeds. */
  calm(): void {
    this.#results = [];
  }

  truth(): readonly string[] {
    return [...this.table.values()].map(shown).sort();
  }

  #change(type: 'join' | 'leave' | 'retag', name: string): void {
    if (type === 'leave') this.table.delete(name);
    if (type === 'join') this.table.set(name, member(name));
    if (type === 'retag' && this.table.has(name)) {
      this.#tag += 1;
      this.table.set(name, member(name, { tags: new Map([['v', String(this.#tag)]]) }));
    }
  }

  #start(): StateUnit {
    const spec = supervised('h', { kind: 'state', run: 'true' });
    const guards = { ...spec.policy.guards, allowEmpty: true };
    const policy = { guards, wait: { minMs: 1_000, maxMs: 5_000 }, splayMs: 500, resyncMs: RESYNC_MS };
    const host = {
      now: () => this.now,
      wakeAt: (at: number, wake: () => void) => {
        const entry = { at, wake };
        this.#wakes.push(entry);
        return () => {
          this.#wakes = this.#wakes.filter((known) => known !== entry);
        };
      },
    };
    const retry = { attempts: 0, backoffMs: 1_000, maxBackoffMs: 8_000, jitter: 0 };
    return new StateUnit({ ...spec, policy, retry }, this.#parts(), host, ({ view }) => {
      const ok = this.#results.shift() ?? true;
      if (ok) this.seen = view.members.map(shown).sort();
      const outcome: RunOutcome = plainOutcome(ok, ok ? 'exit status 0' : 'exit status 1');
      return { done: Promise.resolve(outcome), stop: () => undefined };
    });
  }

  #parts(): UnitParts {
    const context: HandlerContext = {
      self: () => ({ name: 'me', tags: new Map() }),
      facts: () => ({
        members: [...this.table.values()],
        exchanges: 1,
        suspects: new Set<string>(),
        silent: false,
        nobodyToJoin: true,
      }),
      respond: () => undefined,
      log: () => undefined,
      secretNames: [],
    };
    const pool = new ChannelPool(() => undefined);
    return { context, limits: DEFAULT_HANDLER_LIMITS, pool, inherited: {}, history: new RunHistory() };
  }
}

const shown = ({ name, tags }: MemberInfo): string => `${name} ${tags.get('v') ?? ''}`;

/** Lets promises that are ready settle. */
async function settle(): Promise<void> {
  for (let i = 0; i < 12; i += 1) await Promise.resolve();
}

describe('a state handler', () => {
  test('whatever events are lost, runs fail and agents restart: the last run saw the truth', async () => {
    let failed = 0;
    let lost = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.array(fc.boolean(), { maxLength: 20 }),
        async (steps, results) => {
          failed += results.filter((ok) => !ok).length;
          lost += steps.filter((one) => 'heard' in one && !one.heard).length;
          const world = new World(results);
          for (const one of steps) await world.play(one);
          world.calm();
          await world.advance(2 * RESYNC_MS);
          expect(world.seen).toEqual(world.truth());
        },
      ),
      // The example is a failed start followed by reloads without a change.
      { numRuns: 300, examples: [[[{ type: 'reload' }, { type: 'reload' }], [false]]] },
    );
    expect(failed).toBeGreaterThan(0);
    expect(lost).toBeGreaterThan(0);
  });
});
