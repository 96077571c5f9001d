import type { Deadlines } from '../base/deadlines.ts';
import type { Millis } from '../base/machine.ts';
import type { SerfConfig } from './config.ts';
import type { SerfDeadline } from './deadline.ts';

/** A leave is overdue after so many times the longest that one takes (serf.md 8.2). */
const OVERDUE = 3;

/** What follows a word that somebody leaves, later: its pruning, and the question whether it did leave. */
export class LeaveTimers {
  readonly #deadlines: Deadlines<SerfDeadline>;
  readonly #config: Pick<SerfConfig, 'broadcastTimeoutMs' | 'leavePropagateDelayMs'>;

  constructor(
    deadlines: Deadlines<SerfDeadline>,
    config: Pick<SerfConfig, 'broadcastTimeoutMs' | 'leavePropagateDelayMs'>,
  ) {
    this.#deadlines = deadlines;
    this.#config = config;
  }

  /** A member is leaving from now on. */
  began(now: Millis, name: string): void {
    const { broadcastTimeoutMs, leavePropagateDelayMs } = this.#config;
    const at = now + OVERDUE * (2 * broadcastTimeoutMs + leavePropagateDelayMs);
    this.#deadlines.set(`leaving:${name}`, at, { type: 'leave-overdue', name });
  }

  /** A leaving member may still refute, so its pruning waits as long as a leave takes. */
  pruneLater(now: Millis, name: string): void {
    const { broadcastTimeoutMs, leavePropagateDelayMs } = this.#config;
    const at = now + broadcastTimeoutMs + leavePropagateDelayMs;
    this.#deadlines.set(`prune:${name}`, at, { type: 'prune', name });
  }

  /** A member is forgotten. */
  cancel(name: string): void {
    this.#deadlines.cancel(`prune:${name}`);
    this.#deadlines.cancel(`leaving:${name}`);
  }
}
