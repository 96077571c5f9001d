import type { Millis } from '../base/machine.ts';
import type { Amount } from './config.ts';

/** Which members were taken out lately; one that is back no longer counts. */
export class Removals {
  /** Name → when it was taken out, oldest first. */
  readonly #gone = new Map<string, Millis>();

  /** Records what an action took out and what it brought back. */
  record(now: Millis, removed: readonly string[], present: readonly string[]): void {
    for (const name of removed) {
      this.#gone.delete(name);
      this.#gone.set(name, now);
    }
    for (const name of present) this.#gone.delete(name);
  }

  /** Names taken out within the window, less those `present` now. */
  within(now: Millis, windowMs: Millis, present: ReadonlySet<string>): number {
    for (const [name, at] of this.#gone) {
      if (now - at <= windowMs) break;
      this.#gone.delete(name);
    }
    let count = 0;
    for (const name of this.#gone.keys()) if (!present.has(name)) count += 1;
    return count;
  }
}

/** How many of `total` members an amount allows; a share is rounded down. */
export function allowedOf(amount: Amount, total: number): number {
  // The tiny addition undoes what binary fractions lose: 0.29 of 100 are 29.
  return 'count' in amount ? amount.count : Math.floor(amount.share * total + 1e-9);
}

/** An amount as it is written in a configuration: `3` or `25%`. */
export function amountText(amount: Amount): string {
  return 'count' in amount ? String(amount.count) : `${Number((amount.share * 100).toFixed(6))}%`;
}
