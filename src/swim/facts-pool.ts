import { equalBytes } from '../base/bytes.ts';
import { hashName, hashNameBytes, isAsciiName } from '../base/name-hash.ts';
import type { Writer } from '../wire/msgpack-writer.ts';
import type { MemberFacts } from './delegate.ts';
import { imageOf, newSighting, type Sighting, sight } from './facts-image.ts';

/** Slots of a pool at first and at most; a quarter of them is filled before there are twice as many. */
const FIRST_SLOTS = 256;
const MAX_SLOTS = 65_536;
/** Slots a name may be in; where all are taken, one is given up. */
const WAYS = 8;

/** Longer names, metadata and addresses are no ordinary member's, and not worth keeping for others. */
const MAX_POOLED_NAME = 255;
const MAX_POOLED_META = 512;
const MAX_POOLED_ADDR = 16;

/** Bytes all images have room for at first. */
const FIRST_IMAGE_BYTES = 32_768;
/** Before each image: how long its first part is, where its second part ends, how long it is. */
const IMAGE_HEAD = 5;

/** Versions that many members have in common are kept once, if they are among the last of so many. */
const KEPT_VERSIONS = 4;

/** What a member says of itself beside its name. */
type FactFields = Pick<MemberFacts, 'addr' | 'port' | 'meta' | 'vsn'>;

/** A member found in a message: what a push/pull says of it. */
export interface FoundMember {
  readonly facts: MemberFacts;
  readonly incarnation: number;
  readonly state: number;
}

/**
 * Facts that were heard before. Peers tell us the same of the same members again and again, and in one process many
 * nodes may be told: who finds the facts here needs no copy. Beside them stands how a push/pull writes them, all in one
 * piece of memory, so that a member that was heard before is written and recognised byte by byte. A pool may forget
 * whatever it likes; it holds at most MAX_SLOTS members, and grows with the members there are.
 */
export class FactsPool {
  #slots = new Array<MemberFacts | undefined>(FIRST_SLOTS);
  /** Where the image of each slot's member begins. */
  #starts = new Uint32Array(FIRST_SLOTS);
  #images = new Uint8Array(FIRST_IMAGE_BYTES);
  #imagesEnd = 0;
  #size = 0;
  #foundEnd = 0;
  readonly #versions: Uint8Array[] = [];
  readonly #seen: Sighting = newSighting();

  /** Facts equal to these, which are kept if there are none yet. */
  share(facts: MemberFacts): MemberFacts {
    const { name, addr, port, meta, vsn, address } = facts;
    if (name.length > MAX_POOLED_NAME || meta.length > MAX_POOLED_META) return facts;
    if (addr.length > MAX_POOLED_ADDR) return facts;
    const hash = hashName(name, 0);
    for (let way = 0; way < WAYS; way += 1) {
      const found = this.#slots[(hash + way) & (this.#slots.length - 1)];
      if (found?.name === name && isSameStory(found, facts)) return found;
    }
    const kept = { name, addr, port, meta, vsn: this.#versionOf(vsn), address };
    this.#keep(kept, hash);
    if (4 * this.#size > this.#slots.length && this.#slots.length < MAX_SLOTS) this.#grow();
    return kept;
  }

  /** The facts of this name that hold these fields, if they were heard before. */
  known(name: string, fields: FactFields): MemberFacts | undefined {
    if (name.length > MAX_POOLED_NAME) return undefined;
    const hash = hashName(name, 0);
    for (let way = 0; way < WAYS; way += 1) {
      const found = this.#slots[(hash + way) & (this.#slots.length - 1)];
      if (found?.name === name) return isSameStory(found, fields) ? found : undefined;
    }
    return undefined;
  }

  /**
   * The member that begins in `bytes` at `at`, if all that it says of itself was heard before, in the form peers write;
   * it ends at `foundEnd`.
   */
  find(bytes: Uint8Array, at: number): FoundMember | undefined {
    const seen = this.#seen;
    if (!sight(bytes, at, seen)) return undefined;
    const mask = this.#slots.length - 1;
    for (let way = 0; way < WAYS; way += 1) {
      const slot = (seen.hash + way) & mask;
      const facts = this.#slots[slot];
      if (facts === undefined) continue;
      const stateAt = this.#stateAt(slot, bytes, at, seen);
      if (stateAt < 0) continue;
      // A state is an integer of one byte; what else it may be is for the plain decoder.
      const state = bytes[stateAt] as number;
      return state < 0x80 ? { facts, incarnation: seen.incarnation, state } : undefined;
    }
    return undefined;
  }

  /** Where the member found last ends. */
  get foundEnd(): number {
    return this.#foundEnd;
  }

  /** Writes a member as a push/pull has it; false, with nothing written, when these facts are not kept here. */
  write(to: Writer, facts: MemberFacts, incarnation: number, state: number): boolean {
    const mask = this.#slots.length - 1;
    const hash = hashName(facts.name, 0);
    for (let way = 0; way < WAYS; way += 1) {
      const slot = (hash + way) & mask;
      if (this.#slots[slot] !== facts) continue;
      const images = this.#images;
      const head = this.#starts[slot] as number;
      const start = head + IMAGE_HEAD;
      const split = start + (images[head] as number);
      const afterState = start + u16(images, head + 1);
      to.raw(images, start, split);
      to.integer(incarnation);
      to.raw(images, split, afterState);
      to.integer(state);
      to.raw(images, afterState, start + u16(images, head + 3));
      return true;
    }
    return false;
  }

  /** The name that these bytes are, if it was heard before. */
  name(bytes: Uint8Array, from: number, to: number): string | undefined {
    if (to - from > MAX_POOLED_NAME) return undefined;
    return this.named(bytes, from, to, hashNameBytes(bytes, from, to, 0))?.name;
  }

  /** The facts of the member whose name these bytes are, if it was heard of before. @param hash of these bytes, seed 0 */
  named(bytes: Uint8Array, from: number, to: number, hash: number): MemberFacts | undefined {
    const mask = this.#slots.length - 1;
    for (let way = 0; way < WAYS; way += 1) {
      const found = this.#slots[(hash + way) & mask];
      if (found !== undefined && isAsciiName(found.name, bytes, from, to)) return found;
    }
    return undefined;
  }

  /** Puts facts in a slot of their name: where it is already, in a free one, or else in place of another. */
  #keep(facts: MemberFacts, hash: number): void {
    const mask = this.#slots.length - 1;
    let chosen = -1;
    for (let way = 0; way < WAYS; way += 1) {
      const slot = (hash + way) & mask;
      const found = this.#slots[slot];
      if (found?.name === facts.name) {
        chosen = slot;
        break;
      }
      if (found === undefined && chosen < 0) chosen = slot;
    }
    if (chosen < 0) chosen = hash & mask;
    if (this.#slots[chosen] === undefined) this.#size += 1;
    this.#slots[chosen] = facts;
    this.#paint(chosen, facts);
  }

  /** Appends the image of a slot's member. */
  #paint(slot: number, facts: MemberFacts): void {
    const { bytes, afterIncarnation, afterState } = imageOf(facts);
    const needed = IMAGE_HEAD + bytes.length;
    if (this.#imagesEnd + needed > this.#images.length) this.#repaint(slot, needed);
    const images = this.#images;
    const at = this.#imagesEnd;
    images[at] = afterIncarnation;
    images[at + 1] = afterState >>> 8;
    images[at + 2] = afterState;
    images[at + 3] = bytes.length >>> 8;
    images[at + 4] = bytes.length;
    images.set(bytes, at + IMAGE_HEAD);
    this.#starts[slot] = at;
    this.#imagesEnd = at + needed;
  }

  /** Moves the images still in use to memory of twice their length; that of `without` is about to be made anew. */
  #repaint(without: number, needed: number): void {
    const old = this.#images;
    const used: number[] = [];
    let live = needed;
    for (let slot = 0; slot < this.#slots.length; slot += 1) {
      if (slot === without || this.#slots[slot] === undefined) continue;
      used.push(slot);
      live += IMAGE_HEAD + u16(old, (this.#starts[slot] as number) + 3);
    }
    this.#images = new Uint8Array(Math.max(FIRST_IMAGE_BYTES, 2 * live));
    let at = 0;
    for (const slot of used) {
      const from = this.#starts[slot] as number;
      const length = IMAGE_HEAD + u16(old, from + 3);
      this.#images.set(old.subarray(from, from + length), at);
      this.#starts[slot] = at;
      at += length;
    }
    this.#imagesEnd = at;
  }

  /** Where the state of the member that was sighted is, if it is written as the image of this slot is; else -1. */
  #stateAt(slot: number, bytes: Uint8Array, at: number, { incarnationAt, restAt }: Sighting): number {
    const images = this.#images;
    const head = this.#starts[slot] as number;
    const start = head + IMAGE_HEAD;
    const split = start + (images[head] as number);
    if (split - start !== incarnationAt - at) return -1;
    const afterState = start + u16(images, head + 1);
    const end = start + u16(images, head + 3);
    const stateAt = restAt + (afterState - split);
    if (!isAt(images, split, afterState, bytes, restAt)) return -1;
    if (!isAt(images, start, split, bytes, at)) return -1;
    if (!isAt(images, afterState, end, bytes, stateAt + 1)) return -1;
    this.#foundEnd = stateAt + 1 + (end - afterState);
    return stateAt;
  }

  #versionOf(vsn: Uint8Array): Uint8Array {
    for (const known of this.#versions) if (equalBytes(known, vsn)) return known;
    if (this.#versions.push(vsn) > KEPT_VERSIONS) this.#versions.shift();
    return vsn;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Array<MemberFacts | undefined>(2 * old.length);
    this.#starts = new Uint32Array(2 * old.length);
    this.#imagesEnd = 0;
    this.#size = 0;
    for (const facts of old) if (facts !== undefined) this.#keep(facts, hashName(facts.name, 0));
  }
}

/** What this process heard. Nothing but memory and time depends on it. */
export const sharedFacts = new FactsPool();

function isSameStory(a: FactFields, b: FactFields): boolean {
  return (
    a.port === b.port && equalBytes(a.addr, b.addr) && equalBytes(a.meta, b.meta) && equalBytes(a.vsn, b.vsn)
  );
}

/** True when `bytes` has at `at` what `images` has from `from` to `to`. Compared from behind, where names differ. */
function isAt(images: Uint8Array, from: number, to: number, bytes: Uint8Array, at: number): boolean {
  const offset = at - from;
  for (let i = to - 1; i >= from; i -= 1) if (images[i] !== bytes[i + offset]) return false;
  return true;
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
