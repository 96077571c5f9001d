import { MessageType } from './messages.ts';

/** Bytes each part of a compound costs: its length field (memberlist.md 1.5). */
const PART_OVERHEAD = 2;
/** A user message is framed by one type byte. */
const USER_OVERHEAD = 1;

/**
 * Collects the messages of one datagram up to a byte budget. Membership broadcasts are added as they are; user
 * messages get their type byte here. Budgets follow memberlist.md 4.8.
 */
export class Packer {
  readonly #parts: Uint8Array[] = [];
  #free: number;
  #room: number;

  /** @param budget bytes left for broadcasts @param maxParts parts one compound may still take */
  constructor(budget: number, maxParts: number) {
    this.#free = budget;
    this.#room = maxParts;
  }

  get parts(): readonly Uint8Array[] {
    return this.#parts;
  }

  /** The largest membership message that still fits; negative or zero when none does. */
  get freeForMessage(): number {
    return this.#room > 0 ? this.#free - PART_OVERHEAD : 0;
  }

  /** The largest user payload that still fits; negative or zero when none does. */
  get freeForUser(): number {
    return this.#room > 0 ? this.#free - PART_OVERHEAD - USER_OVERHEAD : 0;
  }

  addMessage(message: Uint8Array): void {
    this.#parts.push(message);
    this.#free -= PART_OVERHEAD + message.length;
    this.#room -= 1;
  }

  addUser(payload: Uint8Array): void {
    this.addMessage(frameUser(payload));
  }
}

/** A user message as it stands in a datagram: its type byte, then the payload to the end. */
export function frameUser(payload: Uint8Array): Uint8Array {
  const framed = new Uint8Array(payload.length + USER_OVERHEAD);
  framed[0] = MessageType.user;
  framed.set(payload, USER_OVERHEAD);
  return framed;
}
