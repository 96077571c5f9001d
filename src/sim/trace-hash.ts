const FIRST = 0x811c9dc5;
const SECOND = 0x9747b28c;
/** Odd multipliers of two independent multiplicative hashes (FNV-1a's prime, and one of MurmurHash's). */
const FIRST_PRIME = 0x01000193;
const SECOND_PRIME = 0x5bd1e995;

/**
 * An order-sensitive digest of everything that happened, 64 bits in two lanes of 32-bit arithmetic: two runs with the
 * same digest did the same things in the same order. Not cryptographic.
 */
export class TraceHash {
  #a = FIRST;
  #b = SECOND;
  readonly #float = new Float64Array(1);
  readonly #words = new Uint32Array(this.#float.buffer);

  /** Takes in an integer; its low 32 bits count. */
  word(value: number): void {
    this.#a = Math.imul(this.#a ^ value, FIRST_PRIME);
    const mixed = Math.imul(this.#b ^ value, SECOND_PRIME);
    this.#b = mixed ^ (mixed >>> 15);
  }

  /** Takes in a number to its last bit. */
  number(value: number): void {
    this.#float[0] = value;
    this.word(this.#words[0] as number);
    this.word(this.#words[1] as number);
  }

  /** Takes in bytes, and how many there are. */
  bytes(bytes: Uint8Array): void {
    const { length } = bytes;
    this.word(length);
    let a = this.#a;
    let b = this.#b;
    let i = 0;
    for (; i + 4 <= length; i += 4) {
      const word =
        (bytes[i] as number) |
        ((bytes[i + 1] as number) << 8) |
        ((bytes[i + 2] as number) << 16) |
        ((bytes[i + 3] as number) << 24);
      a = Math.imul(a ^ word, FIRST_PRIME);
      b = Math.imul(b ^ word, SECOND_PRIME);
      b ^= b >>> 15;
    }
    this.#a = a;
    this.#b = b;
    for (; i < length; i += 1) this.word(bytes[i] as number);
  }

  text(text: string): void {
    this.word(text.length);
    for (let i = 0; i < text.length; i += 1) this.word(text.charCodeAt(i));
  }

  /** Sixteen hexadecimal digits. */
  get digest(): string {
    return [this.#a, this.#b].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
  }
}
