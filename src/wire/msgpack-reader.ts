import { asBuffer, copyBytes, textOfBytes } from '../base/bytes.ts';
import { WireError } from '../base/errors.ts';
import { ValueScan } from './scan.ts';

/** Array elements and map entries one decoded value may hold in all; keeps tiny elements from growing into big objects. */
export const MAX_DECODED_ITEMS = 1_048_576;

const NIL = 0xc0;
const WORD = 0x1_0000_0000;
const SIGN_BIT = 0x8000_0000;

/** Shorthand for the codec's own failures. */
function fail(code: string, message: string): never {
  throw new WireError(code, message);
}

/** Text that is already at hand for `bytes[from, to)`, or undefined. */
export type KnownText = (bytes: Uint8Array, from: number, to: number) => string | undefined;

/**
 * A cursor over the msgpack of the gossip port. It accepts everything memberlist.md 1.4 says a receiver must: text and
 * bytes in either family, every integer width, nil for anything. Input is borrowed; what is returned is copied.
 *
 * Errors are WireErrors: `msgpack-truncated`, `msgpack-type` (another kind of value), `msgpack-range` (does not fit the
 * field), `msgpack-items` (more elements than MAX_DECODED_ITEMS), `msgpack-depth`.
 */
export class Reader {
  readonly #bytes: Buffer;
  #at: number;
  #items = 0;

  /** @param from where the first value starts */
  constructor(bytes: Uint8Array, from = 0) {
    this.#bytes = asBuffer(bytes);
    this.#at = from;
  }

  /** What is read, borrowed; offsets count from its start. */
  get input(): Uint8Array {
    return this.#bytes;
  }

  /** Offset of the next unread byte. */
  get at(): number {
    return this.#at;
  }

  /** Goes on at an offset; what lies between is somebody else's to have read. */
  moveTo(at: number): void {
    this.#at = at;
  }

  /** Consumes a nil if one is next. */
  takeNil(): boolean {
    if (this.#bytes[this.#at] !== NIL) return false;
    this.#at += 1;
    return true;
  }

  /**
   * Any integer. Beyond ±2^53 the nearest double is returned.
   * @param signed read a 64-bit unsigned form above 2^63-1 as Go's signed fields do: negative
   */
  integer(signed: boolean): number {
    const head = this.#head();
    if (head < 0x80) return head;
    if (head >= 0xe0) return head - 0x100;
    const at = this.#at;
    const bytes = this.#bytes;
    switch (head) {
      case NIL:
        return 0;
      case 0xcc:
        this.#take(1);
        return bytes[at] as number;
      case 0xcd:
        this.#take(2);
        return bytes.readUInt16BE(at);
      case 0xce:
        this.#take(4);
        return bytes.readUInt32BE(at);
      case 0xcf:
      case 0xd3: {
        this.#take(8);
        const high = bytes.readUInt32BE(at);
        const negative = (head === 0xd3 || signed) && high >= SIGN_BIT;
        return (negative ? high - WORD : high) * WORD + bytes.readUInt32BE(at + 4);
      }
      case 0xd0:
        this.#take(1);
        return bytes.readInt8(at);
      case 0xd1:
        this.#take(2);
        return bytes.readInt16BE(at);
      case 0xd2:
        this.#take(4);
        return bytes.readInt32BE(at);
      default:
        return this.#wrongType('an integer', head);
    }
  }

  /** A float in either width, or any integer. */
  float(): number {
    const head = this.#bytes[this.#at];
    if (head !== 0xca && head !== 0xcb) return this.integer(true);
    this.#at += 1;
    const at = this.#at;
    this.#take(head === 0xca ? 4 : 8);
    return head === 0xca ? this.#bytes.readFloatBE(at) : this.#bytes.readDoubleBE(at);
  }

  /** A boolean, or the integers 0 and 1. */
  boolean(): boolean {
    const head = this.#head();
    if (head === 0xc3 || head === 1) return true;
    if (head === 0xc2 || head === 0 || head === NIL) return false;
    return this.#wrongType('a boolean', head);
  }

  /**
   * Text of either family; nil is empty. Invalid UTF-8 survives as `textOfBytes` says.
   * @param known gives the text if it is at hand, so that it need not be made again
   */
  text(known?: KnownText): string {
    const length = this.#stringLength('text');
    const start = this.#at;
    this.#take(length);
    const bytes = this.#bytes;
    const found = known?.(bytes, start, this.#at);
    if (found !== undefined) return found;
    for (let i = start; i < this.#at; i += 1) {
      if ((bytes[i] as number) >= 0x80) return textOfBytes(bytes.subarray(start, this.#at));
    }
    return bytes.toString('latin1', start, this.#at);
  }

  /** Bytes of either family, or an array of integers 0..255; nil is `null`. */
  bytes(): Uint8Array | null {
    if (this.takeNil()) return null;
    const head = this.#bytes[this.#at] ?? 0;
    if ((head & 0xf0) === 0x90 || head === 0xdc || head === 0xdd) return this.#byteArray();
    const length = this.#stringLength('bytes');
    const start = this.#at;
    this.#take(length);
    return copyBytes(this.#bytes, start, this.#at);
  }

  /** The element count of an array; nil is 0. Each announced element is known to have at least a byte present. */
  arrayLength(): number {
    const head = this.#head();
    if (head === NIL) return 0;
    if ((head & 0xf0) === 0x90) return this.#counted(head & 0x0f, 1);
    if (head === 0xdc) return this.#counted(this.#u16(), 1);
    if (head === 0xdd) return this.#counted(this.#u32(), 1);
    return this.#wrongType('an array', head);
  }

  /** The entry count of a map; nil is 0. */
  mapLength(): number {
    const head = this.#head();
    if (head === NIL) return 0;
    if ((head & 0xf0) === 0x80) return this.#counted(head & 0x0f, 2);
    if (head === 0xde) return this.#counted(this.#u16(), 2);
    if (head === 0xdf) return this.#counted(this.#u32(), 2);
    return this.#wrongType('a map', head);
  }

  /** True when the next value is an array. */
  isArray(): boolean {
    const head = this.#bytes[this.#at] ?? 0;
    return (head & 0xf0) === 0x90 || head === 0xdc || head === 0xdd;
  }

  /** Reads a map key and tells whether it is `expected`; otherwise stays before it. */
  takeKey(expected: Uint8Array): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    if (bytes[start] !== 0xa0 + expected.length) return false;
    for (let i = 0; i < expected.length; i += 1) if (bytes[start + 1 + i] !== expected[i]) return false;
    this.#at = start + 1 + expected.length;
    return true;
  }

  /** A map key of any string form, borrowed. */
  key(): Uint8Array {
    const length = this.#stringLength('a text key');
    const start = this.#at;
    this.#take(length);
    return this.#bytes.subarray(start, this.#at);
  }

  /** Passes over one value of any kind, extensions included. */
  skip(): void {
    const scan = new ValueScan(this.#at);
    if (!scan.advance(this.#bytes, this.#bytes.length)) fail('msgpack-truncated', 'value ends early');
    this.#at = scan.at;
  }

  #head(): number {
    const head = this.#bytes[this.#at];
    if (head === undefined) return fail('msgpack-truncated', 'value ends early');
    this.#at += 1;
    return head;
  }

  #take(length: number): void {
    if (length > this.#bytes.length - this.#at) fail('msgpack-truncated', 'value ends early');
    this.#at += length;
  }

  #u16(): number {
    const at = this.#at;
    this.#take(2);
    return this.#bytes.readUInt16BE(at);
  }

  #u32(): number {
    const at = this.#at;
    this.#take(4);
    return this.#bytes.readUInt32BE(at);
  }

  #counted(count: number, bytesEach: number): number {
    if (count * bytesEach > this.#bytes.length - this.#at) fail('msgpack-truncated', 'value ends early');
    this.#items += count;
    if (this.#items > MAX_DECODED_ITEMS) fail('msgpack-items', `more than ${MAX_DECODED_ITEMS} elements`);
    return count;
  }

  #stringLength(wanted: string): number {
    const head = this.#head();
    if ((head & 0xe0) === 0xa0) return head & 0x1f;
    switch (head) {
      case NIL:
        return 0;
      case 0xd9:
      case 0xc4:
        this.#take(1);
        return this.#bytes[this.#at - 1] as number;
      case 0xda:
      case 0xc5:
        return this.#u16();
      case 0xdb:
      case 0xc6:
        return this.#u32();
      default:
        return this.#wrongType(wanted, head);
    }
  }

  #byteArray(): Uint8Array {
    const out = new Uint8Array(this.arrayLength());
    for (let i = 0; i < out.length; i += 1) {
      const value = this.integer(false);
      if (value < 0 || value > 0xff) fail('msgpack-range', 'a byte outside 0..255');
      out[i] = value;
    }
    return out;
  }

  #wrongType(wanted: string, head: number): never {
    return fail('msgpack-type', `expected ${wanted}, found 0x${head.toString(16).padStart(2, '0')}`);
  }
}
