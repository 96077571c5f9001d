import { assert, unreachable } from '../../base/assert.ts';
import { decodeBlocks } from './blocks.ts';
import type { JsonNode } from './json.ts';
import type { ConfigValue } from './layer.ts';
import { type ConfigKey, findKey, specOf } from './table.ts';

/** One JSON value as the type of its key, or what is wrong with it. Durations stay texts: Serf reads them later. */

/** One wrong value. */
export interface Mistake {
  /** In Serf's words. */
  readonly text: string;
  /** In plain words; absent where Serf's are. */
  readonly plain?: string;
  readonly hint?: string | undefined;
  /** Offset in the file, when that is not where the value is. */
  readonly at?: number;
}

type Decoded = { readonly value: ConfigValue } | { readonly mistakes: readonly Mistake[] };

const WORDS: Readonly<Record<JsonNode['kind'], string>> = {
  object: 'an object',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  bool: 'a boolean',
  null: 'null',
};

/** Decodes the value of `key`. */
export function decodeValue(key: ConfigKey, node: JsonNode): Decoded {
  const { type } = specOf(key);
  switch (type) {
    case 'string':
      return node.kind === 'string' ? { value: node.value } : wrongType(key, 'string', 'a text', node);
    case 'duration':
      return node.kind === 'string'
        ? { value: node.value }
        : wrongType(key, 'string', "a duration such as '30s'", node);
    case 'bool':
      return node.kind === 'bool' ? { value: node.value } : wrongType(key, 'bool', 'true or false', node);
    case 'int':
      return node.kind === 'number' && Number.isSafeInteger(node.value)
        ? { value: node.value }
        : wrongType(key, 'int', 'a whole number', node);
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
    const text = `'${key}': source data must be an array or slice, got ${goKind(node)}`;
    return { mistakes: [{ text, plain: `'${key}' must be a list of texts, not ${WORDS[node.kind]}` }] };
  }
  const mistakes: Mistake[] = [];
  const value: string[] = [];
  node.items.forEach((item, index) => {
    const text = textOf(item);
    if (text !== undefined) value.push(text);
    else mistakes.push({ ...typeMistake(`${key}[${index}]`, 'string', 'a text', item), at: item.at });
  });
  return mistakes.length > 0 ? { mistakes } : { value };
}

function decodeMap(key: ConfigKey, node: JsonNode): Decoded {
  if (node.kind !== 'object') {
    const text = `'${key}' expected a map, got '${goKind(node)}'`;
    return { mistakes: [{ text, plain: `'${key}' must be an object of texts, not ${WORDS[node.kind]}` }] };
  }
  const mistakes: Mistake[] = [];
  const value = new Map<string, string>();
  for (const entry of node.entries) {
    const text = textOf(entry.value);
    if (text !== undefined) value.set(entry.key, text);
    else {
      const wrong = typeMistake(`${key}[${entry.key}]`, 'string', 'a text', entry.value);
      mistakes.push({ ...wrong, at: entry.value.at });
    }
  }
  return mistakes.length > 0 ? { mistakes } : { value };
}

function blocksOf(key: ConfigKey, node: JsonNode): Decoded {
  const { blocks } = specOf(key);
  assert(blocks !== undefined, `the table says what blocks '${key}' holds`);
  return decodeBlocks(key, blocks, node);
}

/** Inside a list or a map `null` is an empty text, as in Go. */
function textOf(node: JsonNode): string | undefined {
  if (node.kind === 'null') return '';
  return node.kind === 'string' ? node.value : undefined;
}

function wrongType(key: ConfigKey, expected: string, wanted: string, node: JsonNode): Decoded {
  return { mistakes: [typeMistake(key, expected, wanted, node)] };
}

function typeMistake(where: string, expected: string, wanted: string, node: JsonNode): Mistake {
  const value = goValue(where, node);
  return {
    text: `'${where}' expected type '${expected}', got unconvertible type '${goType(node)}', value: '${value}'`,
    plain: `'${where}' must be ${wanted}, not ${node.kind === 'number' ? `the number ${value}` : WORDS[node.kind]}`,
  };
}

/** What Go calls the kind of a value. */
export function goKind(node: JsonNode): string {
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
