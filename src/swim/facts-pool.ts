import { equalBytes } from '../base/bytes.ts';
import { hashName, hashNameBytes, isAsciiName } from '../base/name-hash.ts';
import type { MemberFacts } from './delegate.ts';

/** Slots of a pool at first and at most; a quarter of them is filled before there are twice as many. */
const FIRST_SLOTS = 256;
const MAX_SLOTS = 65_536;
/** Slots a name may be in; where all are taken, one is given up. */
const WAYS = 8;

/** Longer names and metadata are no ordinary member's, and not worth keeping for others. */
const MAX_POOLED_NAME = 255;
const MAX_POOLED_META = 512;

/** What a member says of itself beside its name. */
type FactFields = Pick<MemberFacts, 'addr' | 'port' | 'meta' | 'vsn'>;

/** Where the fields of a member stand in a message, as offsets from and to. */
export interface FactsSpan {
  nameFrom: number;
  nameTo: number;
  addrFrom: number;
  addrTo: number;
  metaFrom: number;
  metaTo: number;
  vsnFrom: number;
  vsnTo: number;
  port: number;
}

/**
 * Facts that were heard before. Peers tell us the same of the same members again and again, and in one process many
 * nodes may be told: who finds the facts here needs no copy. A pool may forget whatever it likes; it holds at most
 * MAX_SLOTS members, and grows with the members there are.
 */
export class FactsPool {
  #slots = new Array<MemberFacts | undefined>(FIRST_SLOTS);
  #size = 0;

  /** Facts equal to these, which are kept if there are none yet. */
  share(facts: MemberFacts): MemberFacts {
    if (facts.name.length > MAX_POOLED_NAME || facts.meta.length > MAX_POOLED_META) return facts;
    const hash = hashName(facts.name, 0);
    let free = -1;
    for (let way = 0; way < WAYS; way += 1) {
      const slot = (hash + way) & (this.#slots.length - 1);
      const found = this.#slots[slot];
      if (found === undefined) {
        if (free < 0) free = slot;
      } else if (found.name === facts.name) {
        if (isSameStory(found, facts)) return found;
        this.#slots[slot] = facts;
        return facts;
      }
    }
    this.#size += free < 0 ? 0 : 1;
    this.#slots[free < 0 ? hash & (this.#slots.length - 1) : free] = facts;
    if (4 * this.#size > this.#slots.length && this.#slots.length < MAX_SLOTS) this.#grow();
    return facts;
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

  /** The facts that stand in `bytes` at `span`, if they were heard before. */
  match(bytes: Uint8Array, span: FactsSpan): MemberFacts | undefined {
    const found = this.#find(bytes, span.nameFrom, span.nameTo);
    if (found === undefined || found.port !== span.port) return undefined;
    const same =
      isAt(found.addr, bytes, span.addrFrom, span.addrTo) &&
      isAt(found.meta, bytes, span.metaFrom, span.metaTo) &&
      isAt(found.vsn, bytes, span.vsnFrom, span.vsnTo);
    return same ? found : undefined;
  }

  /** The name that these bytes are, if it was heard before. */
  name(bytes: Uint8Array, from: number, to: number): string | undefined {
    return this.#find(bytes, from, to)?.name;
  }

  #find(bytes: Uint8Array, from: number, to: number): MemberFacts | undefined {
    if (to - from > MAX_POOLED_NAME) return undefined;
    const mask = this.#slots.length - 1;
    const hash = hashNameBytes(bytes, from, to, 0);
    for (let way = 0; way < WAYS; way += 1) {
      const found = this.#slots[(hash + way) & mask];
      if (found !== undefined && isAsciiName(found.name, bytes, from, to)) return found;
    }
    return undefined;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Array<MemberFacts | undefined>(2 * old.length);
    this.#size = 0;
    for (const facts of old) if (facts !== undefined) this.share(facts);
  }
}

/** What this process heard. Nothing but memory and time depends on it. */
export const sharedFacts = new FactsPool();

function isSameStory(a: FactFields, b: FactFields): boolean {
  return (
    a.port === b.port && equalBytes(a.addr, b.addr) && equalBytes(a.meta, b.meta) && equalBytes(a.vsn, b.vsn)
  );
}

function isAt(wanted: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (wanted.length !== to - from) return false;
  for (let i = 0; i < wanted.length; i += 1) if (wanted[i] !== bytes[from + i]) return false;
  return true;
}
