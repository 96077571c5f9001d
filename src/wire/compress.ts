import { WireError } from '../base/errors.ts';
import { lzwDecode, lzwEncode } from './lzw.ts';
import { MessageType } from './message-type.ts';
import { bytes, decode, struct, u8 } from './msgpack.ts';

/** The compress message: another message inside LZW (memberlist.md 1.6). */

/** Decompressed bytes one datagram may unfold to; far above what any peer packs. */
export const MAX_PACKET_PLAINTEXT = 1024 * 1024;
/** Decompressed bytes one stream may unfold to; memberlist's own limit. */
export const MAX_STREAM_PLAINTEXT = 40 * 1024 * 1024;

const LZW_ALGORITHM = 0;

interface Compressed {
  readonly algo: number;
  readonly buf: Uint8Array;
}

const compressedKind = struct<Compressed>({ algo: ['Algo', u8], buf: ['Buf', bytes] });

/** Everything before the raw header of `Buf`: type byte, map of two, Algo 0, the key Buf. */
const PREFIX = Buffer.concat([
  Buffer.from([MessageType.compress, 0x82, 0xa4]),
  Buffer.from('Algo\0\xa3Buf', 'latin1'),
]);
/** Room kept for the raw header, whose length depends on the output. */
const MAX_RAW_HEADER_BYTES = 5;
const HEAD_ROOM = PREFIX.length + MAX_RAW_HEADER_BYTES;

/** The compress message holding `message`, or undefined when it is not shorter than `limit` bytes. */
export function compressMessage(
  message: Uint8Array,
  limit = Number.POSITIVE_INFINITY,
): Uint8Array | undefined {
  // The shortest raw header is one byte, so output that fills the rest of the room can no longer be short enough.
  const out = lzwEncode(message, limit + MAX_RAW_HEADER_BYTES - 1, HEAD_ROOM);
  if (out === undefined) return undefined;
  const length = out.length - HEAD_ROOM;
  const header = length < 32 ? 1 : length < 0x1_0000 ? 3 : 5;
  const start = MAX_RAW_HEADER_BYTES - header;
  if (out.length - start >= limit) return undefined;
  out.set(PREFIX, start);
  const at = HEAD_ROOM - header;
  if (header === 1) {
    out[at] = 0xa0 + length;
  } else {
    out[at] = header === 3 ? 0xda : 0xdb;
    for (let i = 1; i < header; i += 1) out[at + i] = length >>> (8 * (header - 1 - i));
  }
  return out.subarray(start);
}

/**
 * The message inside the body (after the type byte) of a compress message. WireErrors: `compress-algorithm`,
 * `compress-empty`, `compress-truncated`, `compress-code`, `compress-too-large` beyond `cap` bytes.
 */
export function decompressMessage(body: Uint8Array, cap: number): Uint8Array {
  const { algo, buf } = decode(compressedKind, body);
  if (algo !== LZW_ALGORITHM) {
    throw new WireError('compress-algorithm', `cannot decompress unknown algorithm ${algo}`);
  }
  const message = lzwDecode(buf, cap);
  if (message.length === 0) throw new WireError('compress-empty', 'decompressed message is empty');
  return message;
}
