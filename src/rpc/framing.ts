import { assert } from '../base/assert.ts';
import { decodeValue } from './codec.ts';
import { type ScanLimits, ValueScanner } from './scan.ts';

/** Nothing here nests deeper than members → member → tags; the rest is room for fields of later versions. */
const MAX_DEPTH = 32;

/** Before a client has shown the key it needs a handshake and a key, no more. */
export const STRANGER_LIMITS: ScanLimits = { depth: MAX_DEPTH, bytes: 64 * 1024, items: 1024 };

/** Room for a query naming every node of a very large cluster. */
export const CLIENT_LIMITS: ScanLimits = { depth: MAX_DEPTH, bytes: 8 * 1024 * 1024, items: 128 * 1024 };

/** What a client takes from its agent: the member list of 100,000 nodes. */
export const AGENT_LIMITS: ScanLimits = {
  depth: MAX_DEPTH,
  bytes: 128 * 1024 * 1024,
  items: 8 * 1024 * 1024,
};

/** Smallest buffer for a value that arrives in pieces. */
const FIRST_PARTIAL_BYTES = 256;

/** Cuts a byte stream into decoded msgpack values. Costs O(bytes) however the stream is cut. */
export class FrameReader {
  readonly #scanner: ValueScanner;
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;
  #partial = new Uint8Array(0);
  #used = 0;

  constructor(limits: ScanLimits) {
    this.#scanner = new ValueScanner(limits);
  }

  /** Other limits from the next value on. */
  limit(limits: ScanLimits): void {
    this.#scanner.limit(limits);
  }

  /** True when the stream may end here without cutting a value in two. */
  get isBetweenValues(): boolean {
    return this.#used === 0 && this.#at === this.#chunk.length;
  }

  /** Adds bytes; `next` must have returned undefined since the last call. The chunk is kept until it is read. */
  push(chunk: Uint8Array): void {
    assert(this.#at === this.#chunk.length, 'a chunk is pushed after the last one was read');
    this.#chunk = chunk;
    this.#at = 0;
  }

  /**
   * The next whole value, or undefined when more bytes are needed (nil is null). Throws a WireError
   * (`ERR_RPC_FRAME`); the stream is then beyond repair.
   */
  next(): unknown {
    const start = this.#at;
    if (start === this.#chunk.length) return undefined;
    const end = this.#scanner.scan(this.#chunk, start);
    if (end < 0) {
      this.#keep(this.#chunk.subarray(start));
      this.#at = this.#chunk.length;
      return undefined;
    }
    this.#at = end;
    let bytes = this.#chunk.subarray(start, end);
    if (this.#used > 0) {
      this.#keep(bytes);
      bytes = this.#partial.subarray(0, this.#used);
      this.#partial = new Uint8Array(0);
      this.#used = 0;
    }
    const value = decodeValue(bytes, this.#scanner.texts);
    this.#scanner.reset();
    return value;
  }

  #keep(bytes: Uint8Array): void {
    const needed = this.#used + bytes.length;
    if (needed > this.#partial.length) {
      const grown = new Uint8Array(Math.max(FIRST_PARTIAL_BYTES, 2 * this.#partial.length, needed));
      grown.set(this.#partial.subarray(0, this.#used));
      this.#partial = grown;
    }
    this.#partial.set(bytes, this.#used);
    this.#used = needed;
  }
}
