import { assert } from '../base/assert.ts';
import { WireError } from '../base/errors.ts';
import { MessageType } from './message-type.ts';

/** Many messages in one datagram (memberlist.md 1.5). */

/** Parts we put in one compound: memberlist before 0.2.4 misreads 128 and more. */
export const MAX_COMPOUND_PARTS = 127;
/** Bytes a compound costs besides its parts: type byte and count. */
export const COMPOUND_HEADER_BYTES = 2;
/** Bytes each part costs besides itself: its length. */
export const COMPOUND_PART_BYTES = 2;

const MAX_PART_BYTES = 0xffff;

/** The parts of a received compound, as views; `truncated` of them were cut off and are missing. */
export interface Compound {
  readonly parts: readonly Uint8Array[];
  readonly truncated: number;
}

/** A compound of at most MAX_COMPOUND_PARTS messages, type byte included. */
export function encodeCompound(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length > MAX_COMPOUND_PARTS) assert(false, `compound of ${parts.length} parts`);
  let size = COMPOUND_HEADER_BYTES;
  for (const part of parts) size += COMPOUND_PART_BYTES + part.length;
  const out = new Uint8Array(size);
  out[0] = MessageType.compound;
  out[1] = parts.length;
  let lengthAt = COMPOUND_HEADER_BYTES;
  let at = COMPOUND_HEADER_BYTES + COMPOUND_PART_BYTES * parts.length;
  for (const part of parts) {
    if (part.length > MAX_PART_BYTES) assert(false, `compound part of ${part.length} bytes`);
    out[lengthAt] = part.length >>> 8;
    out[lengthAt + 1] = part.length;
    lengthAt += COMPOUND_PART_BYTES;
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * Splits the body after the type byte. A part longer than what remains ends the list; those before it count. Empty
 * parts are kept, bytes after the last part ignored. WireError `compound-truncated` when even the lengths are cut.
 */
export function decodeCompound(body: Uint8Array): Compound {
  const count = body[0];
  if (count === undefined) throw new WireError('compound-truncated', 'missing compound length byte');
  let at = 1 + COMPOUND_PART_BYTES * count;
  if (body.length < at) throw new WireError('compound-truncated', 'truncated len slice');
  const parts: Uint8Array[] = [];
  for (let i = 0; i < count; i += 1) {
    const lengthAt = 1 + COMPOUND_PART_BYTES * i;
    const end = at + (((body[lengthAt] as number) << 8) | (body[lengthAt + 1] as number));
    if (end > body.length) return { parts, truncated: count - i };
    parts.push(body.subarray(at, end));
    at = end;
  }
  return { parts, truncated: 0 };
}
