import type { CodedError } from '../../base/errors.ts';
import type { ConfigLayer } from './layer.ts';

/** What is wrong with a configuration, and where, so that it can be shown to whoever wrote it. */

/** A place in a file; lines and columns count from 1, columns and `length` in characters. */
export interface Place {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  /** How many characters are meant; at least one. */
  readonly length: number;
}

/** One thing that is wrong. */
export interface Fault {
  /** As documented in docs/errors.md. */
  readonly code: string;
  /** What is wrong, in plain words and without the place. */
  readonly text: string;
  /** What was probably meant: `did you mean 'bind'?`. */
  readonly hint?: string | undefined;
  /** Where, when a file states it. */
  readonly place?: Place | undefined;
  /** Where, when it is no file: `-bind`, `REEVE_RPC_AUTH`. */
  readonly source?: string | undefined;
}

/** The faults of one source, and the error with Serf's text for them. */
export interface Refusal {
  readonly error: CodedError;
  readonly faults: readonly Fault[];
  /** What could be read all the same, so that a look at the whole can go on. */
  readonly partial?: ConfigLayer;
}

/** Faults by line and column; those without a place first. */
export function inOrder(faults: readonly Fault[]): readonly Fault[] {
  const at = ({ place }: Fault): number => (place === undefined ? 0 : place.line * 1e6 + place.column);
  return [...faults].sort((a, b) => at(a) - at(b));
}

/** A string, or a run of characters that ends where JSON's punctuation or a blank begins. */
const TOKEN = /"[^"\\\n]*(?:\\.[^"\\\n]*)*"?|[^\s,:[\]{}]+|[\s\S]|$/uy;

/** The place of the token at `offset` in the text of a file. */
export function placeAt(path: string, text: string, offset: number): Place {
  const at = Math.min(offset, text.length);
  const lineStart = at === 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1;
  let line = 1;
  for (let next = text.indexOf('\n'); next >= 0 && next < at; next = text.indexOf('\n', next + 1)) line += 1;
  TOKEN.lastIndex = at;
  const token = TOKEN.exec(text)?.[0].trim() ?? '';
  return {
    path,
    line,
    column: characters(text.slice(lineStart, at)) + 1,
    length: Math.max(1, characters(token)),
  };
}

/** `serf.json:3:5`. */
export function placeText({ path, line, column }: Place): string {
  return `${path}:${line}:${column}`;
}

/** Lines shown before the one that is meant. */
const LINES_BEFORE = 2;
/** Characters of a line that are shown; a longer one is cut around the place. */
const LINE_CHARS = 100;

/** A value whose key sounds like a secret: a file that cannot be read may hold one anywhere. */
const SECRET = /("[^"\n]*(?:encrypt|key|auth|secret|token|passw)[^"\n]*(?<!_file)"\s*:\s*")([^"\n]*)/giu;

/** A few lines of a file with a pointer under what is meant, each line with its number. */
export function excerpt(text: string, place: Place, width = LINE_CHARS): readonly string[] {
  const lines = masked(text).split(/\r?\n/);
  const first = Math.max(1, place.line - LINES_BEFORE);
  const digits = String(place.line).length;
  const shift = shiftFor(place, width);
  const shown = lines.slice(first - 1, place.line).map((line, index) => {
    return `${String(first + index).padStart(digits)} | ${cut(line, shift, width)}`.trimEnd();
  });
  const room = Math.max(1, width - (place.column - 1 - shift));
  const pointer = `${' '.repeat(place.column - 1 - shift)}${'^'.repeat(Math.min(place.length, room))}`;
  return [...shown, `${' '.repeat(digits)} | ${pointer}`];
}

/** How many characters are left out at the start of each line, so that the place is seen. */
function shiftFor(place: Place, width: number): number {
  const end = place.column - 1 + Math.min(place.length, width / 2);
  return end <= width ? 0 : place.column - 1 - Math.floor(width / 3);
}

/** A tab counts as one character in columns, so it is shown as one; a control could rewrite the terminal. */
function cut(line: string, shift: number, width: number): string {
  const plain = line.replace(/\p{Cc}/gu, (char) => (char === '\t' ? ' ' : '·'));
  const chars = [...plain];
  const end =
    chars.length > shift + width
      ? `${chars.slice(shift, shift + width - 1).join('')}…`
      : chars.slice(shift).join('');
  return shift === 0 ? end : `…${[...end].slice(1).join('')}`;
}

/** Secrets as stars, one for each character, so that every place stays where it is. */
function masked(text: string): string {
  return text.replace(SECRET, (_, key: string, value: string) => `${key}${value.replace(/./gsu, '*')}`);
}

function characters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
