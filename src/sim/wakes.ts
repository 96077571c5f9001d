import type { Millis } from '../base/machine.ts';

const FIRST_CAPACITY = 256;
const NOWHERE = -1;

/**
 * When each host wants to be woken: at most one entry per host, moved in place. An indexed binary heap over typed arrays;
 * hosts are small dense integers, and equal instants go by the order given.
 */
export class Wakes {
  #at = new Float64Array(FIRST_CAPACITY);
  #order = new Float64Array(FIRST_CAPACITY);
  /** Where in the heap a host stands, or NOWHERE. */
  #place = new Int32Array(FIRST_CAPACITY).fill(NOWHERE);
  #heap = new Int32Array(FIRST_CAPACITY);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The earliest instant; `Infinity` when nobody waits. */
  get nextAt(): Millis {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : (this.#at[this.#heap[0] as number] as number);
  }

  /** The order of the earliest entry; only while there is one. */
  get nextOrder(): number {
    return this.#order[this.#heap[0] as number] as number;
  }

  /** Sets or moves the wake of a host. */
  set(host: number, at: Millis, order: number): void {
    while (host >= this.#at.length) this.#grow();
    this.#at[host] = at;
    this.#order[host] = order;
    let place = this.#place[host] as number;
    if (place === NOWHERE) {
      place = this.#size;
      this.#size += 1;
      this.#put(place, host);
    }
    this.#settle(place);
  }

  /** Removes the wake of a host, if there is one. */
  cancel(host: number): void {
    const place = host < this.#place.length ? (this.#place[host] as number) : NOWHERE;
    if (place === NOWHERE) return;
    this.#size -= 1;
    this.#place[host] = NOWHERE;
    if (place === this.#size) return;
    this.#put(place, this.#heap[this.#size] as number);
    this.#settle(place);
  }

  /** Removes and returns the earliest host; undefined when nobody waits. */
  take(): number | undefined {
    if (this.#size === 0) return undefined;
    const host = this.#heap[0] as number;
    this.cancel(host);
    return host;
  }

  #settle(from: number): void {
    let place = from;
    while (place > 0 && this.#isBefore(place, (place - 1) >> 1)) {
      this.#swap(place, (place - 1) >> 1);
      place = (place - 1) >> 1;
    }
    for (;;) {
      const left = 2 * place + 1;
      if (left >= this.#size) return;
      const right = left + 1;
      const child = right < this.#size && this.#isBefore(right, left) ? right : left;
      if (!this.#isBefore(child, place)) return;
      this.#swap(child, place);
      place = child;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const one = this.#heap[a] as number;
    const other = this.#heap[b] as number;
    const difference = (this.#at[one] as number) - (this.#at[other] as number);
    return (
      difference < 0 || (difference === 0 && (this.#order[one] as number) < (this.#order[other] as number))
    );
  }

  #swap(a: number, b: number): void {
    const held = this.#heap[a] as number;
    this.#put(a, this.#heap[b] as number);
    this.#put(b, held);
  }

  #put(place: number, host: number): void {
    this.#heap[place] = host;
    this.#place[host] = place;
  }

  #grow(): void {
    const capacity = this.#at.length * 2;
    const at = new Float64Array(capacity);
    const order = new Float64Array(capacity);
    const place = new Int32Array(capacity).fill(NOWHERE);
    const heap = new Int32Array(capacity);
    at.set(this.#at);
    order.set(this.#order);
    place.set(this.#place);
    heap.set(this.#heap);
    this.#at = at;
    this.#order = order;
    this.#place = place;
    this.#heap = heap;
  }
}
