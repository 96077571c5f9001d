import { equalBytes, NO_BYTES } from '../base/bytes.ts';
import { WireError } from '../base/errors.ts';
import { type KnownText, Reader } from './msgpack-reader.ts';
import { Writer } from './msgpack-writer.ts';

/**
 * The gossip dialect of msgpack, driven by tables: a message is a `struct` of fields, each with the key it has on the
 * wire and a kind; one table drives both directions (memberlist.md 1.2-1.4, serf.md 1).
 *
 *     const join = struct<JoinIntent>({ ltime: ['LTime', u64], node: ['Node', text] });
 *     encode(join, { ltime: 3, node: 'a' }, MessageType.join);
 *     decode(join, bytes, 1);
 */

/** How one sort of value looks on the wire. */
export interface Kind<T> {
  /** What an absent or nil field means. */
  readonly zero: T;
  read(from: Reader): T;
  write(to: Writer, value: T): void;
  /** True when an omit-empty field is left out. */
  isEmpty(value: T): boolean;
}

/** A field of a struct: its key on the wire, its kind, and whether its zero value is left out. */
export type Field<T> = readonly [key: string, kind: Kind<T>, omit?: 'omit-empty'];

/** The fields of `T` in Go's declaration order, which is the order of the array form. */
export type FieldTable<T> = { readonly [P in keyof T]-?: Field<T[P]> };

/** A string; lossless for invalid UTF-8 (`textOfBytes`). */
export const text: Kind<string> = {
  zero: '',
  read: (from) => from.text(),
  write: (to, value) => to.text(value),
  isEmpty: (value) => value === '',
};

/** A string of which `known` may already have the text; otherwise as `text`. */
export function knownText(known: KnownText): Kind<string> {
  return { ...text, read: (from) => from.text(known) };
}

/** Bytes, nil read as empty; empty is written as `a0`. */
export const bytes: Kind<Uint8Array> = {
  zero: NO_BYTES,
  read: (from) => from.bytes() ?? NO_BYTES,
  write: (to, value) => to.bytes(value),
  isEmpty: (value) => value.length === 0,
};

/** Bytes, nil read as empty; empty is written as nil, as Go writes a slice nobody set. */
export const bytesEmptyAsNil: Kind<Uint8Array> = {
  ...bytes,
  write: (to, value) => (value.length === 0 ? to.nil() : to.bytes(value)),
};

/** Bytes that keep nil (`null`) and empty apart. */
export const bytesOrNull: Kind<Uint8Array | null> = {
  zero: null,
  read: (from) => from.bytes(),
  write: (to, value) => (value === null ? to.nil() : to.bytes(value)),
  isEmpty: (value) => value === null || value.length === 0,
};

/** A boolean. */
export const bool: Kind<boolean> = {
  zero: false,
  read: (from) => from.boolean(),
  write: (to, value) => to.boolean(value),
  isEmpty: (value) => !value,
};

/** A double; reads every number. NaN and infinities pass through. */
export const f64: Kind<number> = {
  zero: 0,
  read: (from) => from.float(),
  write: (to, value) => to.float(value),
  isEmpty: (value) => value === 0,
};

/** An unsigned integer up to `max`; anything else is WireError `msgpack-range`. */
function unsigned(max: number): Kind<number> {
  return {
    zero: 0,
    read: (from) => {
      const value = from.integer(false);
      if (value < 0 || value > max) throw new WireError('msgpack-range', `integer outside 0..${max}`);
      return value;
    },
    write: (to, value) => to.integer(value),
    isEmpty: (value) => value === 0,
  };
}

/** One byte; see `unsigned`. */
export const u8: Kind<number> = unsigned(0xff);
/** Sixteen bits. */
export const u16: Kind<number> = unsigned(0xffff);
/** Thirty-two bits. */
export const u32: Kind<number> = unsigned(0xffff_ffff);

/** A Lamport time or another u64 kept as a safe integer; above 2^53-1 it is WireError `lamport-too-large`. */
export const u64: Kind<number> = {
  ...u32,
  read: (from) => {
    const value = from.integer(false);
    if (value < 0) throw new WireError('msgpack-range', 'negative value for an unsigned integer');
    if (value > Number.MAX_SAFE_INTEGER) {
      throw new WireError('lamport-too-large', `integer above ${Number.MAX_SAFE_INTEGER}`);
    }
    return value;
  },
};

/** A signed integer; beyond ±2^53 reading gives the nearest double, writing takes safe integers only. */
export const i64: Kind<number> = { ...u32, read: (from) => from.integer(true) };

/** An array; nil reads as empty. `empty` says how Go has it: a slice nobody set (`nil`) or one made empty (`array`). */
export function arrayOf<T>(kind: Kind<T>, empty: 'nil' | 'array' = 'nil'): Kind<readonly T[]> {
  return {
    zero: [],
    read: (from) => {
      const count = from.arrayLength();
      const out: T[] = [];
      for (let i = 0; i < count; i += 1) out.push(kind.read(from));
      return out;
    },
    write: (to, values) => {
      if (values.length === 0 && empty === 'nil') to.nil();
      else to.array(values.length);
      for (const value of values) kind.write(to, value);
    },
    isEmpty: (values) => values.length === 0,
  };
}

/** What a map is written from: a Map, or anything else that goes through its entries as a Map does. */
export interface Entries<T> {
  readonly size: number;
  forEach(visit: (value: T, key: string) => void): void;
}

/** A map with text keys, in insertion order; a repeated key's last value wins. Nil reads as empty, empty is `80`. */
export function mapOf<T>(kind: Kind<T>, keys: Kind<string> = text): Kind<ReadonlyMap<string, T>> {
  return {
    zero: new Map(),
    read: (from) => {
      const out = new Map<string, T>();
      for (let left = from.mapLength(); left > 0; left -= 1) {
        const key = keys.read(from);
        out.set(key, kind.read(from));
      }
      return out;
    },
    write: (to, map) => {
      to.map(map.size);
      map.forEach((value, key) => {
        to.text(key);
        kind.write(to, value);
      });
    },
    isEmpty: (map) => map.size === 0,
  };
}

/** `null` for nil, else `kind`: pointers, and slots of an array that nobody filled. */
export function nullable<T>(kind: Kind<T>): Kind<T | null> {
  return {
    zero: null,
    read: (from) => (from.takeNil() ? null : kind.read(from)),
    write: (to, value) => (value === null ? to.nil() : kind.write(to, value)),
    isEmpty: (value) => value === null,
  };
}

interface Slot {
  readonly property: string;
  readonly key: Uint8Array;
  readonly kind: Kind<unknown>;
  readonly omit: boolean;
}

/**
 * A struct: a map with keys sorted by bytes when written; read from a map in any order (unknown keys skipped, absent
 * ones zero, the last of repeated ones), from an array in declaration order, or from nil (all zero).
 */
export function struct<T extends object>(fields: FieldTable<T>): Kind<T> {
  const table = Object.entries(fields as unknown as Readonly<Record<string, Field<unknown>>>);
  const declared: Slot[] = table.map(([property, [key, kind, omit]]) => ({
    property,
    key: Buffer.from(key),
    kind,
    omit: omit !== undefined,
  }));
  const sorted = declared.toSorted((a, b) => Buffer.compare(a.key, b.key));
  const omits = sorted.some((slot) => slot.omit);
  const zero = Object.fromEntries(declared.map((slot) => [slot.property, slot.kind.zero]));

  return {
    zero: zero as T,
    read: (from) => {
      const out: Record<string, unknown> = { ...zero };
      if (from.isArray()) readArrayForm(from, declared, out);
      else readMapForm(from, sorted, out);
      return out as T;
    },
    write: (to, value) => {
      const source = value as Readonly<Record<string, unknown>>;
      let count = sorted.length;
      if (omits) for (const slot of sorted) if (isOmitted(slot, source)) count -= 1;
      to.map(count);
      for (const slot of sorted) {
        if (slot.omit && isOmitted(slot, source)) continue;
        to.bytes(slot.key);
        slot.kind.write(to, source[slot.property]);
      }
    },
    isEmpty: () => false,
  };
}

function isOmitted(slot: Slot, source: Readonly<Record<string, unknown>>): boolean {
  return slot.omit && slot.kind.isEmpty(source[slot.property]);
}

function readArrayForm(from: Reader, declared: readonly Slot[], out: Record<string, unknown>): void {
  const count = from.arrayLength();
  for (let i = 0; i < count; i += 1) {
    const slot = declared[i];
    if (slot === undefined) from.skip();
    else out[slot.property] = slot.kind.read(from);
  }
}

function readMapForm(from: Reader, sorted: readonly Slot[], out: Record<string, unknown>): void {
  let expected = 0;
  for (let left = from.mapLength(); left > 0; left -= 1) {
    const index = takeKnownKey(from, sorted, expected);
    const slot = sorted[index];
    if (slot === undefined) {
      from.skip();
    } else {
      out[slot.property] = slot.kind.read(from);
      expected = index + 1;
    }
  }
}

/** Consumes a key and returns its slot's index, or -1. Peers sort keys, so the slot after the last one is tried first. */
function takeKnownKey(from: Reader, sorted: readonly Slot[], expected: number): number {
  for (let i = expected; i < sorted.length; i += 1) if (from.takeKey((sorted[i] as Slot).key)) return i;
  const key = from.key();
  return sorted.findIndex((slot) => equalBytes(slot.key, key));
}

/** A value and where it ended. */
export interface Decoded<T> {
  readonly value: T;
  /** Offset of the first byte after the value. */
  readonly end: number;
}

/** Decodes the value at `from`; what follows it is ignored, as peers do. Throws WireError. */
export function decode<T>(kind: Kind<T>, input: Uint8Array, from = 0): T {
  return kind.read(new Reader(input, from));
}

/** Decodes the value at `from` and tells where it ends, for messages with something after their map. Throws WireError. */
export function decodeFirst<T>(kind: Kind<T>, input: Uint8Array, from = 0): Decoded<T> {
  const reader = new Reader(input, from);
  const value = kind.read(reader);
  return { value, end: reader.at };
}

const scratch = new Writer();

/** Whatever `fill` writes, in fresh memory. */
export function encodeWith(fill: (to: Writer) => void): Uint8Array {
  scratch.reset();
  fill(scratch);
  return scratch.result();
}

/** The same for what is sent once and forgotten: it shares its memory with others that are, which spares the allocator. */
export function encodeBriefly(fill: (to: Writer) => void): Uint8Array {
  scratch.reset();
  fill(scratch);
  return scratch.briefResult();
}

/** Encodes `value`, after a type byte if one is given, before `tail` if one is given. Returns fresh memory. */
export function encode<T>(kind: Kind<T>, value: T, typeByte?: number, tail?: Uint8Array): Uint8Array {
  scratch.reset();
  if (typeByte !== undefined) scratch.byte(typeByte);
  kind.write(scratch, value);
  if (tail !== undefined) scratch.raw(tail);
  return scratch.result();
}
