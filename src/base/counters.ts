/** Plain named counters: drops by reason, messages by kind. Reading never disturbs counting. */
export class Counters {
  readonly #values = new Map<string, number>();

  /** Adds to a counter; names are constant strings, so their number is bounded by the program. */
  add(name: string, amount = 1): void {
    this.#values.set(name, (this.#values.get(name) ?? 0) + amount);
  }

  get(name: string): number {
    return this.#values.get(name) ?? 0;
  }

  /** A live view. */
  get values(): ReadonlyMap<string, number> {
    return this.#values;
  }
}
