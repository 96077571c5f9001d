import { WireError } from '../base/errors.ts';

/** How much one msgpack value may cost before anything is built from it. */
export interface ScanLimits {
  /** Arrays and maps inside each other. */
  readonly depth: number;
  /** Size of the whole value. */
  readonly bytes: number;
  /** Values of any kind, containers included: an empty map of one byte costs a hundred in memory. */
  readonly items: number;
}

/** What the length being read will mean. */
type Sized = 'text' | 'bytes' | 'array' | 'map';

interface Token {
  /** Bytes of the length field, or of the number itself for `fixed`. */
  readonly width: number;
  readonly kind: Sized | 'fixed';
}

/** The tokens from 0xc0 to 0xdf; absent ones (the unused byte and every extension) are refused. */
const TOKENS: Readonly<Record<number, Token>> = {
  192: { width: 0, kind: 'fixed' },
  194: { width: 0, kind: 'fixed' },
  195: { width: 0, kind: 'fixed' },
  196: { width: 1, kind: 'bytes' },
  197: { width: 2, kind: 'bytes' },
  198: { width: 4, kind: 'bytes' },
  202: { width: 4, kind: 'fixed' },
  203: { width: 8, kind: 'fixed' },
  204: { width: 1, kind: 'fixed' },
  205: { width: 2, kind: 'fixed' },
  206: { width: 4, kind: 'fixed' },
  207: { width: 8, kind: 'fixed' },
  208: { width: 1, kind: 'fixed' },
  209: { width: 2, kind: 'fixed' },
  210: { width: 4, kind: 'fixed' },
  211: { width: 8, kind: 'fixed' },
  217: { width: 1, kind: 'text' },
  218: { width: 2, kind: 'text' },
  219: { width: 4, kind: 'text' },
  220: { width: 2, kind: 'array' },
  221: { width: 4, kind: 'array' },
  222: { width: 2, kind: 'map' },
  223: { width: 4, kind: 'map' },
};

/** A text inside a value: where its token starts, where its content starts and how long that is. */
export interface TextSpan {
  readonly token: number;
  readonly content: number;
  readonly length: number;
}

/**
 * Finds where a msgpack value ends, a chunk at a time: every byte is looked at once, however the stream is cut. Nothing
 * is allocated from a length a peer merely claims.
 */
export class ValueScanner {
  #limits: ScanLimits;
  /** Values each open container still expects, outermost first. */
  readonly #open: number[] = [];
  #position = 0;
  #items = 0;
  #skip = 0;
  #widthLeft = 0;
  #length = 0;
  #kind: Sized = 'text';
  #token = 0;
  #texts: TextSpan[] = [];

  constructor(limits: ScanLimits) {
    this.#limits = limits;
  }

  /** Other limits from the next value on. */
  limit(limits: ScanLimits): void {
    this.#limits = limits;
  }

  /** The texts of the value just found, in order; valid until `reset`. */
  get texts(): readonly TextSpan[] {
    return this.#texts;
  }

  /** Forgets the value just found. */
  reset(): void {
    this.#open.length = 0;
    this.#position = 0;
    this.#items = 0;
    this.#skip = 0;
    this.#widthLeft = 0;
    this.#texts = [];
  }

  /**
   * Reads on from `chunk[from]`. Returns the index after the value's last byte, or -1 when the whole chunk belongs to
   * an unfinished value. Throws a WireError (`ERR_RPC_FRAME`) on what this dialect does not have or a limit forbids.
   */
  scan(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length) {
      const before = at;
      let over: boolean;
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, chunk.length - at);
        this.#skip -= step;
        at += step;
        over = this.#skip === 0 && this.#complete();
      } else if (this.#widthLeft > 0) {
        this.#length = this.#length * 256 + (chunk[at] as number);
        this.#widthLeft -= 1;
        at += 1;
        over = this.#widthLeft === 0 && this.#sized(this.#kind, this.#length, at - before);
      } else {
        over = this.#begin(chunk[at] as number);
        at += 1;
      }
      this.#position += at - before;
      if (over) return at;
    }
    return -1;
  }

  /** A token's first byte. True when it ends the whole value. */
  #begin(byte: number): boolean {
    this.#token = this.#position;
    this.#items += 1;
    if (this.#items > this.#limits.items) throw refused(`more than ${this.#limits.items} values in one`);
    if (this.#position >= this.#limits.bytes) throw refused(`value beyond ${this.#limits.bytes} bytes`);
    if (byte < 0x80 || byte >= 0xe0) return this.#complete();
    if (byte < 0x90) return this.#sized('map', byte & 0x0f, 1);
    if (byte < 0xa0) return this.#sized('array', byte & 0x0f, 1);
    if (byte < 0xc0) return this.#sized('text', byte & 0x1f, 1);
    const token = TOKENS[byte];
    if (token === undefined) throw refused(`byte 0x${byte.toString(16)} starts no value of this protocol`);
    if (token.kind === 'fixed') return this.#content(token.width, 1);
    this.#kind = token.kind;
    this.#length = 0;
    this.#widthLeft = token.width;
    return false;
  }

  /** A length is known; `pending` bytes of this step are not yet counted in the position. */
  #sized(kind: Sized, length: number, pending: number): boolean {
    if (kind === 'text' || kind === 'bytes') {
      if (kind === 'text') {
        this.#texts.push({ token: this.#token, content: this.#position + pending, length });
      }
      return this.#content(length, pending);
    }
    const children = kind === 'map' ? 2 * length : length;
    if (children === 0) return this.#complete();
    if (this.#items + children > this.#limits.items) {
      throw refused(`${kind} of ${length} entries; at most ${this.#limits.items} values are read`);
    }
    if (this.#open.length >= this.#limits.depth) throw refused(`nesting deeper than ${this.#limits.depth}`);
    this.#open.push(children);
    return false;
  }

  #content(length: number, pending: number): boolean {
    const size = this.#position + pending + length;
    if (size > this.#limits.bytes)
      throw refused(`value of ${size} bytes; at most ${this.#limits.bytes} are read`);
    this.#skip = length;
    return length === 0 && this.#complete();
  }

  /** One value is over; so is every container it was the last of. True when nothing is left open. */
  #complete(): boolean {
    while (this.#open.length > 0) {
      const left = (this.#open[this.#open.length - 1] as number) - 1;
      this.#open[this.#open.length - 1] = left;
      if (left > 0) return false;
      this.#open.pop();
    }
    return true;
  }
}

function refused(what: string): WireError {
  return new WireError('ERR_RPC_FRAME', `malformed frame: ${what}`);
}
