import { unreachable } from '../../base/assert.ts';
import { formatDuration, parseDuration } from '../../base/duration.ts';
import { messageOf } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import type { Block, BlockField, BlockFields, BlocksFacts, BlockValue } from './block-spec.ts';
import type { JsonEntry, JsonNode } from './json.ts';

/** Reads objects of named blocks (`handlers`) and finds every mistake in them, each with its place. */

/** One wrong place: `at` is its offset in the file. */
export interface BlockMistake {
  readonly at: number;
  readonly text: string;
}

export type DecodedBlocks =
  | { readonly value: ReadonlyMap<string, Block> }
  | { readonly mistakes: readonly BlockMistake[] };

/** A name goes into file names, log lines and command lines: nothing that needs quoting there. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

const AMOUNT = /^\d+(?:\.\d+)?%?$/;

/** The blocks in the object `node`, which is the value of `key`. */
export function decodeBlocks(key: string, facts: BlocksFacts, node: JsonNode): DecodedBlocks {
  const mistakes: BlockMistake[] = [];
  const value = new Map<string, Block>();
  if (node.kind !== 'object') {
    return { mistakes: [{ at: node.at, text: `'${key}' expected a map, got '${kindText(node)}'` }] };
  }
  for (const entry of node.entries) {
    const where = `${key}.${entry.key}`;
    if (!NAME.test(entry.key)) mistakes.push({ at: entry.at, text: badName(where, facts.noun) });
    const before = mistakes.length;
    const block = decodeBlock(where, facts.fields, entry.value, mistakes);
    const fault = mistakes.length === before ? facts.check?.(block) : undefined;
    if (fault !== undefined) mistakes.push({ at: entry.at, text: `'${where}': ${fault}` });
    value.set(entry.key, block);
  }
  return mistakes.length > 0 ? { mistakes } : { value };
}

function badName(where: string, noun: string): string {
  return `'${where}': the name of a ${noun} has up to 64 letters, digits, '_', '-' and '.', and starts with none of the last two`;
}

function decodeBlock(where: string, fields: BlockFields, node: JsonNode, mistakes: BlockMistake[]): Block {
  const block = new Map<string, BlockValue>();
  if (node.kind !== 'object') {
    mistakes.push({ at: node.at, text: `'${where}' expected a map, got '${kindText(node)}'` });
    return block;
  }
  for (const entry of node.entries) {
    const name = Object.keys(fields).find((known) => known === entry.key.toLowerCase());
    const field = name === undefined ? undefined : fields[name];
    if (name === undefined || field === undefined) {
      mistakes.push({ at: entry.at, text: unknownField(where, entry, fields) });
      continue;
    }
    // As everywhere in a configuration, null is as good as absent.
    if (entry.value.kind === 'null') continue;
    const value = decodeField(`${where}.${name}`, field, entry.value, mistakes);
    if (value !== undefined) block.set(name, value);
  }
  return block;
}

function unknownField(where: string, entry: JsonEntry, fields: BlockFields): string {
  const guess = nearest(entry.key.toLowerCase(), Object.keys(fields));
  const hint =
    guess === undefined ? `; it knows ${Object.keys(fields).join(', ')}` : `, did you mean '${guess}'?`;
  return `'${where}': unknown key '${entry.key}'${hint}`;
}

/** The value, or undefined when it is wrong, which has been noted then. */
function decodeField(
  where: string,
  field: BlockField,
  node: JsonNode,
  mistakes: BlockMistake[],
): BlockValue | undefined {
  if (field.type === 'block') return decodeBlock(where, field.fields, node, mistakes);
  if (field.type === 'strings' && node.kind === 'array') return textItems(where, node.items, mistakes);
  if (field.type === 'map' && node.kind === 'object') return textEntries(where, node.entries, mistakes);
  const read = readScalar(field, node);
  if ('value' in read) return read.value;
  mistakes.push({ at: node.at, text: `'${where}' ${read.fault}` });
  return undefined;
}

type Read = { readonly value: string | number | boolean } | { readonly fault: string };

function readScalar(field: Exclude<BlockField, { readonly type: 'block' }>, node: JsonNode): Read {
  const mistyped = (wanted: string): Read => ({ fault: `expected ${wanted}, got '${kindText(node)}'` });
  switch (field.type) {
    case 'string':
      return node.kind === 'string' ? oneOf(node.value, field.choices) : mistyped('a text');
    case 'bool':
      return node.kind === 'bool' ? { value: node.value } : mistyped('true or false');
    case 'int':
    case 'number': {
      const whole = field.type === 'int';
      if (node.kind !== 'number') return mistyped(whole ? 'a whole number' : 'a number');
      if (whole && !Number.isSafeInteger(node.value))
        return { fault: `must be a whole number, got ${node.value}` };
      return inRange(node.value, field.min ?? -Infinity, field.max ?? Infinity);
    }
    case 'duration':
      return node.kind === 'string'
        ? readDuration(node.value, field.min ?? 0)
        : mistyped("a duration such as '30s'");
    case 'amount': {
      const text = node.kind === 'number' || node.kind === 'string' ? String(node.value) : '';
      return AMOUNT.test(text) ? { value: text } : mistyped("a count or a percentage, such as 3 or '25%'");
    }
    case 'strings':
      return mistyped('a list of texts');
    case 'map':
      return mistyped('an object of texts');
    default:
      return unreachable(field);
  }
}

function oneOf(text: string, choices: readonly string[] | undefined): Read {
  if (choices === undefined || choices.includes(text)) return { value: text };
  const guess = nearest(text, choices);
  const hint = guess === undefined ? '' : `, did you mean '${guess}'?`;
  return { fault: `is '${text}', which is none of ${choices.join(', ')}${hint}` };
}

function inRange(value: number, min: number, max: number): Read {
  if (value >= min && value <= max) return { value };
  return {
    fault: `is ${value}, but must be ${max === Infinity ? `at least ${min}` : `between ${min} and ${max}`}`,
  };
}

function readDuration(text: string, min: number): Read {
  try {
    const ms = parseDuration(text);
    return ms >= min ? { value: ms } : { fault: `is ${text}, but must be at least ${formatDuration(min)}` };
  } catch (error) {
    return { fault: `is no duration: ${messageOf(error)}` };
  }
}

function textItems(where: string, items: readonly JsonNode[], mistakes: BlockMistake[]): string[] {
  return items.flatMap((item, index) => {
    if (item.kind === 'string') return [item.value];
    mistakes.push({ at: item.at, text: `'${where}[${index}]' expected a text, got '${kindText(item)}'` });
    return [];
  });
}

function textEntries(
  where: string,
  entries: readonly JsonEntry[],
  mistakes: BlockMistake[],
): ReadonlyMap<string, string> {
  const value = new Map<string, string>();
  for (const entry of entries) {
    if (entry.value.kind === 'string') value.set(entry.key, entry.value.value);
    else {
      const got = kindText(entry.value);
      mistakes.push({ at: entry.at, text: `'${where}[${entry.key}]' expected a text, got '${got}'` });
    }
  }
  return value;
}

function kindText(node: JsonNode): string {
  switch (node.kind) {
    case 'object':
      return 'map';
    case 'array':
      return 'slice';
    case 'string':
      return 'string';
    default:
      return node.kind;
  }
}
