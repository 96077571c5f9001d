/** Keeps the last bytes of a stream in fixed memory, and counts all of them. */
export class OutputTail {
  readonly #ring: Uint8Array;
  #total = 0;

  /** @param capacity bytes kept, at least 1 */
  constructor(capacity: number) {
    this.#ring = new Uint8Array(capacity);
  }

  /** Bytes written since the start. */
  get total(): number {
    return this.#total;
  }

  push(chunk: Uint8Array): void {
    const capacity = this.#ring.length;
    const kept = chunk.length > capacity ? chunk.subarray(chunk.length - capacity) : chunk;
    const at = (this.#total + chunk.length - kept.length) % capacity;
    const first = Math.min(kept.length, capacity - at);
    this.#ring.set(kept.subarray(0, first), at);
    this.#ring.set(kept.subarray(first), 0);
    this.#total += chunk.length;
  }

  /** A copy of what is kept, oldest byte first. */
  bytes(): Uint8Array {
    const capacity = this.#ring.length;
    if (this.#total <= capacity) return this.#ring.slice(0, this.#total);
    const at = this.#total % capacity;
    const out = new Uint8Array(capacity);
    out.set(this.#ring.subarray(at));
    out.set(this.#ring.subarray(0, at), capacity - at);
    return out;
  }
}
