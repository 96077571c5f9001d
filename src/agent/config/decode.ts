import { assert, unreachable } from '../../base/assert.ts';
import { parseDuration } from '../../base/duration.ts';
import { CodedError, messageOf } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import { decodeBlocks } from './blocks.ts';
import { type JsonEntry, type JsonNode, lineAt, parseJson } from './json.ts';
import type { ConfigLayer, ConfigValue, LayerEntry } from './layer.ts';
import { CONFIG_KEYS, type ConfigKey, findKey, specOf } from './table.ts';

/** Thrown inside this module for one wrong value; collected, so that one run names every mistake of a file. */
interface Mistake {
  /** Serf lists mistakes by the key they are about. */
  readonly key: string;
  readonly text: string;
  /** Where in the file, when that is not where the key is. */
  readonly at?: number;
}

type Decoded = { readonly value: ConfigValue } | { readonly mistakes: readonly Mistake[] };

/** Objects that hold keys of the table: `mdns` for `mdns.interface`. */
const GROUPS = new Set(
  CONFIG_KEYS.filter((key) => key.includes('.')).map((key) => key.slice(0, key.indexOf('.'))),
);

/**
 * The layer a configuration file states. Keys match in any case; `null` is as good as absent; types are strict.
 *
 * @throws CodedError `ERR_CONFIG_DECODE`: Serf's text, with the line and the nearest known key added
 */
export function decodeConfig(path: string, text: string): ConfigLayer {
  const root = parseRoot(path, text);
  const entries: LayerEntry[] = [];
  const mistakes: Mistake[] = [];
  const unknown: JsonEntry[] = [];
  for (const found of flatten(root)) {
    const key = findKey(found.key);
    if (key === undefined) {
      unknown.push(found);
      continue;
    }
    if (saysNothing(key, found.value)) continue;
    const decoded = decodeValue(key, found.value);
    if ('mistakes' in decoded) {
      for (const { text: why, at } of decoded.mistakes) {
        mistakes.push({ key, text: `${why} (${path}:${lineAt(text, at ?? found.at)})` });
      }
    } else {
      entries.push({
        key,
        value: decoded.value,
        origin: { source: 'file', at: `${path}:${lineAt(text, found.at)}` },
      });
    }
  }
  if (unknown.length > 0) mistakes.push(unknownKeys(path, text, unknown));
  if (mistakes.length > 0) throw undecodable(path, mistakes);
  return entries.map((entry) => inMilliseconds(path, entry));
}

function parseRoot(path: string, text: string): readonly JsonEntry[] {
  let root: JsonNode;
  try {
    root = parseJson(text);
  } catch (error) {
    throw new CodedError('ERR_CONFIG_DECODE', `Error decoding '${path}': ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (root.kind === 'object') return root.entries;
  if (root.kind === 'null') return [];
  throw new CodedError(
    'ERR_CONFIG_DECODE',
    `Error decoding '${path}': '' expected a map, got '${goKind(root)}'`,
  );
}

/** Entries with the members of a known group under dotted names. */
function flatten(entries: readonly JsonEntry[]): readonly JsonEntry[] {
  return entries.flatMap((entry) => {
    const group = entry.key.toLowerCase();
    if (!GROUPS.has(group) || entry.value.kind !== 'object') return [entry];
    return entry.value.entries.map((inner) => ({ ...inner, key: `${group}.${inner.key}` }));
  });
}

function unknownKeys(path: string, text: string, unknown: readonly JsonEntry[]): Mistake {
  const names = unknown.map((entry) => entry.key).sort();
  const hints = unknown.map((entry) => {
    const guess = nearest(entry.key.toLowerCase(), CONFIG_KEYS);
    const suggestion = guess === undefined ? '' : `, did you mean '${guess}'?`;
    return `\n    ${path}:${lineAt(text, entry.at)}: unknown key '${entry.key}'${suggestion}`;
  });
  return { key: '', text: `'' has invalid keys: ${names.join(', ')}${hints.join('')}` };
}

function undecodable(path: string, mistakes: readonly Mistake[]): CodedError {
  const lines = [...mistakes]
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map((m) => `* ${m.text}`);
  return new CodedError(
    'ERR_CONFIG_DECODE',
    `Error decoding '${path}': ${lines.length} error(s) decoding:\n\n${lines.join('\n')}`,
  );
}

/** `null` is as good as absent, and so is an empty duration. */
function saysNothing(key: ConfigKey, node: JsonNode): boolean {
  return (
    node.kind === 'null' || (specOf(key).type === 'duration' && node.kind === 'string' && node.value === '')
  );
}

function decodeValue(key: ConfigKey, node: JsonNode): Decoded {
  const { type } = specOf(key);
  switch (type) {
    case 'string':
    case 'duration':
      return node.kind === 'string' ? { value: node.value } : wrongType(key, 'string', node);
    case 'bool':
      return node.kind === 'bool' ? { value: node.value } : wrongType(key, 'bool', node);
    case 'int':
      return node.kind === 'number' && Number.isSafeInteger(node.value)
        ? { value: node.value }
        : wrongType(key, 'int', node);
    case 'strings':
      return decodeStrings(key, node);
    case 'map':
      return decodeMap(key, node);
    case 'blocks':
      return blocksOf(key, node);
    default:
      return unreachable(type);
  }
}

function decodeStrings(key: ConfigKey, node: JsonNode): Decoded {
  if (node.kind !== 'array') {
    return mistake(key, `'${key}': source data must be an array or slice, got ${goKind(node)}`);
  }
  const mistakes: Mistake[] = [];
  const value: string[] = [];
  node.items.forEach((item, index) => {
    const text = textOf(item);
    if (text !== undefined) value.push(text);
    else mistakes.push({ key, text: typeText(`${key}[${index}]`, 'string', item) });
  });
  return mistakes.length > 0 ? { mistakes } : { value };
}

function decodeMap(key: ConfigKey, node: JsonNode): Decoded {
  if (node.kind !== 'object') return mistake(key, `'${key}' expected a map, got '${goKind(node)}'`);
  const mistakes: Mistake[] = [];
  const value = new Map<string, string>();
  for (const entry of node.entries) {
    const text = textOf(entry.value);
    if (text !== undefined) value.set(entry.key, text);
    else mistakes.push({ key, text: typeText(`${key}[${entry.key}]`, 'string', entry.value) });
  }
  return mistakes.length > 0 ? { mistakes } : { value };
}

function blocksOf(key: ConfigKey, node: JsonNode): Decoded {
  const { blocks } = specOf(key);
  assert(blocks !== undefined, `the table says what blocks '${key}' holds`);
  const decoded = decodeBlocks(key, blocks, node);
  return 'value' in decoded
    ? decoded
    : { mistakes: decoded.mistakes.map(({ at, text }) => ({ key, at, text })) };
}

/** Inside a list or a map `null` is an empty text, as in Go. */
function textOf(node: JsonNode): string | undefined {
  if (node.kind === 'null') return '';
  return node.kind === 'string' ? node.value : undefined;
}

/** Serf decodes durations as texts first, so a bad one is only found when all types are right. */
function inMilliseconds(path: string, entry: LayerEntry): LayerEntry {
  if (specOf(entry.key).type !== 'duration') return entry;
  try {
    return { ...entry, value: parseDuration(String(entry.value)) };
  } catch (error) {
    throw new CodedError(
      'ERR_CONFIG_DECODE',
      `Error decoding '${path}': ${messageOf(error)} ('${entry.key}' at ${entry.origin.at})`,
      { cause: error },
    );
  }
}

function wrongType(key: ConfigKey, expected: string, node: JsonNode): Decoded {
  return mistake(key, typeText(key, expected, node));
}

function mistake(key: ConfigKey, text: string): Decoded {
  return { mistakes: [{ key, text }] };
}

function typeText(where: string, expected: string, node: JsonNode): string {
  return `'${where}' expected type '${expected}', got unconvertible type '${goType(node)}', value: '${goValue(where, node)}'`;
}

function goKind(node: JsonNode): string {
  switch (node.kind) {
    case 'object':
      return 'map';
    case 'array':
      return 'slice';
    case 'number':
      return 'float64';
    case 'null':
      return 'invalid';
    default:
      return node.kind;
  }
}

function goType(node: JsonNode): string {
  if (node.kind === 'object') return 'map[string]interface {}';
  return node.kind === 'array' ? '[]interface {}' : goKind(node);
}

/** The value as Go prints it; a secret of the wrong type is still a secret. */
function goValue(where: string, node: JsonNode): string {
  const key = findKey(where);
  if (key !== undefined && specOf(key).masked === true) return '***';
  switch (node.kind) {
    case 'object':
      return `map[${node.entries.map((entry) => `${entry.key}:${goValue('', entry.value)}`).join(' ')}]`;
    case 'array':
      return `[${node.items.map((item) => goValue('', item)).join(' ')}]`;
    case 'null':
      return '<nil>';
    default:
      return String(node.value);
  }
}
