import type { Counters } from '../base/counters.ts';
import type { Deadlines } from '../base/deadlines.ts';
import type { Load } from '../base/load.ts';
import type { Address, Millis } from '../base/machine.ts';
import type { SwimDeadline } from './deadline.ts';

/** A ping sent on another's behalf: where its ack goes, and under which number the asker knows it. */
export interface Relayed {
  readonly requester: Address;
  readonly requestedSeq: number;
  readonly wantsNack: boolean;
}

/** Pings relayed at one time; a flood of indirect pings beyond it is dropped and counted. */
const MAX_RELAYED = 4096;

/** Sequence numbers, and the relayed pings waiting for their ack (memberlist.md 4.4). */
export class AckTable {
  readonly #relayed = new Map<number, Relayed>();
  readonly #deadlines: Deadlines<SwimDeadline>;
  readonly #counters: Counters;
  #seq = 0;

  constructor(deadlines: Deadlines<SwimDeadline>, counters: Counters) {
    this.#deadlines = deadlines;
    this.#counters = counters;
  }

  get load(): Load {
    return { what: 'relayed pings', size: this.#relayed.size, limit: MAX_RELAYED };
  }

  /** The next sequence number; the first is 1, and 32 bits wrap. */
  nextSeq(): number {
    this.#seq = (this.#seq + 1) >>> 0;
    return this.#seq;
  }

  /** Remembers a relayed ping until `expiresAt`; false when too many are under way. */
  relay(seq: number, relayed: Relayed, expiresAt: Millis): boolean {
    if (this.#relayed.size >= MAX_RELAYED) {
      this.#counters.add('drop:relay-overflow');
      return false;
    }
    this.#relayed.set(seq, relayed);
    this.#deadlines.set(`relay:${seq}`, expiresAt, { type: 'relay-over', seq });
    return true;
  }

  /** Takes a relayed ping out, when its ack came or its time is over. */
  takeRelayed(seq: number): Relayed | undefined {
    const relayed = this.#relayed.get(seq);
    if (relayed === undefined) return undefined;
    this.#relayed.delete(seq);
    this.#deadlines.cancel(`relay:${seq}`);
    return relayed;
  }
}
