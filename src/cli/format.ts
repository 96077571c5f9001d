import { bytesOfText } from '../base/bytes.ts';

/** Text and JSON laid out byte for byte as Serf lays them out (agent.md 15.1, 15.3). */

/** Objects keep their order, maps are sorted by key: Go's structs and Go's maps. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | ReadonlyMap<string, Json>
  | { readonly [key: string]: Json };

const GLUE = '  ';

/** Serf's columns: cells trimmed, padded to the widest by characters, two blanks between, the last one not padded. */
export function columns(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell) => cell.trim()));
  const widths: number[] = [];
  for (const row of cells) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, characters(cell));
    });
  }
  return cells
    .map((row) =>
      row.map((cell, i) => (i === row.length - 1 ? cell : pad(cell, widths[i] as number))).join(GLUE),
    )
    .join('\n');
}

/** How many characters (not UTF-16 units) a text has. */
export function characters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(width - characters(text));
}

/** Sorted as Go sorts strings: by their bytes. */
export function sortedByBytes<T>(entries: Iterable<readonly [string, T]>): (readonly [string, T])[] {
  return [...entries].sort((a, b) => Buffer.compare(bytesOfText(a[0]), bytesOfText(b[0])));
}

/** Go's `json.MarshalIndent` with two blanks: HTML characters escaped, invalid UTF-8 as U+FFFD. */
export function goJson(value: Json, indent = ''): string {
  if (typeof value === 'string') return goString(value);
  if (value === null || typeof value !== 'object') return String(value);
  const inner = `${indent}  `;
  if (isList(value)) {
    if (value.length === 0) return '[]';
    return `[\n${value.map((item) => inner + goJson(item, inner)).join(',\n')}\n${indent}]`;
  }
  const entries = value instanceof Map ? sortedByBytes(value) : Object.entries(value);
  if (entries.length === 0) return '{}';
  const lines = entries.map(([key, item]) => `${inner}${goString(key)}: ${goJson(item as Json, inner)}`);
  return `{\n${lines.join(',\n')}\n${indent}}`;
}

/** JSON on one line, for streams; maps sorted and texts escaped as in `goJson`. */
export function compactJson(value: Json): string {
  if (typeof value === 'string') return goString(value);
  if (value === null || typeof value !== 'object') return String(value);
  if (isList(value)) return `[${value.map(compactJson).join(',')}]`;
  const entries = value instanceof Map ? sortedByBytes(value) : Object.entries(value);
  return `{${entries.map(([key, item]) => `${goString(key)}:${compactJson(item as Json)}`).join(',')}}`;
}

function isList(value: object): value is readonly Json[] {
  return Array.isArray(value);
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function goString(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what has to be escaped
  const escaped = text.replace(/["\\<>&\u0000-\u001f\u2028\u2029]|\p{Surrogate}/gu, (found) => {
    const short = SHORT_ESCAPES[found];
    if (short !== undefined) return short;
    const code = found.charCodeAt(0);
    return code >= 0xd800 && code <= 0xdfff ? '\\ufffd' : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}
