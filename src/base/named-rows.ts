import { hashName } from './name-hash.ts';

/** Rows a table starts with. */
const FIRST_ROWS = 8;
/** Slots of the index per row; at most two thirds of them are ever taken, so that searches stay short. */
const SLOTS_PER_ROW = 1.5;

/**
 * Things with a name in numbered rows, found by name. Whoever owns the rows keeps other facts about them in columns of
 * its own, typed arrays as long as `capacity`: a big table then costs a few bytes per row and no object. A row keeps its
 * number while it exists; numbers of removed rows are used again.
 */
export class NamedRows<T extends { readonly name: string }> {
  readonly #seed: number;
  readonly #free: number[] = [];
  #items = new Array<T | undefined>(FIRST_ROWS);
  /** Open addressing: 0 for an empty slot, else a row's number plus one. */
  #slots = new Uint32Array(slotsFor(FIRST_ROWS));
  #top = 0;
  #size = 0;

  /** @param seed any integer, best a random one */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /** Rows in use. */
  get size(): number {
    return this.#size;
  }

  /** Row numbers are below this; it grows by half at a time. */
  get capacity(): number {
    return this.#items.length;
  }

  /** Numbers given out so far are below this. */
  get top(): number {
    return this.#top;
  }

  /** What is in a row; undefined when it was removed. */
  at(row: number): T | undefined {
    return this.#items[row];
  }

  /** The row of a name, or -1. */
  find(name: string): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hashName(name, this.#seed) & mask; ; slot = (slot + 1) & mask) {
      const row = (slots[slot] as number) - 1;
      if (row < 0 || (this.#items[row] as T).name === name) return row;
    }
  }

  /** Adds something whose name is not there yet; returns its row. */
  add(item: T): number {
    if (this.#size === this.#items.length) this.reserve(Math.ceil(1.5 * this.#size));
    const row = this.#free.pop() ?? this.#top++;
    this.#items[row] = item;
    this.#size += 1;
    this.#link(row);
    return row;
  }

  /** Puts something else of the same name into a row. */
  replace(row: number, item: T): void {
    this.#items[row] = item;
  }

  /** Removes what is in a row. */
  remove(row: number): void {
    this.#unlink(row);
    this.#items[row] = undefined;
    this.#free.push(row);
    this.#size -= 1;
  }

  /** Makes room for `rows` in all, exactly. */
  reserve(rows: number): void {
    if (rows <= this.#items.length) return;
    const items = new Array<T | undefined>(rows);
    for (let row = 0; row < this.#top; row += 1) items[row] = this.#items[row];
    this.#items = items;
    const slots = slotsFor(rows);
    if (slots === this.#slots.length) return;
    this.#slots = new Uint32Array(slots);
    for (let row = 0; row < this.#top; row += 1) if (items[row] !== undefined) this.#link(row);
  }

  #home(row: number): number {
    return hashName((this.#items[row] as T).name, this.#seed) & (this.#slots.length - 1);
  }

  #link(row: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#home(row);
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = row + 1;
  }

  /** Empties a row's slot and moves those behind it up, so that no search ends too early. */
  #unlink(row: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = this.#home(row);
    while (slots[hole] !== row + 1) hole = (hole + 1) & mask;
    for (let next = (hole + 1) & mask; slots[next] !== 0; next = (next + 1) & mask) {
      const behind = (next - this.#home((slots[next] as number) - 1)) & mask;
      if (behind < ((next - hole) & mask)) continue;
      slots[hole] = slots[next] as number;
      hole = next;
    }
    slots[hole] = 0;
  }
}

/** A power of two. */
function slotsFor(rows: number): number {
  let slots = 1;
  while (slots < SLOTS_PER_ROW * rows) slots *= 2;
  return slots;
}

/** `wide` with the values of the shorter column `old` at its start. */
export function widened<T extends Uint8Array | Uint32Array | Float64Array>(old: T, wide: T): T {
  wide.set(old);
  return wide;
}
