import { CodedError } from '../../base/errors.ts';

/** JSON that remembers where everything was, so that a mistake in a file can be pointed at. */
export type JsonNode =
  | { readonly kind: 'object'; readonly at: number; readonly entries: readonly JsonEntry[] }
  | { readonly kind: 'array'; readonly at: number; readonly items: readonly JsonNode[] }
  | { readonly kind: 'string'; readonly at: number; readonly value: string }
  | { readonly kind: 'number'; readonly at: number; readonly value: number }
  | { readonly kind: 'bool'; readonly at: number; readonly value: boolean }
  | { readonly kind: 'null'; readonly at: number };

export interface JsonEntry {
  readonly key: string;
  /** Offset of the key. */
  readonly at: number;
  readonly value: JsonNode;
}

/** No configuration nests deeper than three; the bound keeps a hostile file from exhausting the stack. */
const DEPTH_LIMIT = 32;

/** The text is no JSON: why, and at which character. */
export class JsonError extends CodedError {
  readonly reason: string;
  readonly offset: number;

  constructor(reason: string, offset: number, where: string) {
    super('ERR_JSON', `${reason}${where}`);
    this.reason = reason;
    this.offset = offset;
  }
}

const BLANK = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** Where a string ends; whether it is a good one is left to JSON.parse. */
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/y;
const WORDS = { true: true, false: false, null: null } as const;

/**
 * Reads the first JSON value of `text`; what follows it is ignored, as Serf does.
 *
 * @throws JsonError `ERR_JSON` in Go's words with line and column
 */
export function parseJson(text: string): JsonNode {
  const reader = new JsonReader(text);
  return reader.value(0, 'looking for beginning of value');
}

/**
 * Reads `text` as one JSON value with nothing after it, as Serf reads the files it keeps itself.
 *
 * @throws CodedError `ERR_JSON` in Go's words with line and column
 */
export function parseWholeJson(text: string): JsonNode {
  if (text.trim() === '') throw new CodedError('ERR_JSON', 'unexpected end of JSON input');
  const reader = new JsonReader(text);
  const node = reader.value(0, 'looking for beginning of value');
  reader.end();
  return node;
}

/** The line, counted from 1, that holds `offset`. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}

class JsonReader {
  readonly #text: string;
  /** A byte order mark is no part of the text. */
  #at: number;

  constructor(text: string) {
    this.#text = text;
    this.#at = text.startsWith('\ufeff') ? 1 : 0;
  }

  value(depth: number, expectation: string): JsonNode {
    this.#match(BLANK);
    const at = this.#at;
    const char = this.#text[at];
    if (char === undefined) throw this.#ended(depth);
    if (char === '"') return { kind: 'string', at, value: this.#string() };
    if (char === '{' || char === '[') {
      if (depth >= DEPTH_LIMIT) throw this.#wrong('exceeded max depth');
      this.#at += 1;
      return char === '{' ? this.#object(at, depth) : this.#array(at, depth);
    }
    for (const [word, value] of Object.entries(WORDS)) {
      if (!this.#text.startsWith(word, at)) continue;
      this.#at += word.length;
      return value === null ? { kind: 'null', at } : { kind: 'bool', at, value };
    }
    const digits = this.#match(NUMBER);
    if (digits === '') throw this.#unexpected(expectation);
    return { kind: 'number', at, value: Number(digits) };
  }

  /** Refuses anything but blanks after the value. */
  end(): void {
    this.#match(BLANK);
    if (this.#at < this.#text.length) throw this.#unexpected('after top-level value');
  }

  #object(at: number, depth: number): JsonNode {
    const entries: JsonEntry[] = [];
    if (this.#take('}')) return { kind: 'object', at, entries };
    for (;;) {
      this.#match(BLANK);
      const keyAt = this.#at;
      if (this.#text[keyAt] !== '"') throw this.#unexpected('looking for beginning of object key string');
      const key = this.#string();
      if (!this.#take(':')) throw this.#unexpected('after object key');
      entries.push({ key, at: keyAt, value: this.value(depth + 1, 'looking for beginning of value') });
      if (this.#take('}')) return { kind: 'object', at, entries };
      if (!this.#take(',')) throw this.#unexpected('after object key:value pair');
    }
  }

  #array(at: number, depth: number): JsonNode {
    const items: JsonNode[] = [];
    if (this.#take(']')) return { kind: 'array', at, items };
    for (;;) {
      items.push(this.value(depth + 1, 'looking for beginning of value'));
      if (this.#take(']')) return { kind: 'array', at, items };
      if (!this.#take(',')) throw this.#unexpected('after array element');
    }
  }

  #string(): string {
    const raw = this.#match(STRING);
    try {
      return JSON.parse(raw) as string;
    } catch {
      this.#at -= raw.length;
      throw this.#wrong('invalid or unfinished string');
    }
  }

  /** Skips blanks and takes `char` if it is next. */
  #take(char: string): boolean {
    this.#match(BLANK);
    if (this.#text[this.#at] !== char) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #unexpected(expectation: string): JsonError {
    const char = String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0);
    if (this.#at >= this.#text.length) return this.#ended(1);
    return this.#wrong(`invalid character ${char === "'" ? `'\\''` : `'${char}'`} ${expectation}`);
  }

  #ended(depth: number): JsonError {
    return depth === 0 ? new JsonError('EOF', this.#at, '') : this.#wrong('unexpected EOF');
  }

  #wrong(text: string): JsonError {
    const line = lineAt(this.#text, this.#at);
    const column = this.#at - this.#text.lastIndexOf('\n', this.#at - 1);
    return new JsonError(text, this.#at, ` (line ${line}, column ${column})`);
  }
}
