import { hostPort } from '../../base/address.ts';
import type { Counters } from '../../base/counters.ts';
import { messageOf } from '../../base/errors.ts';
import type { Address } from '../../base/machine.ts';
import type { TraceLevel } from '../../base/trace.ts';

/** A batch is joined when nothing new came for this long. */
export const QUIET_MS = 100;
/** Addresses of one batch; the next poll finds those that had no room. */
export const MAX_BATCH = 64;
/** Addresses remembered; the one not seen for longest is forgotten, and at worst joined once more. */
export const MAX_SEEN = 4_096;

export interface JoinerParts {
  /** Joins through the agent; resolves with how many answered, rejects when none did. */
  readonly join: (addresses: readonly string[]) => Promise<number>;
  readonly log: (level: TraceLevel, text: string) => void;
  readonly counters: Counters;
  /** True when an address joined before is worth another try: nobody else is alive, and it is not our own. */
  readonly again: (address: Address) => boolean;
}

/**
 * Joins found addresses in batches, one batch at a time. As in Serf each address is tried once, whether that worked or
 * not; an agent that has become alone tries again.
 */
export class Joiner {
  readonly #parts: JoinerParts;
  /** Least recently seen first. */
  readonly #seen = new Set<string>();
  #batch: string[] = [];
  #quiet: NodeJS.Timeout | undefined;
  #joining = false;
  #closed = false;

  constructor(parts: JoinerParts) {
    this.#parts = parts;
  }

  /** Takes a found address. */
  offer(address: Address): void {
    if (this.#closed) return;
    const text = hostPort(address);
    const known = this.#seen.delete(text);
    const wanted = !known || (!this.#batch.includes(text) && this.#parts.again(address));
    if (!known && this.#batch.length >= MAX_BATCH) {
      this.#parts.counters.add('drop:mdns-batch');
      return;
    }
    this.#seen.add(text);
    if (!wanted || this.#batch.length >= MAX_BATCH) return;
    if (this.#seen.size > MAX_SEEN) this.#forgetOldest();
    this.#batch.push(text);
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => void this.#joinAll(), QUIET_MS);
  }

  /** Starts no further join; the outcome of one under way is no longer told. */
  close(): void {
    this.#closed = true;
    this.#batch = [];
    clearTimeout(this.#quiet);
  }

  #forgetOldest(): void {
    for (const oldest of this.#seen) {
      this.#seen.delete(oldest);
      return;
    }
  }

  /** What comes during a join is joined after it. */
  async #joinAll(): Promise<void> {
    if (this.#joining) return;
    this.#joining = true;
    while (this.#batch.length > 0) {
      const addresses = this.#batch;
      this.#batch = [];
      await this.#join(addresses);
    }
    this.#joining = false;
  }

  async #join(addresses: readonly string[]): Promise<void> {
    const { join, log } = this.#parts;
    try {
      const count = await join(addresses);
      if (!this.#closed && count > 0) log('INFO', `Joined ${count} hosts`);
    } catch (error) {
      if (!this.#closed) log('ERR', `Failed to join: ${messageOf(error)}`);
    }
  }
}
