import type { Packer } from './packer.ts';

/** Messages waiting to be gossiped; beyond it the most sent give way, and anti-entropy tells the rest. */
export const MAX_BROADCASTS = 16_384;

/** A message waiting to be gossiped. */
interface Broadcast {
  readonly bytes: Uint8Array;
  /** That of `bytes`: where entries are compared, their bytes need not be fetched. */
  readonly length: number;
  readonly id: number;
  readonly name: string | undefined;
  readonly finished: (() => void) | undefined;
  transmits: number;
  gone: boolean;
}

/** Slack of superseded entries tolerated in the tiers before they are swept out. */
const SWEEP_SLACK = 64;

/**
 * memberlist's transmit-limited queue (memberlist.md 4.7): fewest transmissions first, then longest, then newest.
 * Entries live in tiers by transmit count. A superseded entry is only marked, in O(1), and swept later.
 */
export class BroadcastQueue {
  /** tiers[t] holds entries sent t times, ordered worst to best so that taking the best is a pop. */
  readonly #tiers: Broadcast[][] = [];
  readonly #byName = new Map<string, Broadcast>();
  #size = 0;
  #gone = 0;
  #nextId = 1;

  /** Live entries. */
  get size(): number {
    return this.#size;
  }

  /**
   * Queues a message. A `name` replaces an earlier entry of that name. `finished` is called once, when the entry
   * leaves the queue for any reason.
   */
  enqueue(bytes: Uint8Array, options: { readonly name?: string; readonly finished?: () => void } = {}): void {
    const { name, finished } = options;
    const { length } = bytes;
    const entry: Broadcast = { bytes, length, id: this.#nextId, name, finished, transmits: 0, gone: false };
    this.#nextId += 1;
    if (name !== undefined) {
      const old = this.#byName.get(name);
      if (old !== undefined) this.#retire(old);
      this.#byName.set(name, entry);
    }
    this.#insert(entry);
    this.#size += 1;
  }

  /**
   * Moves messages into `packer` while they fit, each counted as sent once; an entry sent `limit` times leaves.
   * `kind` says which framing the packer adds.
   */
  fill(packer: Packer, limit: number, kind: 'message' | 'user'): void {
    if (this.#size === 0) return;
    const again: Broadcast[] = [];
    const spent: Broadcast[] = [];
    const highest = this.#tiers.length - 1;
    for (let tier = 0; tier <= highest; tier += 1) {
      const entries = this.#tiers[tier] as Broadcast[];
      let at = entries.length - 1;
      while (at >= 0) {
        const free = kind === 'user' ? packer.freeForUser : packer.freeForMessage;
        if (free <= 0) break;
        at = lastFitting(entries, at, free);
        if (at < 0) break;
        const entry = removeAt(entries, at);
        at -= 1;
        if (entry.gone) {
          this.#gone -= 1;
          continue;
        }
        if (kind === 'user') packer.addUser(entry.bytes);
        else packer.addMessage(entry.bytes);
        entry.transmits += 1;
        if (entry.transmits >= limit) spent.push(entry);
        else again.push(entry);
      }
    }
    for (const entry of again) {
      this.#insert(entry);
    }
    for (const entry of spent) this.#finish(entry);
    this.#trim();
  }

  /** Drops the least deserving entries (most sent, shortest, oldest) until `keep` remain; returns how many went. */
  prune(keep: number): number {
    let dropped = 0;
    for (let tier = this.#tiers.length - 1; tier >= 0 && this.#size > keep; tier -= 1) {
      const entries = this.#tiers[tier] as Broadcast[];
      let cut = 0;
      while (cut < entries.length && this.#size > keep) {
        const entry = entries[cut] as Broadcast;
        cut += 1;
        if (entry.gone) {
          this.#gone -= 1;
        } else {
          this.#finish(entry);
          dropped += 1;
        }
      }
      entries.splice(0, cut);
    }
    this.#trim();
    return dropped;
  }

  #insert(entry: Broadcast): void {
    while (this.#tiers.length <= entry.transmits) this.#tiers.push([]);
    const entries = this.#tiers[entry.transmits] as Broadcast[];
    let low = 0;
    let high = entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isWorse(entries[middle] as Broadcast, entry)) low = middle + 1;
      else high = middle;
    }
    insertAt(entries, low, entry);
  }

  /** Marks a superseded entry; it stays in its tier until met or swept. */
  #retire(entry: Broadcast): void {
    entry.gone = true;
    this.#gone += 1;
    this.#finish(entry);
    if (this.#gone > this.#size + SWEEP_SLACK) this.#sweep();
  }

  #finish(entry: Broadcast): void {
    this.#size -= 1;
    if (entry.name !== undefined && this.#byName.get(entry.name) === entry) this.#byName.delete(entry.name);
    entry.finished?.();
  }

  #sweep(): void {
    for (let tier = 0; tier < this.#tiers.length; tier += 1) {
      this.#tiers[tier] = (this.#tiers[tier] as Broadcast[]).filter((entry) => !entry.gone);
    }
    this.#gone = 0;
  }

  #trim(): void {
    while (this.#tiers.length > 0 && (this.#tiers.at(-1) as Broadcast[]).length === 0) this.#tiers.pop();
    if (this.#size === 0) this.#nextId = 1;
  }
}

/** True when `a` goes out after `b` of the same tier: shorter, or as long and older. */
function isWorse(a: Broadcast, b: Broadcast): boolean {
  return a.length !== b.length ? a.length < b.length : a.id < b.id;
}

/** Removes and returns the entry at an index: mostly the last, which the engine's own `splice` would make an array for. */
function removeAt(entries: Broadcast[], at: number): Broadcast {
  const entry = entries[at] as Broadcast;
  if (at === entries.length - 1) entries.pop();
  else entries.splice(at, 1);
  return entry;
}

/** Puts an entry before the one at an index, or at the end. */
function insertAt(entries: Broadcast[], at: number, entry: Broadcast): void {
  if (at === entries.length) entries.push(entry);
  else entries.splice(at, 0, entry);
}

/** Index of the best entry up to index `top` that is no longer than `free`, or -1. */
function lastFitting(entries: readonly Broadcast[], top: number, free: number): number {
  // A datagram fills up with the longest, and at its end not even the shortest fits: neither needs a search.
  if ((entries[top] as Broadcast).length <= free) return top;
  if ((entries[0] as Broadcast).length > free) return -1;
  let low = 0;
  let high = top;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle] as Broadcast).length <= free) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
