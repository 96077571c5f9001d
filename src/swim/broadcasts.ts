import { BroadcastTier, type Ranked } from './broadcast-tier.ts';
import type { Packer } from './packer.ts';

/** Messages waiting to be gossiped; beyond it the most sent give way, and anti-entropy tells the rest. */
export const MAX_BROADCASTS = 16_384;

/** A message waiting to be gossiped. */
interface Broadcast extends Ranked {
  readonly bytes: Uint8Array;
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
  /** tiers[t] holds entries sent t times. */
  readonly #tiers: BroadcastTier<Broadcast>[] = [];
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
    for (const tier of this.#tiers) {
      tier.restart();
      for (;;) {
        const free = kind === 'user' ? packer.freeForUser : packer.freeForMessage;
        const entry = free > 0 ? tier.takeNext(free) : undefined;
        if (entry === undefined) break;
        if (entry.gone) {
          this.#gone -= 1;
          continue;
        }
        if (kind === 'user') packer.addUser(entry.bytes);
        else packer.addMessage(entry.bytes);
        entry.transmits += 1;
        again.push(entry);
      }
    }
    for (const entry of again) {
      if (entry.transmits >= limit) this.#finish(entry);
      else this.#insert(entry);
    }
    this.#trim();
  }

  /** Drops the least deserving entries (most sent, shortest, oldest) until `keep` remain; returns how many went. */
  prune(keep: number): number {
    const before = this.#size;
    const drop = (entry: Broadcast): void => {
      if (entry.gone) this.#gone -= 1;
      else this.#finish(entry);
    };
    for (const tier of this.#tiers.toReversed()) tier.takeWorst(() => this.#size > keep, drop);
    this.#trim();
    return before - this.#size;
  }

  #insert(entry: Broadcast): void {
    while (this.#tiers.length <= entry.transmits) this.#tiers.push(new BroadcastTier());
    (this.#tiers[entry.transmits] as BroadcastTier<Broadcast>).add(entry);
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
    for (const tier of this.#tiers) tier.filter((entry) => !entry.gone);
    this.#gone = 0;
  }

  #trim(): void {
    while (this.#tiers.at(-1)?.isEmpty === true) this.#tiers.pop();
    if (this.#size === 0) this.#nextId = 1;
  }
}
