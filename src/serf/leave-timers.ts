import type { Deadlines } from '../base/deadlines.ts';
import type { Millis } from '../base/machine.ts';
import type { SerfConfig } from './config.ts';
import type { SerfDeadline } from './deadline.ts';

/** A member lingers once it has been leaving for the longest that a leave takes; after so many times that it stays (serf.md 8.2). */
const OVERDUE = 3;

/** By then what was said of us before has come round, and nobody adds to it any more. */
export const REASSURE_MS = 15_000;

/** What follows a word that somebody leaves, later: its pruning, the question whether it did leave, and,
 * where the word was of us, a last objection. */
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
    this.#overdueAt(now + this.#longestMs, name);
  }

  /** A leaving member has begun to linger. */
  lingers(now: Millis, name: string): void {
    this.#overdueAt(now + (OVERDUE - 1) * this.#longestMs, name);
  }

  /** A leaving member may still refute, so its pruning waits as long as a leave takes. */
  pruneLater(now: Millis, name: string): void {
    const { broadcastTimeoutMs, leavePropagateDelayMs } = this.#config;
    const at = now + broadcastTimeoutMs + leavePropagateDelayMs;
    this.#deadlines.set(`prune:${name}`, at, { type: 'prune', name });
  }

  /**
   * We have said that we are here. Peers count the time of hearsay that somebody left one up, so some may hold our leave
   * for exactly as new as that answer: they do not take it, and what they tell others is no news to us. A later one ends that.
   */
  reassureLater(now: Millis): void {
    this.#deadlines.set('reassure', now + REASSURE_MS, { type: 'reassure' });
  }

  /** A member is forgotten. */
  cancel(name: string): void {
    this.#deadlines.cancel(`prune:${name}`);
    this.#deadlines.cancel(`leaving:${name}`);
  }

  get #longestMs(): Millis {
    const { broadcastTimeoutMs, leavePropagateDelayMs } = this.#config;
    return 2 * broadcastTimeoutMs + leavePropagateDelayMs;
  }

  #overdueAt(at: Millis, name: string): void {
    this.#deadlines.set(`leaving:${name}`, at, { type: 'leave-overdue', name });
  }
}
