/** Told when everybody agrees, and when nobody believes in a member any more or everybody does. */
export interface BeliefWatcher {
  /** Every running node believes exactly the running nodes alive, after that was not so. */
  agreed(): void;
  /** The number of running nodes that believe in this member has changed. */
  spread(member: number): void;
}

/**
 * Who believes whom alive, by index: one bit for each pair, and sums that make the questions of a report cost nothing.
 * A node's belief about itself counts like any other.
 */
export class Beliefs {
  readonly #capacity: number;
  readonly #bits: Uint8Array;
  readonly #running: Uint8Array;
  /** Members a node believes alive. */
  readonly #known: Int32Array;
  /** Running nodes that believe a member alive. */
  readonly #believers: Int32Array;
  readonly #watcher: BeliefWatcher;
  #runningCount = 0;
  /** Pairs of a running node and a member about which it is wrong. */
  #wrong = 0;

  constructor(capacity: number, watcher: BeliefWatcher) {
    this.#capacity = capacity;
    this.#bits = new Uint8Array(Math.ceil((capacity * capacity) / 8));
    this.#running = new Uint8Array(capacity);
    this.#known = new Int32Array(capacity);
    this.#believers = new Int32Array(capacity);
    this.#watcher = watcher;
  }

  /** Nodes that run, paused ones included. */
  get runningCount(): number {
    return this.#runningCount;
  }

  get isAgreed(): boolean {
    return this.#wrong === 0;
  }

  isRunning(node: number): boolean {
    return this.#running[node] === 1;
  }

  /** Members this node believes alive. */
  known(node: number): number {
    return this.#known[node] ?? 0;
  }

  /** Running nodes that believe this member alive. */
  believers(member: number): number {
    return this.#believers[member] ?? 0;
  }

  believes(node: number, member: number): boolean {
    const place = node * this.#capacity + member;
    return (((this.#bits[place >>> 3] as number) >>> (place & 7)) & 1) === 1;
  }

  /** A running node changes its mind. True if that is news. */
  set(node: number, member: number, alive: boolean): boolean {
    if (this.believes(node, member) === alive || !this.isRunning(node)) return false;
    this.#put(node, member, alive);
    this.#believers[member] = this.believers(member) + (alive ? 1 : -1);
    this.#count(alive === this.isRunning(member) ? -1 : 1);
    this.#watcher.spread(member);
    return true;
  }

  /** A node starts; it believes in nobody yet. */
  start(node: number): void {
    if (this.isRunning(node)) return;
    const believers = this.believers(node);
    this.#running[node] = 1;
    this.#runningCount += 1;
    // The others were right not to believe in it; itself it misses everybody, itself included.
    this.#count(this.#runningCount - 1 - believers - believers + this.#runningCount);
  }

  /** A node's process is gone, and its beliefs with it. */
  stop(node: number): void {
    if (!this.isRunning(node)) return;
    let own = 0;
    const gone: number[] = [];
    for (let member = 0; member < this.#capacity; member += 1) {
      const believed = this.believes(node, member);
      if (believed !== this.isRunning(member)) own += 1;
      if (!believed) continue;
      this.#put(node, member, false);
      this.#believers[member] = this.believers(member) - 1;
      gone.push(member);
    }
    this.#running[node] = 0;
    this.#runningCount -= 1;
    const believers = this.believers(node);
    // The others were wrong not to believe in it; from now on those who do are.
    this.#count(believers - (this.#runningCount - believers) - own);
    for (const member of gone) this.#watcher.spread(member);
  }

  #put(node: number, member: number, alive: boolean): void {
    const place = node * this.#capacity + member;
    const mask = 1 << (place & 7);
    const byte = this.#bits[place >>> 3] as number;
    this.#bits[place >>> 3] = alive ? byte | mask : byte & ~mask;
    this.#known[node] = this.known(node) + (alive ? 1 : -1);
  }

  #count(change: number): void {
    const before = this.#wrong;
    this.#wrong += change;
    if (before > 0 && this.#wrong === 0) this.#watcher.agreed();
  }
}
