/** A bounded first-in-first-out buffer that drops its oldest entry when full and counts what it dropped. */
export class Ring<T> {
  readonly #items: (T | undefined)[];
  #start = 0;
  #size = 0;
  #dropped = 0;

  /** @param capacity entries kept, at least 1 */
  constructor(capacity: number) {
    this.#items = new Array<T | undefined>(Math.max(1, capacity)).fill(undefined);
  }

  get size(): number {
    return this.#size;
  }

  /** How many entries were lost to overflow since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Adds at the end; returns the entry that had to go, if any. */
  push(item: T): T | undefined {
    const capacity = this.#items.length;
    let lost: T | undefined;
    if (this.#size === capacity) {
      lost = this.shift();
      this.#dropped += 1;
    }
    this.#items[(this.#start + this.#size) % capacity] = item;
    this.#size += 1;
    return lost;
  }

  /** Removes and returns the oldest entry. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#items[this.#start];
    this.#items[this.#start] = undefined;
    this.#start = (this.#start + 1) % this.#items.length;
    this.#size -= 1;
    return item;
  }

  /** Oldest first. */
  *[Symbol.iterator](): Generator<T> {
    for (let i = 0; i < this.#size; i += 1) {
      yield this.#items[(this.#start + i) % this.#items.length] as T;
    }
  }
}
