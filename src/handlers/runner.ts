import type { ClusterEvent } from '../events/event.ts';
import { ChannelPool } from './channels.ts';
import { DEFAULT_HANDLER_LIMITS, type HandlerContext, type HandlerLimits } from './context.ts';
import { classicUnit } from './event-unit.ts';
import { RunHistory, type RunRecord } from './history.ts';
import { PersistentUnit } from './persistent-unit.ts';
import { eventOfJson } from './recorded-event.ts';
import { scriptUnit } from './script-units.ts';
import type { HandlerSpec } from './spec.ts';
import { StateUnit } from './state-unit.ts';
import type { SupervisedSpec } from './supervised.ts';
import type { HandlerUnit, UnitParts } from './unit.ts';

/** One handler's counts since it was configured; `queued` and `running` are the present. */
export interface HandlerStats {
  readonly handler: string;
  readonly queued: number;
  readonly running: boolean;
  readonly runs: number;
  readonly failures: number;
  readonly dropped: number;
}

export interface HandlerRunnerOptions {
  /** Those of `event_handlers`. */
  readonly handlers: readonly HandlerSpec[];
  readonly supervised?: readonly SupervisedSpec[] | undefined;
  readonly context: HandlerContext;
  readonly limits?: Partial<HandlerLimits> | undefined;
  /** Absent: runs are remembered until the agent ends. */
  readonly history?: RunHistory | undefined;
}

/**
 * Hands events to handlers. Each handler has a bounded queue of its own; different handlers run at the same time, so a
 * hung one delays nobody. Dispatching never waits and never throws.
 */
export class HandlerRunner {
  readonly history: RunHistory;
  readonly #parts: UnitParts;
  #units: readonly HandlerUnit[] = [];
  /** Handlers that a reload removed, until their last run is over. */
  readonly #retired = new Set<HandlerUnit>();
  #stopped: Promise<void> | undefined;

  constructor(options: HandlerRunnerOptions) {
    const { context } = options;
    this.history = options.history ?? new RunHistory();
    const pool = new ChannelPool((reason) => {
      context.log('WARN', `Handlers get sockets for pipes, /dev/stdin cannot be opened in them: ${reason}`);
    });
    const limits = { ...DEFAULT_HANDLER_LIMITS, ...options.limits };
    this.#parts = { context, limits, pool, history: this.history, inherited: { ...process.env } };
    const supervised = options.supervised ?? [];
    this.replace(options.handlers, supervised);
    this.#resume(supervised);
  }

  /** In configuration order, those of `event_handlers` first. */
  get units(): readonly HandlerUnit[] {
    return this.#units;
  }

  get stats(): readonly HandlerStats[] {
    return this.#units.map(({ name, status }) => ({
      handler: name,
      queued: status.queued,
      running: status.running > 0,
      runs: status.runs,
      failures: status.failures,
      dropped: status.dropped,
    }));
  }

  /** Offers the event to every handler. Ignored after `stop`. */
  dispatch(event: ClusterEvent): void {
    if (this.#stopped !== undefined) return;
    for (const unit of this.#units) unit.offer(event);
  }

  /**
   * Swaps the set of handlers. One that is in both sets keeps its queue and its run; a removed one finishes the run
   * that is under way and loses what waited.
   */
  replace(handlers: readonly HandlerSpec[], supervised: readonly SupervisedSpec[] = []): void {
    if (this.#stopped !== undefined) return;
    const kept = [...this.#units];
    const take = (fits: (unit: HandlerUnit) => boolean): HandlerUnit | undefined => {
      const at = kept.findIndex(fits);
      return at < 0 ? undefined : kept.splice(at, 1)[0];
    };
    const scripts = handlers.map((spec) => {
      const identity = `event_handlers:${spec.text}`;
      return take((unit) => unit.identity === identity) ?? scriptUnit(spec, this.#parts);
    });
    const units = supervised.map((spec) => {
      const same = take((unit) => unit.name === spec.name && unit.identity === spec.fingerprint);
      same?.reloaded();
      if (same !== undefined) return same;
      const changed = take(
        (unit) => unit instanceof StateUnit && unit.name === spec.name && spec.kind === 'state',
      );
      if (!(changed instanceof StateUnit)) return this.#newUnit(spec);
      changed.reconfigure(spec);
      return changed;
    });
    this.#units = [...scripts, ...units];
    for (const unit of kept) this.#retire(unit);
  }

  /**
   * Takes no more events, lets the handlers work off what they have for `stopWaitMs`, then ends what still runs (TERM
   * and, after the grace, KILL). Resolves when nothing runs any more; calling it again waits for the same end.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop([...this.#units, ...this.#retired]);
    return this.#stopped;
  }

  /** Ends what runs at once: TERM and, half a second later, KILL. What waits is dropped. Also during a `stop`. */
  async abort(): Promise<void> {
    const stopped = this.stop();
    endAll([...this.#units, ...this.#retired], this.#parts.limits.abortGraceMs);
    await stopped;
  }

  async #stop(units: readonly HandlerUnit[]): Promise<void> {
    const finished = Promise.all(units.map((unit) => unit.finish()));
    const { stopWaitMs, termGraceMs } = this.#parts.limits;
    const timer = setTimeout(() => endAll(units, termGraceMs), stopWaitMs);
    await finished;
    clearTimeout(timer);
    this.#parts.pool.close();
    await this.history.close();
  }

  #retire(unit: HandlerUnit): void {
    const { stopWaitMs, termGraceMs } = this.#parts.limits;
    unit.clear();
    this.#retired.add(unit);
    // A run ends by itself or by its timeout; a process that lives as long as the agent may know no end but this one.
    const timer =
      unit.kind === 'persistent' ? setTimeout(() => unit.stop(termGraceMs), stopWaitMs) : undefined;
    void unit.finish().then(() => {
      clearTimeout(timer);
      this.#retired.delete(unit);
    });
  }

  #newUnit(spec: SupervisedSpec): HandlerUnit {
    switch (spec.kind) {
      case 'classic':
        return classicUnit(spec, this.#parts);
      case 'persistent':
        return new PersistentUnit(spec, this.#parts);
      case 'state':
        return new StateUnit(spec, this.#parts);
    }
  }

  /** Runs that the end of the former agent interrupted: told, and where asked for, made up for once. */
  #resume(supervised: readonly SupervisedSpec[]): void {
    for (const record of this.history.interrupted) {
      if (record.kind === 'renderer') {
        this.#tellInterrupted('Renderer', record, '; what is left to do is found in its file and done');
        continue;
      }
      const unit = this.#units.find(({ name }) => name === record.handler);
      const asked = supervised.some(
        ({ name, rerunInterrupted }) => name === record.handler && rerunInterrupted,
      );
      const event = asked ? repeatable(record) : undefined;
      const consequence = event === undefined ? '' : '; it is run again';
      this.#tellInterrupted('Handler', record, consequence);
      if (event !== undefined) void unit?.again(event, 'interrupted');
    }
  }

  #tellInterrupted(what: string, { handler, event, id }: RunRecord, consequence: string): void {
    const text = `${what} '${handler}' was interrupted on ${event} when the agent ended (run ${id})${consequence}`;
    this.#parts.context.log('WARN', text);
  }
}

/** The event to run again after an interruption: once only, so that one that ends agents does not do so for ever. */
function repeatable(record: RunRecord): ClusterEvent | undefined {
  if (record.cause === 'interrupted' || record.content === undefined) return undefined;
  return eventOfRecord(record);
}

/** The event that a run was about, or undefined when the record does not hold it. */
export function eventOfRecord({ content }: RunRecord): ClusterEvent | undefined {
  if (content === undefined) return undefined;
  try {
    return eventOfJson(JSON.parse(content));
  } catch {
    return undefined;
  }
}

function endAll(units: readonly HandlerUnit[], graceMs: number): void {
  for (const unit of units) {
    unit.clear();
    unit.stop(graceMs);
  }
}
