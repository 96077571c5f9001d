import { Ring } from '../base/ring.ts';
import type { ClusterEvent } from '../events/event.ts';
import { BacklogNotice } from './backlog.ts';
import { pauseAfter, triesAgain } from './backoff.ts';
import type { HandlerRun, RunOutcome } from './context.ts';
import type { RunCause } from './history.ts';
import { pauseFor } from './pause.ts';
import type { OverflowRule, RetryRule } from './supervised.ts';

/** One event for one handler. */
export interface Job {
  readonly event: ClusterEvent;
  readonly cause: RunCause;
  /** Told how the last run for it went; undefined when it was dropped before. */
  readonly settled?: (outcome: RunOutcome | undefined) => void;
}

export interface QueueCounts {
  readonly queued: number;
  readonly running: number;
  readonly runs: number;
  readonly failures: number;
  readonly dropped: number;
}

export interface HandlerQueueOptions {
  /** The handler's name, for the log. */
  readonly name: string;
  readonly limit: number;
  readonly overflow: OverflowRule;
  /** Jobs worked on at a time; 1 keeps them in order. */
  readonly concurrency: number;
  readonly retry: RetryRule;
  /** Starts a run, the first of a job being attempt 1; must not throw. */
  readonly start: (job: Job, attempt: number) => HandlerRun;
  readonly warn: (text: string) => void;
}

/** One worker's present: a run, or the pause before the next try. */
interface Work {
  run: HandlerRun | undefined;
  endPause: () => void;
}

/**
 * One handler's jobs: in order, as many at a time as it may, what failed tried again after a pause, and a bounded number
 * waiting. What overflow drops is counted and told when it begins and when it is over.
 */
export class HandlerQueue {
  readonly #options: HandlerQueueOptions;
  readonly #works = new Set<Work>();
  readonly #backlog: BacklogNotice;
  #waiting: Ring<Job>;
  #workers = 0;
  #idle: (() => void)[] = [];
  #stopping = false;
  #runs = 0;
  #failures = 0;
  #dropped = 0;

  constructor(options: HandlerQueueOptions) {
    this.#options = options;
    this.#waiting = new Ring(options.limit);
    this.#backlog = new BacklogNotice(options);
  }

  get counts(): QueueCounts {
    return {
      queued: this.#waiting.size,
      running: [...this.#works].filter(({ run }) => run !== undefined).length,
      runs: this.#runs,
      failures: this.#failures,
      dropped: this.#dropped,
    };
  }

  push(job: Job): void {
    const { limit, overflow, concurrency } = this.#options;
    if (overflow === 'drop-newest' && this.#waiting.size >= limit) this.#drop(job);
    else {
      const lost = this.#waiting.push(job);
      if (lost !== undefined) this.#drop(lost);
    }
    if (this.#workers < concurrency) void this.#work();
  }

  /** Resolves when nothing runs or waits. */
  async idle(): Promise<void> {
    if (this.#workers > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Forgets the events that wait, without touching the run that is under way. */
  clear(): void {
    const lost = this.#waiting;
    if (lost.size === 0) return;
    this.#waiting = new Ring(this.#options.limit);
    this.#dropped += lost.size;
    this.#options.warn(`${lost.size} waiting events of handler '${this.#options.name}' dropped`);
    for (const job of lost) job.settled?.(undefined);
  }

  /** Tries nothing again any more: what fails now has failed. */
  giveUpRetries(): void {
    this.#stopping = true;
    for (const work of this.#works) work.endPause();
  }

  /** Ends the runs that are under way. */
  stop(graceMs: number): void {
    this.giveUpRetries();
    for (const work of this.#works) work.run?.stop(graceMs);
  }

  #drop(job: Job): void {
    this.#backlog.lost();
    this.#dropped += 1;
    job.settled?.(undefined);
  }

  async #work(): Promise<void> {
    this.#workers += 1;
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift())
      await this.#carryOut(job);
    this.#workers -= 1;
    if (this.#workers > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
    this.#backlog.caughtUp();
  }

  async #carryOut(job: Job): Promise<void> {
    const { retry, start } = this.#options;
    const work: Work = { run: undefined, endPause: () => {} };
    this.#works.add(work);
    let outcome: RunOutcome | undefined;
    for (let attempt = 1; ; attempt += 1) {
      work.run = start(job, attempt);
      outcome = await work.run.done;
      work.run = undefined;
      this.#runs += 1;
      if (!outcome.ok) this.#failures += 1;
      if (outcome.ok || this.#stopping || !triesAgain(attempt, retry)) break;
      const pause = pauseFor(pauseAfter(attempt, retry, Math.random()));
      work.endPause = pause.end;
      await pause.over;
      if (this.#stopping) break;
    }
    this.#works.delete(work);
    job.settled?.(outcome);
  }
}
