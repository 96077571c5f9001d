import type { SerfConfig } from './config.ts';

/** The largest time the codec lets through (24 #7); a clock that reached it stays there instead of wrapping. */
export const MAX_LAMPORT_TIME = Number.MAX_SAFE_INTEGER;

/** A Lamport clock (serf.md 5). Its time is the one the next message of ours will carry. */
export class LamportClock {
  #time = 0;

  get time(): number {
    return this.#time;
  }

  /** Moves on by one and returns the new time. */
  increment(): number {
    this.#time = Math.min(this.#time + 1, MAX_LAMPORT_TIME);
    return this.#time;
  }

  /** Moves past a time seen in a message; smaller times change nothing. */
  witness(seen: number): void {
    if (seen >= this.#time) this.#time = Math.min(seen + 1, MAX_LAMPORT_TIME);
  }
}

/** The three independent clocks of a node. */
export interface SerfClocks {
  /** Join and leave intents. */
  readonly member: LamportClock;
  readonly event: LamportClock;
  readonly query: LamportClock;
}

/** Each clock starts at 1, or after the last time of an earlier run (serf.md 5). */
export function startClocks(config: Pick<SerfConfig, 'lastTimes'>): SerfClocks {
  const clocks = { member: new LamportClock(), event: new LamportClock(), query: new LamportClock() };
  for (const key of ['member', 'event', 'query'] as const) {
    clocks[key].increment();
    clocks[key].witness(config.lastTimes[key]);
  }
  return clocks;
}
