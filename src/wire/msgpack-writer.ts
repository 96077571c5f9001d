import { assert } from '../base/assert.ts';
import { bytesOfText, copyBytes } from '../base/bytes.ts';

const FIRST_CAPACITY = 65_536;
/** A bigger buffer than this is given back after the message that needed it. */
const KEPT_CAPACITY = 1_048_576;
/** Up to here a loop beats making a view of a part. */
const SHORT_RAW = 128;
const PAGE_BYTES = 8_192;
const WORD = 0x1_0000_0000;

/**
 * Writes the legacy dialect of the gossip port: text and bytes alike as raw, never str8 or bin, and integers in their
 * shortest unsigned form when they are not negative (memberlist.md 1.3).
 */
export class Writer {
  #buffer = Buffer.allocUnsafe(FIRST_CAPACITY);
  #at = 0;
  /** What brief results share. */
  #page = new Uint8Array(0);
  #pageAt = PAGE_BYTES;

  /** Starts over with nothing written. */
  reset(): void {
    this.#at = 0;
    if (this.#buffer.length > KEPT_CAPACITY) this.#buffer = Buffer.allocUnsafe(FIRST_CAPACITY);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#at;
  }

  /** A copy of everything written. */
  result(): Uint8Array {
    return copyBytes(this.#buffer, 0, this.#at);
  }

  /**
   * A copy of everything written, side by side with other such copies: as long as one is kept, so is the memory of all of
   * a page. For what is gone at once.
   */
  briefResult(): Uint8Array {
    const length = this.#at;
    if (length > PAGE_BYTES / 8) return this.result();
    if (this.#pageAt + length > PAGE_BYTES) {
      this.#page = new Uint8Array(PAGE_BYTES);
      this.#pageAt = 0;
    }
    const out = this.#page.subarray(this.#pageAt, this.#pageAt + length);
    this.#pageAt += length;
    const buffer = this.#buffer;
    for (let i = 0; i < length; i += 1) out[i] = buffer[i] as number;
    return out;
  }

  /** One byte as it is. */
  byte(value: number): void {
    this.#room(1);
    this.#buffer[this.#at++] = value;
  }

  /** `bytes[from, to)` as they are, without a header. */
  raw(bytes: Uint8Array, from = 0, to = bytes.length): void {
    const length = to - from;
    this.#room(length);
    const buffer = this.#buffer;
    const at = this.#at;
    if (length > SHORT_RAW) buffer.set(length === bytes.length ? bytes : bytes.subarray(from, to), at);
    else for (let i = 0; i < length; i += 1) buffer[at + i] = bytes[from + i] as number;
    this.#at = at + length;
  }

  /** The value of absent things. */
  nil(): void {
    this.byte(0xc0);
  }

  /** One byte for either. */
  boolean(value: boolean): void {
    this.byte(value ? 0xc3 : 0xc2);
  }

  /** A safe integer. */
  integer(value: number): void {
    if (!Number.isSafeInteger(value)) assert(false, `${value} is not an integer the wire can carry`);
    if (value >= -0x20 && value < 0x80) {
      this.byte(value & 0xff);
      return;
    }
    this.#room(9);
    const at = this.#at;
    const buffer = this.#buffer;
    const negative = value < 0;
    const size = negative ? negativeSize(value) : positiveSize(value);
    buffer[at] = (negative ? 0xd0 : 0xcc) + 31 - Math.clz32(size);
    if (size === 8) {
      buffer.writeUInt32BE(Math.floor(value / WORD) >>> 0, at + 1);
      buffer.writeUInt32BE(value >>> 0, at + 5);
    } else if (negative) {
      buffer.writeIntBE(value, at + 1, size);
    } else {
      buffer.writeUIntBE(value, at + 1, size);
    }
    this.#at = at + 1 + size;
  }

  /** Always eight bytes, as Go writes a float64. */
  float(value: number): void {
    this.#room(9);
    this.#buffer[this.#at] = 0xcb;
    this.#buffer.writeDoubleBE(value, this.#at + 1);
    this.#at += 9;
  }

  /** Text made by `textOfBytes` or by us. */
  text(value: string): void {
    const length = value.length;
    if (length < 32) {
      this.#room(length + 1);
      const buffer = this.#buffer;
      const at = this.#at + 1;
      let i = 0;
      for (; i < length; i += 1) {
        const unit = value.charCodeAt(i);
        if (unit >= 0x80) break;
        buffer[at + i] = unit;
      }
      if (i === length) {
        buffer[at - 1] = 0xa0 + length;
        this.#at = at + length;
        return;
      }
    }
    this.bytes(bytesOfText(value));
  }

  /** Bytes with a raw header. */
  bytes(value: Uint8Array): void {
    this.#header(value.length, 0xa0, 32, 0xda);
    this.raw(value);
  }

  /** The header of an array; `count` values follow. */
  array(count: number): void {
    this.#header(count, 0x90, 16, 0xdc);
  }

  /** The header of a map; `count` keys follow, each with its value. */
  map(count: number): void {
    this.#header(count, 0x80, 16, 0xde);
  }

  /** The header family `fix…` (below `fixLimit`), then `wide` with 16 bits, then `wide + 1` with 32 bits. */
  #header(count: number, fix: number, fixLimit: number, wide: number): void {
    this.#room(5);
    if (count < fixLimit) {
      this.#buffer[this.#at++] = fix + count;
    } else if (count < 0x1_0000) {
      this.#buffer[this.#at] = wide;
      this.#at = this.#buffer.writeUInt16BE(count, this.#at + 1);
    } else {
      this.#buffer[this.#at] = wide + 1;
      this.#at = this.#buffer.writeUInt32BE(count, this.#at + 1);
    }
  }

  #room(length: number): void {
    const needed = this.#at + length;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length));
    grown.set(this.#buffer.subarray(0, this.#at));
    this.#buffer = grown;
  }
}

function positiveSize(value: number): number {
  return value <= 0xff ? 1 : value <= 0xffff ? 2 : value < WORD ? 4 : 8;
}

function negativeSize(value: number): number {
  return value >= -0x80 ? 1 : value >= -0x8000 ? 2 : value >= -0x8000_0000 ? 4 : 8;
}
