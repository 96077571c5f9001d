import { WireError } from '../base/errors.ts';

/**
 * LZW as Go's compress/lzw has it: least significant bit first, eight-bit literals, no early change
 * (memberlist.md 1.6). The encoder's output equals Go's bit for bit.
 */

const CLEAR = 256;
const END = 257;
const FIRST_WIDTH = 9;
const MAX_WIDTH = 12;
const MAX_CODE = (1 << MAX_WIDTH) - 1;
const TABLE_CODES = 1 << MAX_WIDTH;
const NONE = -1;

/**
 * The text of a code is that of another and one byte more. Most codes are only ever continued by one byte: that one is
 * kept beside the code as `byte << 12 | longer code`, 0 for none yet, and found without a search.
 */
const firstChild = new Int32Array(TABLE_CODES);

/** Further bytes a code is continued by. Twice the codes there can be, so that searches stay short; a power of two. */
const HASH_SLOTS = 8192;
const SLOT_MASK = HASH_SLOTS - 1;
const HASH_FACTOR = 0x9e37_79b1;
const HASH_SHIFT = 19;
/** `code << 20 | byte << 12 | longer code`; 0 is empty, since no longer code is 0. */
const otherChildren = new Int32Array(HASH_SLOTS);
const BYTE_SHIFT = MAX_WIDTH;
/** The slots that are taken, so that a short message costs no long clearing. */
const taken = new Uint16Array(TABLE_CODES);
let takenCount = 0;

/** Forgets every text but the single bytes; a code's own children are forgotten when it is given anew. */
function clearTexts(): void {
  firstChild.fill(0, 0, CLEAR);
  for (let i = 0; i < takenCount; i += 1) otherChildren[taken[i] as number] = 0;
  takenCount = 0;
}

/** One code of at most 12 bits per byte, a clear per 3838 codes, the first clear and the end. */
function longestOutput(length: number): number {
  return Math.ceil(((length + Math.floor(length / 3838) + 4) * MAX_WIDTH) / 8);
}

/** The slot of a code and the byte after it, or the free one where they belong. */
function slotOf(key: number): number {
  let slot = Math.imul(key, HASH_FACTOR) >>> HASH_SHIFT;
  for (;;) {
    const found = otherChildren[slot] as number;
    if (found === 0 || found >>> BYTE_SHIFT === key) return slot;
    slot = (slot + 1) & SLOT_MASK;
  }
}

/** Pairs of neighbouring bytes, as far as the slots tell them apart; a pair was seen in this input if its stamp is there. */
const PAIR_SLOTS = 4096;
const PAIR_SHIFT = 20;
const MAX_STAMP = 0xffff;
const pairStamps = new Uint16Array(PAIR_SLOTS);
let stamp = 0;

/**
 * True when the output surely takes `bytes` or more, found out in a fraction of the time that making it takes. The text of a
 * code has been in the input before it, so where a pair of bytes stands for the first time, one code ends and another begins:
 * there are more codes than different pairs, and the first clear and the end, of nine bits or more each.
 */
function surelyTakes(input: Uint8Array, bytes: number): boolean {
  const { length } = input;
  const enough = Math.floor(((bytes - 1) * 8) / FIRST_WIDTH) - 2;
  let repeats = length - 1 - enough;
  if (repeats < 0) return false;
  if (stamp === MAX_STAMP) {
    pairStamps.fill(0);
    stamp = 0;
  }
  stamp += 1;
  let pairs = 0;
  let last = input[0] as number;
  for (let i = 1; i < length; i += 1) {
    const next = input[i] as number;
    const slot = Math.imul((last << 8) | next, HASH_FACTOR) >>> PAIR_SHIFT;
    last = next;
    if (pairStamps[slot] !== stamp) {
      pairStamps[slot] = stamp;
      pairs += 1;
      if (pairs >= enough) return true;
    } else {
      repeats -= 1;
      if (repeats < 0) return false;
    }
  }
  return false;
}

/** Where output is made before it is copied out at its right length; never handed out. */
let scratch = new Uint8Array(65_536);
/** A bigger workspace than this is not kept. */
const KEPT_BYTES = 1_048_576;

function workspace(size: number): Uint8Array<ArrayBuffer> {
  if (size <= scratch.length) return scratch;
  const bigger = new Uint8Array(size);
  if (size <= KEPT_BYTES) scratch = bigger;
  return bigger;
}

/**
 * Compresses `input` behind `prefixBytes` left free for a header. Undefined as soon as the whole would reach `limit`
 * bytes, which makes trying cheap for data that does not shrink.
 */
export function lzwEncode(
  input: Uint8Array,
  limit = Number.POSITIVE_INFINITY,
  prefixBytes = 0,
): Uint8Array | undefined {
  if (limit < Number.POSITIVE_INFINITY && surelyTakes(input, limit - prefixBytes)) return undefined;
  return encodeWithin(input, limit, prefixBytes);
}

function encodeWithin(input: Uint8Array, limit: number, prefixBytes: number): Uint8Array | undefined {
  const { length } = input;
  const out = workspace(Math.min(prefixBytes + longestOutput(length), limit + 2 * MAX_WIDTH));
  let at = prefixBytes;
  let bits = CLEAR;
  let bitCount = FIRST_WIDTH;
  let hi = END;
  let width = FIRST_WIDTH;
  let overflow = 1 << FIRST_WIDTH;
  clearTexts();
  let code = length === 0 ? END : (input[0] as number);

  for (let i = 1; i <= length; i += 1) {
    const next = i < length ? (input[i] as number) : NONE;
    let slot = NONE;
    const first = firstChild[code] as number;
    if (first >>> BYTE_SHIFT === next && first !== 0) {
      code = first & MAX_CODE;
      continue;
    }
    if (first !== 0 && next !== NONE) {
      slot = slotOf((code << 8) | next);
      const found = otherChildren[slot] as number;
      if (found !== 0) {
        code = found & MAX_CODE;
        continue;
      }
    }
    bits |= code << bitCount;
    bitCount += width;
    while (bitCount >= 8) {
      out[at++] = bits;
      bits >>>= 8;
      bitCount -= 8;
    }
    if (at >= limit) return undefined;
    hi += 1;
    if (hi === overflow) {
      width += 1;
      overflow *= 2;
    }
    if (hi === MAX_CODE) {
      bits |= CLEAR << bitCount;
      bitCount += MAX_WIDTH;
      hi = END;
      width = FIRST_WIDTH;
      overflow = 1 << FIRST_WIDTH;
      clearTexts();
    } else if (slot === NONE) {
      firstChild[code] = (next << BYTE_SHIFT) | hi;
      firstChild[hi] = 0;
    } else {
      otherChildren[slot] = (((code << 8) | next) << BYTE_SHIFT) | hi;
      firstChild[hi] = 0;
      taken[takenCount++] = slot;
    }
    code = next;
  }
  bits |= END << bitCount;
  bitCount += width;
  for (; bitCount > 0; bitCount -= 8) {
    out[at++] = bits;
    bits >>>= 8;
  }
  return at >= limit ? undefined : out.slice(0, at);
}

/** Where in the output the text of a code stands, and how long it is; a literal's length alone. */
const starts = new Int32Array(TABLE_CODES);
const lengths = new Uint16Array(TABLE_CODES).fill(1);
/** Longer texts are copied by the engine. */
const SHORT_TEXT = 40;

/**
 * Decompresses `input` up to `cap` bytes of output. WireErrors: `compress-truncated` (no end code), `compress-code`
 * (a code not yet defined), `compress-too-large` (found while decoding, before more is allocated).
 */
export function lzwDecode(input: Uint8Array, cap: number): Uint8Array {
  let out = workspace(Math.min(cap, 64 + 4 * input.length));
  let room = Math.min(cap, out.length);
  let size = 0;
  let at = 0;
  let bits = 0;
  let bitCount = 0;
  let hi = END;
  let width = FIRST_WIDTH;
  let overflow = 1 << FIRST_WIDTH;
  let last = NONE;

  for (;;) {
    while (bitCount < width) {
      if (at === input.length) throw new WireError('compress-truncated', 'unexpected EOF');
      bits |= (input[at++] as number) << bitCount;
      bitCount += 8;
    }
    const code = bits & ((1 << width) - 1);
    bits >>>= width;
    bitCount -= width;

    if (code === END) return out.slice(0, size);
    if (code === CLEAR) {
      hi = END;
      width = FIRST_WIDTH;
      overflow = 1 << FIRST_WIDTH;
      last = NONE;
      continue;
    }
    if (code > hi && code > END) throw new WireError('compress-code', 'lzw: invalid code');

    // The new code is the last text and one byte more, which is the first of what follows: all of it is in the output.
    if (last !== NONE) {
      const lastLength = last < CLEAR ? 1 : (lengths[last] as number);
      starts[hi] = size - lastLength;
      lengths[hi] = lastLength + 1;
    }
    const length = code < CLEAR ? 1 : (lengths[code] as number);
    if (size + length > room) {
      out = grown(out, size, size + length, cap);
      room = Math.min(cap, out.length);
    }
    if (code < CLEAR) out[size] = code;
    else copyText(out, starts[code] as number, size, length);
    size += length;
    last = code;
    hi += 1;
    if (hi >= overflow) {
      if (width === MAX_WIDTH) {
        last = NONE;
        hi -= 1;
      } else {
        width += 1;
        overflow = 1 << width;
      }
    }
  }
}

/** Repeats earlier output. A text that ends where it is copied to is written as it is read, byte by byte. */
function copyText(out: Uint8Array, from: number, to: number, length: number): void {
  if (length > SHORT_TEXT && from + length <= to) out.copyWithin(to, from, from + length);
  else for (let i = 0; i < length; i += 1) out[to + i] = out[from + i] as number;
}

function grown(out: Uint8Array, size: number, needed: number, cap: number): Uint8Array<ArrayBuffer> {
  if (needed > cap)
    throw new WireError('compress-too-large', `decompressed data is larger than limit (${cap})`);
  const bigger = workspace(Math.min(cap, Math.max(needed, 2 * out.length)));
  bigger.set(out.subarray(0, size));
  return bigger;
}
