import type { Load } from '../base/load.ts';
import type { Address, Millis } from '../base/machine.ts';
import type { AckTable } from './acks.ts';
import type { SwimConfig } from './config.ts';
import { encodePing } from './ping-codec.ts';
import { pingFor } from './pings.ts';
import type { Sender } from './sender.ts';

/** Unanswered pings remembered; a later one costs the oldest its place, whose answer would then be ignored. */
export const CONTACTS_LIMIT = 1_024;

export interface ContactParts {
  readonly config: SwimConfig;
  readonly acks: AckTable;
  readonly sender: Pick<Sender, 'send'>;
}

/**
 * Pings to where somebody may be who is no live member: one small datagram, told by nothing but its answer. Any
 * memberlist node answers a ping with its own name, from whomever it comes, and ignores one for another name.
 */
export class Contacts {
  readonly #parts: ContactParts;
  /** The oldest first. */
  readonly #waiting = new Map<number, (now: Millis) => void>();

  constructor(parts: ContactParts) {
    this.#parts = parts;
  }

  get load(): Load {
    return { what: 'unanswered contacts', size: this.#waiting.size, limit: CONTACTS_LIMIT };
  }

  ping(to: Address, name: string, answered: (now: Millis) => void): void {
    const { config, acks, sender } = this.#parts;
    const seq = acks.nextSeq();
    this.#waiting.set(seq, answered);
    const oldest = this.#waiting.keys().next();
    if (this.#waiting.size > CONTACTS_LIMIT && oldest.done !== true) this.#waiting.delete(oldest.value);
    sender.send(to, encodePing(pingFor(config, name, seq)));
  }

  /** An ack; false when it answers none of these pings. */
  ack(now: Millis, seq: number): boolean {
    const answered = this.#waiting.get(seq);
    if (answered === undefined) return false;
    this.#waiting.delete(seq);
    answered(now);
    return true;
  }
}
