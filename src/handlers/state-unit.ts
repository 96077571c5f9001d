import { bytesOfText } from '../base/bytes.ts';
import type { Millis } from '../base/machine.ts';
import type { ClusterEvent, MemberInfo } from '../events/event.ts';
import type { Action, GovernorOptions } from '../policy/governance.ts';
import { Governor } from '../policy/governor.ts';
import { changeBetween, isUnchanged, select } from '../policy/view.ts';
import type { HandlerRun, RunOutcome } from './context.ts';
import { shownVariables } from './event-unit.ts';
import { runProgram } from './program.ts';
import { type StateInput, stateInput, viewText } from './state-input.ts';
import type { SupervisedSpec } from './supervised.ts';
import { type HandlerUnit, type Rehearsal, recordedRun, type UnitParts, type UnitStatus } from './unit.ts';

/** The clock and the one timer of a state handler; tests bring virtual ones. */
export interface StateHost {
  readonly now: () => Millis;
  /** Calls `wake` at `at`; the function given back calls it off. */
  readonly wakeAt: (at: Millis, wake: () => void) => () => void;
}

/** Timers longer than this overflow in Node; a wake-up too early is harmless. */
const LONGEST_TIMER_MS = 24 * 60 * 60 * 1_000;

/** The process's own clock. */
export const SYSTEM_HOST: StateHost = {
  now: () => performance.now(),
  wakeAt: (at, wake) => {
    const ms = Math.min(Math.max(0, Math.ceil(at - performance.now())), LONGEST_TIMER_MS);
    const timer = setTimeout(wake, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Starts one run on an action. */
export type StartRun = (action: Action, spec: SupervisedSpec) => HandlerRun;

/**
 * A handler of the whole view. When it acts is the governor's business (src/policy); here it gets a clock, a timer and
 * a program. Events only say that it is worth looking: what is acted on is the member table at that moment.
 */
export class StateUnit implements HandlerUnit {
  readonly name: string;
  readonly kind = 'state';
  readonly #parts: UnitParts;
  readonly #host: StateHost;
  readonly #start: StartRun;
  readonly #governor: Governor;
  #spec: SupervisedSpec;
  #callOff: () => void = () => {};
  #run: HandlerRun | undefined;
  #runs = 0;
  #skipped = 0;
  #failures = 0;
  #forced = false;
  /** Whether the latest run succeeded; false before the first. */
  #lastOk = false;
  #held = '';
  #stopped = false;
  #applied: readonly MemberInfo[] = [];
  /** Who wants to know how the next run goes, and how the present one does. */
  #waiting: ((outcome: RunOutcome | undefined) => void)[] = [];
  #inRun: ((outcome: RunOutcome | undefined) => void)[] = [];
  #ended: (() => void)[] = [];

  constructor(spec: SupervisedSpec, parts: UnitParts, host: StateHost = SYSTEM_HOST, start?: StartRun) {
    this.name = spec.name;
    this.#spec = spec;
    this.#parts = parts;
    this.#host = host;
    this.#start = start ?? ((action, current) => programRun(action, current, parts));
    this.#governor = new Governor(host.now(), this.#options(), parts.context.memory?.recall(spec.name));
    this.#governor.foundContent(leftContent(parts, spec.name));
    this.#callOff = host.wakeAt(host.now(), () => this.#wake());
  }

  get command(): string {
    return this.#spec.shown;
  }

  get identity(): string {
    return this.#spec.fingerprint;
  }

  get status(): UnitStatus {
    const { state, view, holds, damped } = this.#governor.status;
    return {
      state,
      queued: 0,
      running: this.#run === undefined ? 0 : 1,
      runs: this.#runs,
      failures: this.#failures,
      dropped: 0,
      holds: holds.map(({ guard, text }) => `${guard}: ${text}`),
      figures: {
        members: view.members.length,
        generation: view.generation,
        skipped: this.#skipped,
        damped: damped.length,
      },
    };
  }

  offer(event: ClusterEvent): void {
    if (event.type !== 'user' && event.type !== 'query') this.#wake();
  }

  /** A changed configuration runs in any case, for it may mean something else by the same view. */
  reconfigure(spec: SupervisedSpec): void {
    this.#spec = spec;
    this.#forced = true;
    this.#governor.reload(this.#options());
    this.#wake();
  }

  reloaded(): void {
    this.#governor.reload();
    this.#wake();
  }

  again(): Promise<RunOutcome | undefined> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#forced = true;
      this.#governor.reload();
      this.#wake();
      if (this.#governor.status.state === 'held') this.#settleWaiting();
    });
  }

  rehearse(): Rehearsal {
    const { context } = this.#parts;
    const self = context.self();
    const status = this.#governor.status;
    const { members } = select(context.facts().members, this.#spec.members, self.name);
    const change = changeBetween(this.#applied, members);
    const view = { ...status.view, members };
    const holds = status.holds.map(({ text }) => text).join('; ');
    const verdict =
      holds !== ''
        ? `is held back: ${holds}`
        : isUnchanged(change)
          ? 'would not run: the view is the one of the last run'
          : 'would run on this view';
    return {
      verdict,
      runs: holds === '' && !isUnchanged(change),
      environment: shownVariables(this.#spec, STATE_VARIABLES, this.#parts),
      input: encoded(stateInput({ reason: 'change', view, change }, self)),
    };
  }

  approve(): boolean {
    const approved = this.#governor.approve();
    if (approved) this.#wake();
    return approved;
  }

  async finish(): Promise<void> {
    this.#stop();
    if (this.#run !== undefined) await new Promise<void>((resolve) => this.#ended.push(resolve));
  }

  clear(): void {
    this.#stop();
  }

  stop(graceMs: number): void {
    this.#stop();
    this.#run?.stop(graceMs);
  }

  #stop(): void {
    this.#stopped = true;
    this.#callOff();
    if (this.#run === undefined) this.#settleWaiting();
  }

  #options(): GovernorOptions {
    const { name, members, policy, retry } = this.#spec;
    // Another share for each agent, so that a fleet does not try again in the same instant.
    const share = 1 + retry.jitter * (2 * Math.random() - 1);
    const varied = (ms: number): number => ms * share;
    return {
      self: this.#parts.context.self().name,
      name,
      filter: members,
      guards: policy.guards,
      wait: policy.wait,
      splayMs: policy.splayMs,
      resyncMs: policy.resyncMs,
      retry: { firstMs: varied(retry.backoffMs), maxMs: varied(retry.maxBackoffMs) },
    };
  }

  #wake(): void {
    if (this.#stopped) return;
    const now = this.#host.now();
    this.#governor.observe(now, this.#parts.context.facts());
    for (let action = this.#governor.tick(now); action !== undefined; action = this.#governor.tick(now)) {
      if (!this.#isNeeded(action)) {
        this.#skipped += 1;
        this.#settled(now, true);
        continue;
      }
      this.#begin(action);
      break;
    }
    this.#tellHolds();
    this.#callOff();
    const next = this.#governor.nextDeadline(now);
    this.#callOff = Number.isFinite(next) ? this.#host.wakeAt(next, () => this.#wake()) : () => {};
  }

  /** Looking again is no reason to run again when there is nothing new and the last run dealt with the old. */
  #isNeeded({ reason, change, selfChanged }: Action): boolean {
    return this.#forced || !this.#lastOk || reason === 'approve' || selfChanged || !isUnchanged(change);
  }

  #begin(action: Action): void {
    const { history } = this.#parts;
    this.#forced = false;
    this.#inRun = this.#waiting.splice(0);
    const { failures } = this.#governor.status;
    const start = {
      handler: this.name,
      cause: action.reason,
      attempt: action.reason === 'retry' ? failures + 1 : 1,
      about: viewText(action),
    };
    const run = recordedRun(history, start, () => this.#start(action, this.#spec));
    this.#run = run;
    void run.done.then((outcome) => this.#over(action, outcome));
  }

  #over(action: Action, outcome: RunOutcome): void {
    this.#run = undefined;
    this.#runs += 1;
    this.#lastOk = outcome.ok;
    if (outcome.ok) this.#applied = action.view.members;
    else this.#failures += 1;
    this.#settled(this.#host.now(), outcome.ok);
    for (const resolve of this.#inRun.splice(0)) resolve(outcome);
    if (this.#stopped) this.#settleWaiting();
    for (const resolve of this.#ended.splice(0)) resolve();
    this.#wake();
  }

  #settled(now: Millis, ok: boolean): void {
    this.#governor.settled(now, ok);
    this.#parts.context.memory?.keep(this.name, this.#governor.memory(now));
  }

  /** Nobody shall wait for a run that does not come about. */
  #settleWaiting(): void {
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }

  /** Loud when something is held back, and once more when it is not any longer. */
  #tellHolds(): void {
    const { context } = this.#parts;
    const { state, holds } = this.#governor.status;
    const held = state === 'held' ? holds.map(({ guard }) => guard).join() : '';
    if (held === this.#held) return;
    this.#held = held;
    context.metrics?.gauge(`agent.held.handler.${this.name}`, held === '' ? 0 : holds.length);
    if (held === '') {
      context.log('INFO', `Handler '${this.name}' is no longer held back`);
      return;
    }
    const why = holds.map(({ guard, text }) => `${guard}: ${text}`).join('; ');
    context.log(
      'WARN',
      `Handler '${this.name}' is held back (${why}); 'agent handlers approve ${this.name}' lets it run once`,
    );
  }
}

/** The program of the handler, with the view on its standard input. */
function programRun(action: Action, spec: SupervisedSpec, parts: UnitParts): HandlerRun {
  return runProgram({
    spec,
    parts,
    input: encoded(stateInput(action, parts.context.self())),
    about: STATE_VARIABLES,
    subject: viewText(action),
  });
}

const STATE_VARIABLES: ReadonlyMap<string, string> = new Map([['SERF_EVENT', 'state']]);

function encoded(input: StateInput): Uint8Array {
  return bytesOfText(`${JSON.stringify(input)}\n`);
}

/** Whether the last run that succeeded saw anybody: then an empty view would wipe something out. */
function leftContent(parts: UnitParts, handler: string): boolean {
  const last = parts.history.of(handler).find(({ state }) => state === 'ok');
  return last !== undefined && !last.event.startsWith('0 ');
}
