import { formatDuration } from '../base/duration.ts';
import type { Millis } from '../base/machine.ts';
import type { WaitConfig } from './config.ts';
import type { GuardName, Hold } from './guards.ts';

/** Quiet times after which a view that never comes to rest is acted on all the same. */
const MOST_QUIETS = 6;

/** What is known when a guard may have let go. */
export interface Reunion {
  /** Complete push/pulls so far. */
  readonly exchanges: number;
  /** Nobody else is alive: no push/pull can be waited for. */
  readonly isAlone: boolean;
  readonly wait: WaitConfig;
}

/**
 * What follows a hold. When a partition heals, members come back one by one, as each of them hears that it was taken for
 * dead and says otherwise: the first view that passes the guards lacks most of them. So it is acted on only once the
 * members have come to rest: after a push/pull, where this node was cut off, and `wait.maxMs` without a change.
 */
export class Aftermath {
  readonly #guards = new Set<GuardName>();
  /** Push/pulls completed when a guard held last. */
  #exchanges = 0;
  #since: Millis | undefined;
  #changedAt: Millis = 0;

  /** These guards hold now, with so many push/pulls completed. */
  held(holds: readonly Hold[], exchanges: number): void {
    // Before the first push/pull there is nothing to come back to.
    for (const { guard } of holds) if (guard !== 'settle') this.#guards.add(guard);
    this.#exchanges = exchanges;
    this.#since = undefined;
  }

  /** The view changed. */
  changed(now: Millis): void {
    this.#changedAt = now;
  }

  /** What is still to be waited for, now that no guard holds by itself. */
  holds(now: Millis, { exchanges, isAlone, wait: { maxMs } }: Reunion): readonly Hold[] {
    const parted = PARTING.find((guard) => this.#guards.has(guard));
    const guard = parted ?? [...this.#guards][0];
    if (guard === undefined) return [];
    if (parted !== undefined && !isAlone && exchanges === this.#exchanges) {
      return [{ guard, text: 'others are heard again, and a push/pull with one of them is waited for' }];
    }
    this.#since ??= now;
    const restAt = Math.max(this.#changedAt, this.#since) + maxMs;
    if (now >= Math.min(restAt, this.#since + MOST_QUIETS * maxMs)) return [];
    return [
      { guard, text: `members come back: waiting until nothing has changed for ${formatDuration(maxMs)}` },
    ];
  }

  /** Nothing is held back any longer. */
  clear(): void {
    this.#guards.clear();
    this.#since = undefined;
  }
}

/** Guards that say this node was parted from the others. */
const PARTING: readonly GuardName[] = ['hold_when_isolated', 'require_quorum'];
