import type { Millis } from '../base/machine.ts';

/**
 * One node's monotonic clock as a function of the world's time: a straight line that may change its slope and jump
 * ahead. It may stand still, and never goes backwards.
 */
export class NodeClock {
  #worldFrom: Millis = 0;
  #localFrom: Millis;
  #rate = 1;

  /** `offsetMs` is what the clock shows when the world's shows 0; real monotonic clocks start anywhere. */
  constructor(offsetMs: Millis = 0) {
    this.#localFrom = offsetMs;
  }

  /** Node milliseconds per world millisecond; 0 while the clock stands still. */
  get rate(): number {
    return this.#rate;
  }

  /** What the clock shows at a world instant, which must not lie before the last change. */
  at(world: Millis): Millis {
    return this.#localFrom + (world - this.#worldFrom) * this.#rate;
  }

  /** The world instant at which the clock will show `local`; `Infinity` for never. */
  worldAt(local: Millis): Millis {
    if (local <= this.#localFrom) return this.#worldFrom;
    return this.#rate === 0
      ? Number.POSITIVE_INFINITY
      : this.#worldFrom + (local - this.#localFrom) / this.#rate;
  }

  /** Runs at another rate from `world` on; 0 or more. */
  setRate(world: Millis, rate: number): void {
    this.#localFrom = this.at(world);
    this.#worldFrom = world;
    this.#rate = Math.max(0, rate);
  }

  /** Jumps ahead by `ms` at `world`; a negative jump does nothing, since a monotonic clock cannot. */
  step(world: Millis, ms: Millis): void {
    this.#localFrom = this.at(world) + Math.max(0, ms);
    this.#worldFrom = world;
  }
}
