import type { Millis } from '../base/machine.ts';
import { type SuspicionBounds, suspicionTimeoutMs } from './scaling.ts';

/**
 * One member under suspicion: who accused it, and how long it has to object (memberlist.md 4.5; Lifeguard's
 * confirmation-shortened suspicion). It only computes; the owner holds the deadline.
 */
export class Suspicion {
  readonly startedAt: Millis;
  readonly #bounds: SuspicionBounds;
  readonly #accusers: Set<string>;
  #confirmations = 0;

  /** @param accuser the first one, who counts as already heard */
  constructor(now: Millis, accuser: string, bounds: SuspicionBounds) {
    this.startedAt = now;
    this.#bounds = bounds;
    this.#accusers = new Set([accuser]);
  }

  /** Independent confirmations heard so far. */
  get confirmations(): number {
    return this.#confirmations;
  }

  /** True when fewer confirmed it than would have shortened it most: our own view of the cluster may be poor. */
  get isUnderconfirmed(): boolean {
    return this.#confirmations < this.#bounds.wanted;
  }

  /** When the member is to be declared dead; may lie in the past. */
  get expiresAt(): Millis {
    return this.startedAt + suspicionTimeoutMs(this.#bounds, this.#confirmations);
  }

  /** Counts another accuser; false when it tells us nothing new. */
  confirm(from: string): boolean {
    if (this.#confirmations >= this.#bounds.wanted || this.#accusers.has(from)) return false;
    this.#accusers.add(from);
    this.#confirmations += 1;
    return true;
  }
}
