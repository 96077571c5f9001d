import type { Millis } from './machine.ts';

interface Entry<T> {
  /** Undefined for a slot. */
  readonly key: string | undefined;
  at: Millis;
  order: number;
  value: T;
  index: number;
}

/** A deadline that its owner keeps, to be set again and again without a name to look up. */
export interface DeadlineSlot {
  /** Sets or moves it. */
  set(at: Millis): void;
  /** Removes it; false when it was not set. */
  cancel(): boolean;
}

const NOWHERE = -1;

/**
 * An indexed binary heap of named deadlines. Cancelling really removes, so nothing stale ever fires; equal instants
 * fire in the order they were set. Every operation is O(log n).
 */
export class Deadlines<T> {
  readonly #heap: Entry<T>[] = [];
  readonly #byKey = new Map<string, Entry<T>>();
  #order = 0;
  /** The earliest instant, as it is asked for with every input. */
  #next: Millis = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#heap.length;
  }

  /** Sets or moves the deadline called `key`. */
  set(key: string, at: Millis, value: T): void {
    const known = this.#byKey.get(key);
    this.#order += 1;
    if (known !== undefined) {
      known.at = at;
      known.order = this.#order;
      known.value = value;
      this.#settle(known);
      return;
    }
    const entry: Entry<T> = { key, at, order: this.#order, value, index: this.#heap.length };
    this.#byKey.set(key, entry);
    this.#heap.push(entry);
    this.#rise(entry);
    this.#look();
  }

  /** A deadline without a name, not yet set; it gives `value` when it is due. */
  slot(value: T): DeadlineSlot {
    const entry: Entry<T> = { key: undefined, at: 0, order: 0, value, index: NOWHERE };
    return {
      set: (at) => {
        this.#order += 1;
        entry.at = at;
        entry.order = this.#order;
        if (entry.index === NOWHERE) {
          entry.index = this.#heap.length;
          this.#heap.push(entry);
          this.#rise(entry);
          this.#look();
        } else this.#settle(entry);
      },
      cancel: () => {
        if (entry.index === NOWHERE) return false;
        this.#remove(entry);
        return true;
      },
    };
  }

  /** Removes the deadline called `key`; false when there is none. */
  cancel(key: string): boolean {
    const entry = this.#byKey.get(key);
    if (entry === undefined) return false;
    this.#remove(entry);
    return true;
  }

  /** When `key` is due, or undefined. */
  at(key: string): Millis | undefined {
    return this.#byKey.get(key)?.at;
  }

  /** The earliest instant set; `Infinity` when empty. */
  next(): Millis {
    return this.#next;
  }

  /** Removes and returns the earliest value due at or before `now`. */
  take(now: Millis): T | undefined {
    if (this.#next > now) return undefined;
    const first = this.#heap[0];
    if (first === undefined) return undefined;
    this.#remove(first);
    return first.value;
  }

  #remove(entry: Entry<T>): void {
    if (entry.key !== undefined) this.#byKey.delete(entry.key);
    const { index } = entry;
    entry.index = NOWHERE;
    const last = this.#heap.pop() as Entry<T>;
    if (last !== entry) {
      last.index = index;
      this.#heap[last.index] = last;
      this.#rise(last);
      this.#sink(last);
    }
    this.#look();
  }

  #look(): void {
    this.#next = this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  #settle(entry: Entry<T>): void {
    this.#rise(entry);
    this.#sink(entry);
    this.#look();
  }

  #rise(entry: Entry<T>): void {
    while (entry.index > 0) {
      const parent = this.#heap[(entry.index - 1) >> 1] as Entry<T>;
      if (!isBefore(entry, parent)) return;
      this.#swap(entry, parent);
    }
  }

  #sink(entry: Entry<T>): void {
    for (;;) {
      const left = this.#heap[2 * entry.index + 1];
      const right = this.#heap[2 * entry.index + 2];
      const child = right !== undefined && left !== undefined && isBefore(right, left) ? right : left;
      if (child === undefined || !isBefore(child, entry)) return;
      this.#swap(child, entry);
    }
  }

  #swap(a: Entry<T>, b: Entry<T>): void {
    const index = a.index;
    a.index = b.index;
    b.index = index;
    this.#heap[a.index] = a;
    this.#heap[b.index] = b;
  }
}

function isBefore<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
