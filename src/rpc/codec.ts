import { isUtf8 } from 'node:buffer';
import { addExtension, Packr } from 'msgpackr/pack';
import { Unpackr } from 'msgpackr/unpack';
import { bytesOfText } from '../base/bytes.ts';
import { messageOf, WireError } from '../base/errors.ts';
import type { WireStruct, WireValue } from './protocol.ts';
import type { TextSpan } from './scan.ts';

/** Values ⇄ bytes of the RPC dialect through msgpackr, and the three things msgpackr cannot express by itself. */

/** msgpack that is already made: written as it is. */
export class Encoded {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

type Allocate = (size: number) => { readonly target: Uint8Array; readonly position: number };

/** msgpackr wants a number for a class it does not know; nothing with this number is ever written. */
const UNWRITTEN_EXTENSION_TYPE = 0x7e;

/** The second argument is how msgpackr's own extensions reserve room and write without an extension header. */
function writeEncoded(value: Encoded, allocate: Allocate): void {
  const { target, position } = allocate(value.bytes.length);
  target.set(value.bytes, position);
}

addExtension({
  Class: Encoded,
  type: UNWRITTEN_EXTENSION_TYPE,
  pack: writeEncoded as unknown as (value: Encoded) => Uint8Array,
});

const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false, copyBuffers: true });

/** A header and its body, if any, as one frame. */
export function encodeFrame(header: WireStruct, body?: WireValue): Uint8Array {
  const head = packr.pack(header);
  return body === undefined ? head : Buffer.concat([head, packr.pack(body)]);
}

const MAX_UINT32 = 0xffff_ffff;

/** An integer in the shortest form, as Go writes it: msgpackr takes numbers above 32 bits for floats, bigints for signed. */
export function wireInteger(value: number | bigint): WireValue {
  if (value >= -0x8000_0000 && value <= MAX_UINT32) return Number(value);
  const big = BigInt(value);
  if (big < 0n) return big;
  const bytes = Buffer.allocUnsafe(9);
  bytes[0] = 0xcf;
  bytes.writeBigUInt64BE(big, 1);
  return new Encoded(bytes);
}

/** A float64 that stays one, also when it has no fraction. */
export function wireFloat(value: number): WireValue {
  const bytes = Buffer.allocUnsafe(9);
  bytes[0] = 0xcb;
  bytes.writeDoubleBE(value, 1);
  return new Encoded(bytes);
}

/** Lone surrogates only: with the `u` flag a pair never matches. */
const NOT_UTF8 = /[\udc80-\udcff]/u;

/** Text as it came from a peer: bytes that are not UTF-8 (base/bytes.ts) are written unchanged. */
export function wireText(text: string): WireValue {
  if (!NOT_UTF8.test(text)) return text;
  const content = bytesOfText(text);
  return new Encoded(Buffer.concat([lengthHeader(0xd9, content.length), content]));
}

/** A payload in a record: empty is nil, as agents that cannot tell them apart send it. */
export function wirePayload(payload: Uint8Array | null): WireValue {
  return payload === null || payload.length === 0 ? null : payload;
}

/** A Go map of texts. */
export function wireTextMap(map: ReadonlyMap<string, string>): WireValue {
  return new Map([...map].map(([key, value]) => [wireText(key), wireText(value)]));
}

/** The 8-, 16- or 32-bit header of a family whose first token is `token` (0xc4 bytes, 0xd9 text). */
function lengthHeader(token: number, length: number): Uint8Array {
  if (length <= 0xff) return Uint8Array.of(token, length);
  if (length <= 0xffff) return Uint8Array.of(token + 1, length >> 8, length & 0xff);
  const header = Buffer.allocUnsafe(5);
  header[0] = token + 2;
  header.writeUInt32BE(length, 1);
  return header;
}

/**
 * Decodes one scanned value: maps become `Map`, 64-bit integers bigint. A text that is not UTF-8 comes back as its
 * bytes, because msgpackr would guess; `fields.ts` takes either for a text.
 */
export function decodeValue(bytes: Uint8Array, texts: readonly TextSpan[]): unknown {
  const raw = texts.filter((span) => !isUtf8(bytes.subarray(span.content, span.content + span.length)));
  const sound = raw.length === 0 ? bytes : textsAsBytes(bytes, raw);
  try {
    // A plain view, so that bytes come back as plain arrays whatever they arrived in.
    return unpackr.unpack(new Uint8Array(sound.buffer, sound.byteOffset, sound.byteLength));
  } catch (error) {
    throw new WireError('ERR_RPC_FRAME', `malformed frame: ${messageOf(error)}`);
  }
}

function textsAsBytes(bytes: Uint8Array, spans: readonly TextSpan[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const span of spans) {
    parts.push(bytes.subarray(at, span.token), lengthHeader(0xc4, span.length));
    at = span.content;
  }
  parts.push(bytes.subarray(at));
  return Buffer.concat(parts);
}
