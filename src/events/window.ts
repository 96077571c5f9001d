import type { Millis } from '../base/machine.ts';

/**
 * When what was held must go: `quiescentMs` after the last thing held, or `periodMs` after the first, whichever comes
 * first (serf.md 15.3). Starts closed; `close` forgets both instants.
 */
export class QuietWindow {
  readonly #periodMs: number;
  readonly #quiescentMs: number;
  #periodEnd: Millis = Number.POSITIVE_INFINITY;
  #quietEnd: Millis = Number.POSITIVE_INFINITY;

  constructor(periodMs: number, quiescentMs: number) {
    this.#periodMs = periodMs;
    this.#quiescentMs = quiescentMs;
  }

  /** False when either length is 0: nothing is then held at all. */
  get enabled(): boolean {
    return this.#periodMs > 0 && this.#quiescentMs > 0;
  }

  /** Something was held at `now`. */
  touch(now: Millis): void {
    if (this.#periodEnd === Number.POSITIVE_INFINITY) this.#periodEnd = now + this.#periodMs;
    this.#quietEnd = now + this.#quiescentMs;
  }

  close(): void {
    this.#periodEnd = Number.POSITIVE_INFINITY;
    this.#quietEnd = Number.POSITIVE_INFINITY;
  }

  /** When the window ends; `Infinity` while it is closed. */
  deadline(): Millis {
    return Math.min(this.#periodEnd, this.#quietEnd);
  }
}
