import type { Metrics } from './metrics.ts';

/** One counter for whoever adds to it all the time: no name to look up. */
export class Tally {
  /** What was added since it was last counted in. */
  pending = 0;

  add(amount = 1): void {
    this.pending += amount;
  }
}

/** Plain named counters: drops by reason, messages by kind. Reading never disturbs counting. */
export class Counters {
  readonly #values = new Map<string, number>();
  readonly #tallies: (readonly [name: string, tally: Tally])[] = [];
  /** Who wants to be told of measurements as they happen; parts write `counters.metrics?.count(…)`. */
  readonly metrics: Metrics | undefined;

  constructor(metrics?: Metrics) {
    this.metrics = metrics;
  }

  /** Adds to a counter; names are constant strings, so their number is bounded by the program. */
  add(name: string, amount = 1): void {
    this.#values.set(name, (this.#values.get(name) ?? 0) + amount);
  }

  /** A counter of this name to be kept by its one user. */
  tally(name: string): Tally {
    const tally = new Tally();
    this.#tallies.push([name, tally]);
    return tally;
  }

  /** Adds one, and tells it as it happens: for counters that Serf's metrics have under the same name. */
  tell(name: string): void {
    this.add(name);
    this.metrics?.count(name, 1);
  }

  get(name: string): number {
    return this.values.get(name) ?? 0;
  }

  /** A live view, but for tallies, which are counted in with each call. */
  get values(): ReadonlyMap<string, number> {
    for (const [name, tally] of this.#tallies) {
      if (tally.pending > 0) this.add(name, tally.pending);
      tally.pending = 0;
    }
    return this.#values;
  }
}
