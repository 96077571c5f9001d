import { Counters } from '../base/counters.ts';
import type { Millis } from '../base/machine.ts';
import type { MemberInfo } from '../events/event.ts';
import { Aftermath } from './aftermath.ts';
import { ClusterMemory, type ClusterSize } from './cluster-memory.ts';
import { Debounce } from './debounce.ts';
import { FlapDamping } from './flaps.ts';
import type {
  Action,
  ActionReason,
  ClusterFacts,
  GovernorMemory,
  GovernorOptions,
  GovernorStatus,
} from './governance.ts';
import { type Hold, holdsOf } from './guards.ts';
import { Removals } from './removals.ts';
import { splayOf } from './splay.ts';
import { changeBetween, fingerprint, isUnchanged, select, type View, type ViewChange } from './view.ts';

/** While something is held back the guards look again this often: windows run out without an event. */
const HOLD_CHECK_MS: Millis = 1_000;

/** Attempts after which the pause between two no longer grows; keeps the power of two finite. */
const MOST_DOUBLINGS = 30;

const NO_VIEW: View = { members: [], generation: 0, leftOut: [] };

/**
 * Decides when a handler or renderer acts, and on which view: filter, flap damping, debounce, splay, guards, retries
 * and resync, all driven by `observe` and `tick`. It does nothing itself: whoever asks carries the action out and says
 * how that went.
 */
export class Governor {
  readonly #startedAt: Millis;
  readonly #memory = new ClusterMemory();
  readonly #flaps = new FlapDamping();
  readonly #removals = new Removals();
  readonly #debounce = new Debounce();
  readonly #aftermath = new Aftermath();
  readonly #counters = new Counters();
  #options: GovernorOptions;
  #facts: ClusterFacts | undefined;
  #cluster: ClusterSize = { alive: 0, suspected: 0, failed: 0, silent: false, largest: 0 };
  #view = NO_VIEW;
  #damped: ReadonlySet<string> = new Set();
  #applied: readonly MemberInfo[] | undefined;
  /** Names that an earlier run acted on last, until this one has acted. */
  #former: readonly string[] = [];
  /** What this node is, apart from its status, and what it was when it was last acted on. */
  #self = '';
  #appliedSelf = '';
  #hasContent = false;
  #isSettled = false;
  #urgent: ActionReason | undefined = 'start';
  #running: Action | undefined;
  #runningSelf = '';
  #failures = 0;
  #retryAt: Millis = Number.POSITIVE_INFINITY;
  #resyncAt: Millis = Number.POSITIVE_INFINITY;
  #holds: readonly Hold[] = [];
  #heldSince: Millis | undefined;

  /** `now` is when the agent began to look; `settle` counts from here. `memory` is what an earlier run left. */
  constructor(now: Millis, options: GovernorOptions, memory?: GovernorMemory) {
    this.#startedAt = now;
    this.#options = options;
    if (memory === undefined) return;
    // What was acted on longer ago than the cluster is remembered says nothing about who went now.
    if (memory.agoMs <= options.guards.quorumWindowMs) this.#former = memory.applied;
    this.#memory.recall(now, memory.seen);
  }

  /** What the next run should know; undefined before the first success of this one. */
  memory(now: Millis): GovernorMemory | undefined {
    if (this.#applied === undefined) return undefined;
    const applied = this.#applied.map(({ name }) => name);
    return { applied, seen: this.#memory.seenLately(now), agoMs: 0 };
  }

  /** Counts since the start: `acted`, `failed`, `approved`, `held`, and `held:GUARD` once for each hold. */
  get counters(): ReadonlyMap<string, number> {
    return this.#counters.values;
  }

  get status(): GovernorStatus {
    return {
      state: this.#state(),
      view: this.#view,
      damped: [...this.#damped],
      holds: this.#holds,
      heldSince: this.#heldSince,
      failures: this.#failures,
    };
  }

  /** There is something already that an empty view would wipe out: a file of an earlier run. */
  foundContent(hasContent: boolean): void {
    this.#hasContent = hasContent;
  }

  /** Takes the cluster as it is now. Cheap to call more often than anything changes. */
  observe(now: Millis, facts: ClusterFacts): void {
    const { filter, guards, self } = this.#options;
    this.#facts = facts;
    // Who had nobody to join is the cluster, and stays it when others join: they are remembered from then on.
    this.#isSettled ||= facts.exchanges > 0 || facts.nobodyToJoin;
    this.#cluster = this.#memory.observe(now, facts, guards.quorumWindowMs);
    const { members, leftOut } = select(facts.members, filter, self);
    this.#damped = new Set();
    if (guards.flap !== undefined) {
      const places = new Map(members.map(({ name, addr, port }) => [name, `${addr.join('.')}:${port}`]));
      this.#damped = this.#flaps.observe(now, places, guards.flap);
    }
    const listed = members.filter(({ name }) => !this.#damped.has(name));
    const me = facts.members.find(({ name }) => name === self);
    const own = me === undefined ? '' : fingerprint({ ...me, status: 'alive' });
    const isOther = own !== this.#self || !isUnchanged(changeBetween(this.#view.members, listed));
    if (this.#view !== NO_VIEW && !isOther) {
      this.#view = { ...this.#view, leftOut };
      return;
    }
    this.#self = own;
    this.#view = { members: listed, leftOut, generation: this.#view.generation + 1 };
    this.#aftermath.changed(now);
    if (this.#isApplied()) this.#debounce.clear();
    else this.#debounce.touch(now);
  }

  /** What is to be done at `now`, if anything; `settled` must follow before there is more. */
  tick(now: Millis): Action | undefined {
    if (this.#running !== undefined || this.#facts === undefined) return undefined;
    const reason = this.#dueReason(now);
    if (reason === undefined) {
      // What is held and not due again yet, for it changed meanwhile, is held all the same.
      if (!Number.isFinite(this.#changeAt())) this.#release();
      return undefined;
    }
    const change = changeBetween(this.#applied ?? [], this.#view.members);
    if (reason === 'approve') this.#counters.add('approved');
    else if (this.#isHeld(now, this.#facts, change)) return undefined;
    this.#release();
    this.#urgent = undefined;
    this.#retryAt = Number.POSITIVE_INFINITY;
    this.#debounce.clear();
    this.#running = { reason, view: this.#view, change, selfChanged: this.#self !== this.#appliedSelf };
    this.#runningSelf = this.#self;
    return this.#running;
  }

  /**
   * How the action went. After a success its view is what later ones are compared with; `hasContent` says whether an
   * empty view would now wipe something out, which is true of every view that is not empty. A failure is tried again.
   */
  settled(now: Millis, ok: boolean, hasContent?: boolean): void {
    const action = this.#running;
    if (action === undefined) return;
    this.#running = undefined;
    const { resyncMs, retry } = this.#options;
    if (resyncMs > 0) this.#resyncAt = now + resyncMs;
    if (!ok) {
      this.#failures += 1;
      this.#counters.add('failed');
      const pause = retry.firstMs * 2 ** Math.min(this.#failures - 1, MOST_DOUBLINGS);
      this.#retryAt = now + Math.min(pause, retry.maxMs);
      return;
    }
    this.#failures = 0;
    this.#counters.add('acted');
    const removed = this.#removedBy(action.view, action.change);
    this.#applied = action.view.members;
    this.#appliedSelf = this.#runningSelf;
    this.#former = [];
    this.#hasContent = hasContent ?? action.view.members.length > 0;
    this.#removals.record(
      now,
      removed,
      action.view.members.map(({ name }) => name),
    );
    // What changed meanwhile was compared with the view before this one.
    if (this.#isApplied()) this.#debounce.clear();
    else this.#debounce.touch(now);
  }

  /** The configuration changed, or somebody asked: act anew, whether or not the view changed. */
  reload(options: GovernorOptions = this.#options): void {
    // Whoever changes the guards means what they say now, not what they held before.
    if (JSON.stringify(options.guards) !== JSON.stringify(this.#options.guards)) this.#aftermath.clear();
    this.#options = options;
    this.#urgent ??= 'reload';
  }

  /** Lets what is held back go ahead once, on the view as it is then. False when nothing is held back. */
  approve(): boolean {
    if (this.#holds.length === 0) return false;
    this.#urgent = 'approve';
    return true;
  }

  /** When `observe` and `tick` are next worth calling; `Infinity` while an action runs or nothing is planned. */
  nextDeadline(now: Millis): Millis {
    if (this.#running !== undefined || this.#facts === undefined) return Number.POSITIVE_INFINITY;
    const { flap } = this.#options.guards;
    const reuse = flap === undefined ? Number.POSITIVE_INFINITY : this.#flaps.nextDeadline(flap);
    if (this.#holds.length > 0 && this.#urgent !== 'approve') return Math.min(now + HOLD_CHECK_MS, reuse);
    if (this.#urgent !== undefined) return now;
    return Math.min(this.#retryAt, this.#changeAt(), this.#resyncAt, reuse);
  }

  #changeAt(): Millis {
    const { self, name, splayMs, wait } = this.#options;
    return this.#debounce.due(wait) + splayOf(self, name, splayMs);
  }

  #dueReason(now: Millis): ActionReason | undefined {
    if (this.#urgent !== undefined) return this.#urgent;
    if (this.#changeAt() <= now) return 'change';
    if (this.#retryAt <= now) return 'retry';
    return this.#resyncAt <= now ? 'resync' : undefined;
  }

  #isHeld(now: Millis, facts: ClusterFacts, change: ViewChange): boolean {
    const { guards } = this.#options;
    const removed = this.#removedBy(this.#view, change);
    const present = new Set(this.#view.members.map(({ name }) => name));
    const suspected = [...present].filter((name) => facts.suspects.has(name)).length;
    for (const name of removed) present.add(name);
    const found = holdsOf(guards, {
      now,
      startedAt: this.#startedAt,
      synced: this.#isSettled,
      nobodyToJoin: facts.nobodyToJoin,
      cluster: this.#cluster,
      size: this.#view.members.length,
      hasContent: this.#hasContent,
      appliedSize: this.#applied?.length ?? this.#former.length,
      removedNow: removed.length,
      suspected,
      removedLately: this.#removals.within(now, guards.removedWindowMs, present),
    });
    const holds = this.#withAftermath(now, facts, found);
    for (const { guard } of holds) {
      if (this.#holds.every((known) => known.guard !== guard)) this.#counters.add(`held:${guard}`);
    }
    if (holds.length > 0 && this.#holds.length === 0) {
      this.#counters.add('held');
      this.#heldSince = now;
    }
    this.#holds = holds;
    return holds.length > 0;
  }

  #withAftermath(now: Millis, { exchanges }: ClusterFacts, found: readonly Hold[]): readonly Hold[] {
    if (found.length > 0) {
      // Where nothing was acted on before, nothing can be lost either.
      if (this.#applied !== undefined || this.#former.length > 0) this.#aftermath.held(found, exchanges);
      return found;
    }
    // All are back, or none was lost: this view was acted on before.
    if (this.#isApplied()) return [];
    const { wait } = this.#options;
    return this.#aftermath.holds(now, { exchanges, isAlone: this.#cluster.alive <= 1, wait });
  }

  /** Names acted on last, here or by the run before, that are not in the view. */
  #removedBy(view: View, change: ViewChange): readonly string[] {
    if (this.#applied !== undefined) return change.removed.map(({ name }) => name);
    const present = new Set(view.members.map(({ name }) => name));
    return this.#former.filter((name) => !present.has(name));
  }

  #release(): void {
    this.#aftermath.clear();
    this.#holds = [];
    this.#heldSince = undefined;
  }

  #isApplied(): boolean {
    if (this.#applied === undefined || this.#self !== this.#appliedSelf) return false;
    return isUnchanged(changeBetween(this.#applied, this.#view.members));
  }

  #state(): GovernorStatus['state'] {
    if (this.#running !== undefined) return 'running';
    if (this.#holds.length > 0) return 'held';
    if (Number.isFinite(this.#retryAt)) return 'retrying';
    if (this.#applied === undefined) return 'starting';
    return Number.isFinite(this.#changeAt()) ? 'waiting' : 'idle';
  }
}
