import { textOfBytes } from '../base/bytes.ts';
import { WireError } from '../base/errors.ts';

/**
 * Typed reading of decoded msgpack. An absent or nil field is its zero value and unknown fields are never looked at, as
 * Go does; anything of another type is a WireError (`ERR_RPC_FIELD`) that names the field.
 */
export type Fields = ReadonlyMap<unknown, unknown>;

export const NO_FIELDS: Fields = new Map();

/** The struct in `value`; nil is one without fields, and so is an empty array: in PHP or Lua an empty map is one. */
export function fieldsOf(value: unknown, what: string): Fields {
  if (value === null || value === undefined) return NO_FIELDS;
  if (Array.isArray(value) && value.length === 0) return NO_FIELDS;
  if (value instanceof Map) return value;
  throw mistyped(what, 'a map', value);
}

/** Text; msgpack's bytes are taken too, and bytes that are not UTF-8 survive (base/bytes.ts). */
export function textField(fields: Fields, name: string): string {
  return textOf(fields.get(name) ?? '', name);
}

/**
 * Bytes; msgpack's text and arrays of integers 0..255 are taken too. Empty, also of another family, is null: older
 * agents do not tell them apart (agent.md 3.4).
 */
export function bytesField(fields: Fields, name: string): Uint8Array | null {
  const value = fields.get(name) ?? null;
  if (value === null || value === '') return null;
  if (value instanceof Map && value.size === 0) return null;
  if (value instanceof Uint8Array) return value.length === 0 ? null : value;
  if (typeof value === 'string') return new TextEncoder().encode(value);
  if (Array.isArray(value) && value.every(isByte)) return value.length === 0 ? null : Uint8Array.from(value);
  throw mistyped(name, 'bytes', value);
}

/** A boolean, or the integers 0 and 1, which agents of every version take for one. */
export function boolField(fields: Fields, name: string): boolean {
  const value = fields.get(name) ?? false;
  if (typeof value === 'boolean') return value;
  if (value === 0 || value === 1) return value === 1;
  throw mistyped(name, 'a boolean', value);
}

/** A float64; integers are taken too. */
export function floatField(fields: Fields, name: string): number {
  const value = fields.get(name) ?? 0;
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  throw mistyped(name, 'a number', value);
}

/**
 * An integer of any width within `min` and `max`, both safe integers. A float without fraction is taken too: clients in
 * JavaScript send large integers so.
 */
export function integerField(fields: Fields, name: string, min: number, max: number): number {
  return Number(bigField(fields, name, BigInt(min), BigInt(max)));
}

export function uint64Field(fields: Fields, name: string): bigint {
  return bigField(fields, name, 0n, 0xffff_ffff_ffff_ffffn);
}

export function int64Field(fields: Fields, name: string): bigint {
  return bigField(fields, name, -0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn);
}

/** A Lamport time or id: beyond 2^53 - 1 nothing legitimate counts. */
export function counterField(fields: Fields, name: string): number {
  return integerField(fields, name, 0, Number.MAX_SAFE_INTEGER);
}

/** A list; an empty map is one without items, as an empty array is a map without fields. */
export function listField(fields: Fields, name: string): readonly unknown[] {
  const value = fields.get(name) ?? [];
  if (Array.isArray(value)) return value;
  if (value instanceof Map && value.size === 0) return [];
  throw mistyped(name, 'an array', value);
}

export function textsField(fields: Fields, name: string): readonly string[] {
  return listField(fields, name).map((item) => textOf(item ?? '', name));
}

export function structField(fields: Fields, name: string): Fields {
  return fieldsOf(fields.get(name), name);
}

export function textMapField(fields: Fields, name: string): ReadonlyMap<string, string> {
  return textMapOf(fields.get(name), name);
}

/** A Go map of texts. */
export function textMapOf(value: unknown, what: string): ReadonlyMap<string, string> {
  const out = new Map<string, string>();
  for (const [key, item] of fieldsOf(value, what)) out.set(textOf(key, what), textOf(item ?? '', what));
  return out;
}

/** A text anywhere in a body. */
export function textOf(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return textOfBytes(value);
  throw mistyped(what, 'text', value);
}

function isByte(item: unknown): item is number {
  return typeof item === 'number' && Number.isInteger(item) && item >= 0 && item <= 0xff;
}

function bigField(fields: Fields, name: string, min: bigint, max: bigint): bigint {
  const value = fields.get(name) ?? 0;
  if (typeof value !== 'bigint' && !Number.isInteger(value)) throw mistyped(name, 'an integer', value);
  const big = BigInt(value as number | bigint);
  if (big < min || big > max) {
    throw new WireError('ERR_RPC_FIELD', `${name} must be within ${min} and ${max}, got ${big}`);
  }
  return big;
}

function mistyped(what: string, wanted: string, got: unknown): WireError {
  return new WireError('ERR_RPC_FIELD', `${what} must be ${wanted}, got ${kindOf(got)}`);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nil';
  if (value instanceof Uint8Array) return 'bytes';
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Map) return 'a map';
  return typeof value === 'string' ? 'text' : `a ${typeof value}`;
}
