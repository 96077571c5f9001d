/**
 * Where a bounded buffer lost items, so that the reader can be told in the right place. The buffer refuses what comes
 * while it is full; a loss therefore lies behind everything it holds at that moment.
 */
export class Gaps {
  readonly #capacity: number;
  readonly #gaps: { readonly behind: number; dropped: number }[] = [];
  #taken = 0;

  /** @param capacity what the buffer holds when it is full */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** One item was lost now. */
  lost(): void {
    const behind = this.#taken + this.#capacity;
    const last = this.#gaps.at(-1);
    if (last?.behind === behind) last.dropped += 1;
    else this.#gaps.push({ behind, dropped: 1 });
  }

  /** One more item was taken out of the buffer. */
  take(): void {
    this.#taken += 1;
  }

  /** How many items were lost right behind those taken so far; told once. */
  tell(): number {
    const [next] = this.#gaps;
    if (next === undefined || next.behind > this.#taken) return 0;
    this.#gaps.shift();
    return next.dropped;
  }
}
