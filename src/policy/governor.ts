import { Counters } from '../base/counters.ts';
import type { Millis } from '../base/machine.ts';
import type { MemberInfo } from '../events/event.ts';
import { ClusterMemory, type ClusterSize } from './cluster-memory.ts';
import type { GuardConfig, RetryConfig, WaitConfig } from './config.ts';
import { Debounce } from './debounce.ts';
import { FlapDamping } from './flaps.ts';
import { type Hold, holdsOf } from './guards.ts';
import { Removals } from './removals.ts';
import { splayOf } from './splay.ts';
import { changeBetween, isUnchanged, select, type View, type ViewChange, type ViewFilter } from './view.ts';

/** While something is held back the guards look again this often: windows run out without an event. */
const HOLD_CHECK_MS: Millis = 1_000;

/** Attempts after which the pause between two no longer grows; keeps the power of two finite. */
const MOST_DOUBLINGS = 30;

/** Why an action is due. */
export type ActionReason = 'start' | 'change' | 'reload' | 'resync' | 'retry' | 'approve';

/** What one handler or renderer is governed by. */
export interface GovernorOptions {
  /** This node's name. */
  readonly self: string;
  /** The handler's or renderer's name; with the node's it decides the splay. */
  readonly name: string;
  readonly filter: ViewFilter;
  readonly guards: GuardConfig;
  readonly wait: WaitConfig;
  readonly splayMs: Millis;
  /** 0 never looks anew by itself. */
  readonly resyncMs: Millis;
  readonly retry: RetryConfig;
}

/** What the agent knows of the cluster at this moment. */
export interface ClusterFacts {
  /** Every member of every status. */
  readonly members: readonly MemberInfo[];
  /** A push/pull with another member was completed since the start. */
  readonly synced: boolean;
  /** Nobody is configured or remembered who could be joined. */
  readonly nobodyToJoin: boolean;
}

/** Something to be done now, with the whole view. */
export interface Action {
  readonly reason: ActionReason;
  readonly view: View;
  /** What is different from the view that was last acted on with success. */
  readonly change: ViewChange;
}

/** Where things stand, for people. */
export interface GovernorStatus {
  /** `starting` before the first action, `waiting` while a change is debounced. */
  readonly state: 'starting' | 'idle' | 'waiting' | 'held' | 'running' | 'retrying';
  readonly view: View;
  /** Nodes kept out for coming and going. */
  readonly damped: readonly string[];
  readonly holds: readonly Hold[];
  readonly heldSince: Millis | undefined;
  readonly failures: number;
}

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
  readonly #counters = new Counters();
  #options: GovernorOptions;
  #facts: ClusterFacts | undefined;
  #cluster: ClusterSize = { alive: 0, largest: 0 };
  #view = NO_VIEW;
  #damped: ReadonlySet<string> = new Set();
  #applied: readonly MemberInfo[] | undefined;
  #hasContent = false;
  #urgent: ActionReason | undefined = 'start';
  #running: Action | undefined;
  #failures = 0;
  #retryAt: Millis = Number.POSITIVE_INFINITY;
  #resyncAt: Millis = Number.POSITIVE_INFINITY;
  #holds: readonly Hold[] = [];
  #heldSince: Millis | undefined;

  /** `now` is when the agent began to look; `settle` counts from here. */
  constructor(now: Millis, options: GovernorOptions) {
    this.#startedAt = now;
    this.#options = options;
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
    this.#cluster = this.#memory.observe(now, facts.members, guards.quorumWindowMs);
    const { members, leftOut } = select(facts.members, filter, self);
    this.#damped = new Set();
    if (guards.flap !== undefined) {
      const places = new Map(members.map(({ name, addr, port }) => [name, `${addr.join('.')}:${port}`]));
      this.#damped = this.#flaps.observe(now, places, guards.flap);
    }
    const listed = members.filter(({ name }) => !this.#damped.has(name));
    const changed = this.#view === NO_VIEW || !isUnchanged(changeBetween(this.#view.members, listed));
    if (!changed) {
      this.#view = { ...this.#view, leftOut };
      return;
    }
    this.#view = { members: listed, leftOut, generation: this.#view.generation + 1 };
    if (this.#isApplied()) this.#debounce.clear();
    else this.#debounce.touch(now);
  }

  /** What is to be done at `now`, if anything; `settled` must follow before there is more. */
  tick(now: Millis): Action | undefined {
    if (this.#running !== undefined || this.#facts === undefined) return undefined;
    const reason = this.#dueReason(now);
    if (reason === undefined) {
      this.#release();
      return undefined;
    }
    const change = changeBetween(this.#applied ?? [], this.#view.members);
    if (reason === 'approve') this.#counters.add('approved');
    else if (this.#isHeld(now, this.#facts, change)) return undefined;
    this.#release();
    this.#urgent = undefined;
    this.#retryAt = Number.POSITIVE_INFINITY;
    this.#debounce.clear();
    this.#running = { reason, view: this.#view, change };
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
    this.#applied = action.view.members;
    this.#hasContent = hasContent ?? action.view.members.length > 0;
    this.#removals.record(
      now,
      action.change.removed.map(({ name }) => name),
      action.view.members.map(({ name }) => name),
    );
    // What changed meanwhile was compared with the view before this one.
    if (this.#isApplied()) this.#debounce.clear();
    else this.#debounce.touch(now);
  }

  /** The configuration changed, or somebody asked: act anew, whether or not the view changed. */
  reload(options: GovernorOptions = this.#options): void {
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
    const present = new Set(this.#view.members.map(({ name }) => name));
    for (const { name } of change.removed) present.add(name);
    const holds = holdsOf(guards, {
      now,
      startedAt: this.#startedAt,
      synced: facts.synced,
      nobodyToJoin: facts.nobodyToJoin,
      cluster: this.#cluster,
      size: this.#view.members.length,
      hasContent: this.#hasContent,
      appliedSize: this.#applied?.length ?? 0,
      removedNow: change.removed.length,
      removedLately: this.#removals.within(now, guards.removedWindowMs, present),
    });
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

  #release(): void {
    this.#holds = [];
    this.#heldSince = undefined;
  }

  #isApplied(): boolean {
    return this.#applied !== undefined && isUnchanged(changeBetween(this.#applied, this.#view.members));
  }

  #state(): GovernorStatus['state'] {
    if (this.#running !== undefined) return 'running';
    if (this.#holds.length > 0) return 'held';
    if (Number.isFinite(this.#retryAt)) return 'retrying';
    if (this.#applied === undefined) return 'starting';
    return Number.isFinite(this.#changeAt()) ? 'waiting' : 'idle';
  }
}
