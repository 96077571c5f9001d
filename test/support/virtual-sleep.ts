import { setImmediate } from 'node:timers/promises';
import type { World } from '../../src/sim/world.ts';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Lets asynchronous code of the agent sleep in a world's time. */
export class VirtualSleep {
  readonly #world: World;
  #sleepers: Sleeper[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** Resolves when so much virtual time has passed. */
  sleep(ms: number): Promise<void> {
    return new Promise((wake) => {
      this.#sleepers.push({ at: this.#world.now + ms, wake });
    });
  }

  /** Lets virtual time pass until `done` holds; returns how much did, infinite when it was over the limit. */
  async run(limitMs: number, done: () => boolean): Promise<number> {
    const from = this.#world.now;
    while (!done()) {
      const left = from + limitMs - this.#world.now;
      if (left <= 0) return Number.POSITIVE_INFINITY;
      // What has just woken may go to sleep again: it gets its turn before time goes on.
      await setImmediate();
      const next = Math.min(...this.#sleepers.map(({ at }) => at));
      this.#world.run(Math.max(0, Math.min(left, 250, next - this.#world.now)));
      const due = this.#sleepers.filter(({ at }) => at <= this.#world.now);
      this.#sleepers = this.#sleepers.filter(({ at }) => at > this.#world.now);
      for (const { wake } of due) wake();
    }
    return this.#world.now - from;
  }
}
