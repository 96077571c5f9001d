import { parseDuration } from '../../base/duration.ts';
import { CodedError, messageOf } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import { decodeValue, goKind, type Mistake } from './decode-value.ts';
import { excerpt, type Fault, inOrder, type Place, placeAt, placeText, type Refusal } from './fault.ts';
import { type JsonEntry, JsonError, type JsonNode, parseJson } from './json.ts';
import type { ConfigLayer, LayerEntry } from './layer.ts';
import { CONFIG_KEYS, type ConfigKey, findKey, specOf } from './table.ts';

/** Mistakes of one file that are shown; where everything is wrong, more help nobody. */
const MOST_FAULTS = 50;

/** What a syntax error most often comes from. */
const HINTS: readonly (readonly [end: string, hint: string])[] = [
  ['after object key:value pair', 'is a comma missing before it?'],
  ['after array element', 'is a comma missing before it?'],
  ['looking for beginning of object key string', 'is there a comma too many, or a key without quotes?'],
  ['looking for beginning of value', 'texts stand in double quotes'],
  ['unexpected EOF', 'a bracket or brace is not closed'],
  ['invalid or unfinished string', 'a text ends on its line, with a double quote'],
];

/** Names the schema of the file for editors; it configures nothing. */
const SCHEMA_KEY = '$schema';

/** Objects that hold keys of the table: `mdns` for `mdns.interface`. */
const GROUPS = new Set(
  CONFIG_KEYS.filter((key) => key.includes('.')).map((key) => key.slice(0, key.indexOf('.'))),
);

/** What a file states, or everything that is wrong with it. */
export type ReadConfig = { readonly layer: ConfigLayer } | Refusal;

/**
 * The layer a configuration file states. Keys match in any case; `null` is as good as absent; types are strict.
 *
 * @throws CodedError `ERR_CONFIG_DECODE`: Serf's text, with the place and the nearest known key added
 */
export function decodeConfig(path: string, text: string): ConfigLayer {
  const read = readConfig(path, text);
  if ('layer' in read) return read.layer;
  throw read.error;
}

/** The same without throwing: what is wrong comes with its places. */
export function readConfig(path: string, text: string): ReadConfig {
  const file = new FileReader(path, text);
  const root = file.root();
  if ('error' in root) return root;
  const entries = new Map<ConfigKey, LayerEntry>();
  for (const found of file.entries(root.entries)) {
    const key = findKey(found.key);
    if (key === undefined) {
      if (found.key !== SCHEMA_KEY) file.unknown(found);
      continue;
    }
    if (saysNothing(key, found.value)) continue;
    const decoded = decodeValue(key, found.value);
    if ('mistakes' in decoded) file.mistaken(key, found, decoded.mistakes);
    // Of a key that is stated twice in one file the later counts, as in Go.
    else entries.set(key, { key, value: decoded.value, origin: file.origin(found) });
  }
  const read = inMilliseconds(path, [...entries.values()]);
  const refusal = file.refusal();
  if (refusal === undefined) return read;
  if ('layer' in read) return { ...refusal, partial: read.layer };
  return { ...read, error: refusal.error, faults: inOrder([...refusal.faults, ...read.faults]) };
}

/** `null` is as good as absent, and so is an empty duration. */
function saysNothing(key: ConfigKey, node: JsonNode): boolean {
  return (
    node.kind === 'null' || (specOf(key).type === 'duration' && node.kind === 'string' && node.value === '')
  );
}

/** One file being read: collects what is wrong with it, so that one run names every mistake. */
class FileReader {
  readonly #path: string;
  readonly #text: string;
  /** Serf's lines, by the key they are about. */
  readonly #lines: { readonly key: string; readonly text: string }[] = [];
  readonly #unknown: { readonly name: string; readonly hint: string }[] = [];
  readonly #faults: Fault[] = [];

  constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
  }

  /** The members of the file's object. */
  root(): { readonly entries: readonly JsonEntry[] } | Refusal {
    let root: JsonNode;
    try {
      root = parseJson(this.#text);
    } catch (error) {
      if (!(error instanceof JsonError)) throw error;
      return this.#refused(error.reason, this.#place(error.offset), { code: 'ERR_JSON', cause: error });
    }
    if (root.kind === 'object') return { entries: root.entries };
    if (root.kind === 'null') return { entries: [] };
    return this.#refused(`'' expected a map, got '${goKind(root)}'`, this.#place(root.at), {
      code: 'ERR_CONFIG_DECODE',
      text: `a configuration is one object: it starts with {`,
    });
  }

  /** Entries with the members of a known group under dotted names. */
  entries(entries: readonly JsonEntry[]): readonly JsonEntry[] {
    return entries.flatMap((entry) => {
      const group = entry.key.toLowerCase();
      if (!GROUPS.has(group) || entry.value.kind === 'null') return GROUPS.has(group) ? [] : [entry];
      if (entry.value.kind === 'object') {
        return entry.value.entries.map((inner) => ({ ...inner, key: `${group}.${inner.key}` }));
      }
      const text = `'${group}' expected a map, got '${goKind(entry.value)}'`;
      this.mistaken(group, entry, [{ text, plain: `'${group}' must be an object` }]);
      return [];
    });
  }

  origin(entry: JsonEntry): LayerEntry['origin'] {
    const place = this.#place(entry.at);
    return { source: 'file', at: `${this.#path}:${place.line}`, place };
  }

  unknown(entry: JsonEntry): void {
    const guess = nearest(entry.key.toLowerCase(), CONFIG_KEYS);
    const hint = guess === undefined ? undefined : `did you mean '${guess}'?`;
    if (!this.#hasRoom()) {
      this.#unknown.push({ name: entry.key, hint: '' });
      return;
    }
    const place = this.#place(entry.at);
    const text = `unknown key '${entry.key}'`;
    this.#unknown.push({
      name: entry.key,
      hint: `\n    ${this.#path}:${place.line}: ${text}${hint === undefined ? '' : `, ${hint}`}`,
    });
    this.#faults.push({ code: 'ERR_CONFIG_DECODE', text, hint, place });
  }

  mistaken(key: string, entry: JsonEntry, mistakes: readonly Mistake[]): void {
    for (const { text, plain, hint, at } of mistakes) {
      if (!this.#hasRoom()) return;
      const place = this.#place(at ?? entry.value.at);
      const line = this.#place(at ?? entry.at).line;
      this.#lines.push({ key, text: `${text} (${this.#path}:${line})` });
      this.#faults.push({ code: 'ERR_CONFIG_DECODE', text: plain ?? text, hint, place });
    }
  }

  /** What was collected, in the form Serf prints it. */
  refusal(): Refusal | undefined {
    const lines = [...this.#lines];
    if (this.#unknown.length > 0) {
      const names = this.#unknown.map(({ name }) => name).sort();
      const hints = this.#unknown.map(({ hint }) => hint);
      lines.push({ key: '', text: `'' has invalid keys: ${names.join(', ')}${hints.join('')}` });
    }
    if (lines.length === 0) return undefined;
    lines.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    const text = `${lines.length} error(s) decoding:\n\n${lines.map((line) => `* ${line.text}`).join('\n')}`;
    return { error: this.#error(text), faults: inOrder(this.#faults) };
  }

  #hasRoom(): boolean {
    return this.#faults.length < MOST_FAULTS;
  }

  #place(offset: number): Place {
    return placeAt(this.#path, this.#text, offset);
  }

  #refused(
    reason: string,
    place: Place,
    { code, text, cause }: { readonly code: string; readonly text?: string; readonly cause?: unknown },
  ): Refusal {
    const shown =
      this.#text.trim() === '' ? [] : ['', ...excerpt(this.#text, place).map((line) => `    ${line}`)];
    const message = [`${reason} (${placeText(place)})`, ...shown].join('\n');
    const hint = HINTS.find(([end]) => reason.endsWith(end))?.[1];
    return { error: this.#error(message, cause), faults: [{ code, text: text ?? reason, hint, place }] };
  }

  #error(text: string, cause?: unknown): CodedError {
    return new CodedError('ERR_CONFIG_DECODE', `Error decoding '${this.#path}': ${text}`, { cause });
  }
}

/** Serf decodes durations as texts first, so a bad one is only found when all types are right. */
function inMilliseconds(path: string, entries: ConfigLayer): ReadConfig {
  const faults: Fault[] = [];
  let first: CodedError | undefined;
  const layer = entries.flatMap((entry) => {
    if (specOf(entry.key).type !== 'duration') return [entry];
    try {
      return [{ ...entry, value: parseDuration(String(entry.value)) }];
    } catch (error) {
      const why = messageOf(error);
      const text = `Error decoding '${path}': ${why} ('${entry.key}' at ${entry.origin.at})`;
      first ??= new CodedError('ERR_CONFIG_DECODE', text, { cause: error });
      const plain = `'${entry.key}' is no duration: ${why.replace(/^time: /, '')}`;
      faults.push({
        code: 'ERR_DURATION',
        text: plain,
        hint: "write it like '300ms', '5s' or '1h30m'",
        place: entry.origin.place,
      });
      return [];
    }
  });
  return first === undefined ? { layer } : { error: first, faults, partial: layer };
}
