import { WireError } from '../base/errors.ts';

/** Containers inside containers one value may have; go-msgpack refuses the same depth. */
export const MAX_DEPTH = 1024;

/**
 * Finds where a msgpack value ends, without decoding it and without starting again when more bytes arrive: over any
 * number of chunks the work is proportional to the bytes. Throws WireError `msgpack-depth` or `msgpack-type` (0xc1).
 */
export class ValueScan {
  #at: number;
  /** Values still owed to each open container, outermost first. */
  readonly #owed: number[];

  /** @param from offset of the first byte @param count how many values in a row to pass */
  constructor(from: number, count = 1) {
    this.#at = from;
    this.#owed = [count];
  }

  /** Where the scan stands; the end once `advance` returned true. May lie beyond the bytes seen so far. */
  get at(): number {
    return this.#at;
  }

  /** Goes on over `bytes`, of which the first `length` are valid. True once the whole value is there. */
  advance(bytes: Uint8Array, length: number): boolean {
    const owed = this.#owed;
    while (owed.length > 0) {
      const top = owed.length - 1;
      if (owed[top] === 0) {
        owed.pop();
        continue;
      }
      const at = this.#at;
      if (at >= length) return false;
      const head = bytes[at] as number;
      const fixed = HEADER_BYTES[head] as number;
      if (at + fixed > length) return false;
      owed[top] = (owed[top] as number) - 1;
      this.#at = at + fixed + payloadBytes(bytes, at, head);
      const inner = innerValues(bytes, at, head);
      if (inner > 0) {
        if (owed.length > MAX_DEPTH) throw new WireError('msgpack-depth', `more than ${MAX_DEPTH} levels`);
        owed.push(inner);
      }
    }
    return this.#at <= length;
  }
}

/** Bytes of each value's head, by its first byte: everything but the content of text, bytes and extensions. */
const HEADER_BYTES = (() => {
  const table = new Uint8Array(256).fill(1);
  const sizes: Readonly<Record<number, readonly number[]>> = {
    2: [0xc4, 0xcc, 0xd0, 0xd9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8],
    3: [0xc5, 0xc7, 0xcd, 0xd1, 0xda, 0xdc, 0xde],
    4: [0xc8],
    5: [0xc6, 0xca, 0xce, 0xd2, 0xdb, 0xdd, 0xdf],
    6: [0xc9],
    9: [0xcb, 0xcf, 0xd3],
  };
  for (const [size, heads] of Object.entries(sizes)) for (const head of heads) table[head] = Number(size);
  return table;
})();

function payloadBytes(bytes: Uint8Array, at: number, head: number): number {
  if (head < 0xa0 || head >= 0xe0) return 0;
  if (head <= 0xbf) return head & 0x1f;
  switch (head) {
    case 0xc1:
      throw new WireError('msgpack-type', 'reserved byte 0xc1');
    case 0xc4:
    case 0xc7:
    case 0xd9:
      return bytes[at + 1] as number;
    case 0xc5:
    case 0xc8:
    case 0xda:
      return u16(bytes, at + 1);
    case 0xc6:
    case 0xc9:
    case 0xdb:
      return u32(bytes, at + 1);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return 1 << (head - 0xd4);
    default:
      return 0;
  }
}

function innerValues(bytes: Uint8Array, at: number, head: number): number {
  if (head >= 0x80 && head <= 0x8f) return 2 * (head & 0x0f);
  if (head >= 0x90 && head <= 0x9f) return head & 0x0f;
  switch (head) {
    case 0xdc:
      return u16(bytes, at + 1);
    case 0xdd:
      return u32(bytes, at + 1);
    case 0xde:
      return 2 * u16(bytes, at + 1);
    case 0xdf:
      return 2 * u32(bytes, at + 1);
    default:
      return 0;
  }
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function u32(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 0x1_0000 + u16(bytes, at + 2);
}
