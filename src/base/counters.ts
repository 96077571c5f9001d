import type { Metrics } from './metrics.ts';

/** Plain named counters: drops by reason, messages by kind. Reading never disturbs counting. */
export class Counters {
  readonly #values = new Map<string, number>();
  /** Who wants to be told of measurements as they happen; parts write `counters.metrics?.count(…)`. */
  readonly metrics: Metrics | undefined;

  constructor(metrics?: Metrics) {
    this.metrics = metrics;
  }

  /** Adds to a counter; names are constant strings, so their number is bounded by the program. */
  add(name: string, amount = 1): void {
    this.#values.set(name, (this.#values.get(name) ?? 0) + amount);
  }

  /** Adds one, and tells it as it happens: for counters that Serf's metrics have under the same name. */
  tell(name: string): void {
    this.add(name);
    this.metrics?.count(name, 1);
  }

  get(name: string): number {
    return this.#values.get(name) ?? 0;
  }

  /** A live view. */
  get values(): ReadonlyMap<string, number> {
    return this.#values;
  }
}
