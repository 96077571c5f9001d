import type { Millis } from '../base/machine.ts';

/**
 * Lifeguard's local health score: 0 is healthy, each sign of our own slowness adds one and stretches our probe
 * interval, so that a slow node accuses others less (memberlist.md 4.3).
 */
export class Awareness {
  readonly #limit: number;
  #score = 0;

  /** @param maxMultiplier the score stays below this */
  constructor(maxMultiplier: number) {
    this.#limit = Math.max(1, maxMultiplier) - 1;
  }

  get score(): number {
    return this.#score;
  }

  apply(delta: number): void {
    this.#score = Math.min(this.#limit, Math.max(0, this.#score + delta));
  }

  /** `ms` stretched by the score: at score 0 unchanged, at the limit eight times as long by default. */
  scale(ms: Millis): Millis {
    return ms * (this.#score + 1);
  }
}
