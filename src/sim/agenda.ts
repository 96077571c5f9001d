import type { Millis } from '../base/machine.ts';

/** Instants the arrays have room for at first; they double when full. */
const FIRST_CAPACITY = 1024;

/**
 * What is to happen once, by instant and then by order of being caused: a binary heap over typed arrays, with no key and
 * no object per entry besides the item itself. Entries are never cancelled; an item that has become void does nothing.
 */
export class Agenda<T> {
  #at = new Float64Array(FIRST_CAPACITY);
  #order = new Float64Array(FIRST_CAPACITY);
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The earliest instant; `Infinity` when empty. */
  get nextAt(): Millis {
    return this.#items.length === 0 ? Number.POSITIVE_INFINITY : (this.#at[0] as number);
  }

  /** The order of the earliest entry; only while there is one. */
  get nextOrder(): number {
    return this.#order[0] as number;
  }

  /** Adds an item; `order` decides between equal instants, the smaller first. */
  push(at: Millis, order: number, item: T): void {
    let index = this.#items.length;
    if (index === this.#at.length) this.#grow();
    this.#items.push(item);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const parentAt = this.#at[parent] as number;
      if (parentAt < at || (parentAt === at && (this.#order[parent] as number) < order)) break;
      this.#move(parent, index);
      index = parent;
    }
    this.#put(index, at, order, item);
  }

  /** Removes and returns the earliest item; undefined when empty. */
  pop(): T | undefined {
    const first = this.#items[0];
    const last = this.#items.pop();
    const size = this.#items.length;
    if (last === undefined || size === 0) return first;
    const at = this.#at[size] as number;
    const order = this.#order[size] as number;
    let index = 0;
    for (;;) {
      const child = this.#earlierChild(index, size);
      if (child === undefined || !this.#isBefore(child, at, order)) break;
      this.#move(child, index);
      index = child;
    }
    this.#put(index, at, order, last);
    return first;
  }

  #earlierChild(index: number, size: number): number | undefined {
    const left = 2 * index + 1;
    if (left >= size) return undefined;
    const right = left + 1;
    if (right >= size) return left;
    return this.#isBefore(right, this.#at[left] as number, this.#order[left] as number) ? right : left;
  }

  #isBefore(index: number, at: Millis, order: number): boolean {
    const here = this.#at[index] as number;
    return here < at || (here === at && (this.#order[index] as number) < order);
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#at[from] as number, this.#order[from] as number, this.#items[from] as T);
  }

  #put(index: number, at: Millis, order: number, item: T): void {
    this.#at[index] = at;
    this.#order[index] = order;
    this.#items[index] = item;
  }

  #grow(): void {
    const at = new Float64Array(this.#at.length * 2);
    const order = new Float64Array(this.#order.length * 2);
    at.set(this.#at);
    order.set(this.#order);
    this.#at = at;
    this.#order = order;
  }
}
