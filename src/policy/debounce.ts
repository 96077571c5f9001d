import type { Millis } from '../base/machine.ts';
import type { WaitConfig } from './config.ts';

/**
 * Makes one action of a burst of changes: due once nothing has changed for `minMs`, at the latest `maxMs` after the
 * first change. Never more than one action within `minMs`, and never a change that waits longer than `maxMs`.
 */
export class Debounce {
  #first: Millis | undefined;
  #last: Millis = 0;

  /** Something changed. */
  touch(now: Millis): void {
    this.#first ??= now;
    this.#last = now;
  }

  /** What changed is dealt with, or changed back. */
  clear(): void {
    this.#first = undefined;
  }

  /** When the changes so far are to be acted on; `Infinity` when there are none. */
  due({ minMs, maxMs }: WaitConfig): Millis {
    if (this.#first === undefined) return Number.POSITIVE_INFINITY;
    return Math.min(this.#last + minMs, this.#first + Math.max(minMs, maxMs));
  }
}
