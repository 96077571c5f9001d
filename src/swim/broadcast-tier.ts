/** What decides when an entry of a tier is sent: the longest first, of the same length the newest. */
export interface Ranked {
  /** Bytes of the message. */
  readonly length: number;
  /** Newer entries have higher ones. */
  readonly id: number;
}

/** Lengths that keep a place although nothing of them waits; beyond it the empty ones are given up. */
const IDLE_RUNS = 32;

/**
 * Broadcasts that were sent equally often, kept so that adding and taking cost next to nothing however many wait: a
 * cluster that forms has thousands in each tier. Most are as long as many others, and come in the order of their ids.
 */
export class BroadcastTier<T extends Ranked> {
  /** One for each length, shortest first; some may be empty. */
  #runs: Run<T>[] = [];
  /** Runs below it are still to be taken from. */
  #cursor = 0;
  #size = 0;

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  add(entry: T): void {
    this.#size += 1;
    const at = firstLonger(this.#runs, entry.length);
    const run = this.#runs[at - 1];
    if (run !== undefined && run.length === entry.length) run.add(entry);
    else this.#addRun(entry);
  }

  /** `takeNext` begins with the best again. */
  restart(): void {
    this.#cursor = this.#runs.length;
  }

  /** Takes the best of the entries up to `room` bytes that rank behind the one taken before; undefined when there is none. */
  takeNext(room: number): T | undefined {
    const runs = this.#runs;
    let at = this.#size === 0 ? -1 : this.#cursor - 1;
    while (at >= 0 && (runs[at] as Run<T>).isEmpty) at -= 1;
    // A datagram fills up with the longest: they need no search.
    if (at >= 0 && (runs[at] as Run<T>).length > room) {
      at = firstLonger(runs, room) - 1;
      while (at >= 0 && (runs[at] as Run<T>).isEmpty) at -= 1;
    }
    this.#cursor = at + 1;
    if (at < 0) return undefined;
    this.#size -= 1;
    return (runs[at] as Run<T>).takeNewest();
  }

  /** Takes entries in reverse order of rank while `goesOn`. */
  takeWorst(goesOn: () => boolean, take: (entry: T) => void): void {
    for (const run of this.#runs) {
      while (!run.isEmpty && goesOn()) {
        this.#size -= 1;
        take(run.takeOldest());
      }
    }
  }

  /** Keeps only what `keeps` says. */
  filter(keeps: (entry: T) => boolean): void {
    let left = 0;
    for (const run of this.#runs) left += run.filter(keeps);
    this.#size = left;
  }

  #addRun(entry: T): void {
    if (this.#runs.length >= IDLE_RUNS) this.#runs = this.#runs.filter((run) => !run.isEmpty);
    const run = new Run<T>(entry.length);
    run.add(entry);
    this.#runs.splice(firstLonger(this.#runs, entry.length), 0, run);
  }
}

/** Index of the first run whose entries are longer than `length`, or how many runs there are. */
function firstLonger(runs: readonly Run<Ranked>[], length: number): number {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((runs[middle] as Run<Ranked>).length <= length) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Entries of one length by age, in two stacks that meet in the middle: both ends are cheap to add to and to take from. */
class Run<T extends Ranked> {
  readonly length: number;
  /** The older ones, the oldest last. */
  #older: T[] = [];
  /** The newer ones, the newest last. */
  #newer: T[] = [];

  constructor(length: number) {
    this.length = length;
  }

  get isEmpty(): boolean {
    return this.#newer.length === 0 && this.#older.length === 0;
  }

  add(entry: T): void {
    const newestOfOlder = this.#older[0];
    if (newestOfOlder !== undefined && entry.id < newestOfOlder.id) insert(this.#older, entry, -1);
    else if (newestOfOlder === undefined && this.#isOldest(entry)) this.#older.push(entry);
    else insert(this.#newer, entry, 1);
  }

  takeNewest(): T {
    if (this.#newer.length === 0) {
      this.#newer = this.#older.reverse();
      this.#older = [];
    }
    return this.#newer.pop() as T;
  }

  takeOldest(): T {
    if (this.#older.length === 0) {
      this.#older = this.#newer.reverse();
      this.#newer = [];
    }
    return this.#older.pop() as T;
  }

  /** Keeps only what `keeps` says; returns how many those are. */
  filter(keeps: (entry: T) => boolean): number {
    this.#older = this.#older.filter(keeps);
    this.#newer = this.#newer.filter(keeps);
    return this.#older.length + this.#newer.length;
  }

  #isOldest(entry: T): boolean {
    const oldest = this.#newer[0];
    return oldest !== undefined && entry.id < oldest.id;
  }
}

/** Puts an entry where it belongs in a stack whose ids rise (1) or fall (-1): nearly always at its end. */
function insert<T extends Ranked>(stack: T[], entry: T, direction: 1 | -1): void {
  const isBefore = (at: number): boolean => direction * ((stack[at] as T).id - entry.id) < 0;
  if (stack.length === 0 || isBefore(stack.length - 1)) {
    stack.push(entry);
    return;
  }
  let low = 0;
  let high = stack.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  stack.splice(low, 0, entry);
}
