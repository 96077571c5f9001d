import { unreachable } from '../../base/assert.ts';
import { parseDuration } from '../../base/duration.ts';
import { CodedError, messageOf } from '../../base/errors.ts';
import type { ConfigLayer, ConfigValue, LayerEntry } from './layer.ts';
import type { ConfigType } from './spec.ts';
import { CONFIG_KEYS, type ConfigKey, specOf } from './table.ts';
import { parseTag } from './tags.ts';

/** What `agent run` was told, still as text; kept so that a reload can read it all again. */
export interface RunArguments {
  /** Values of `-config-file` and `-config-dir`, in the order of the command line. */
  readonly sources: readonly string[];
  /** Flag name without dashes → its values in order; a bare boolean flag has the value `true`. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
}

/** One flag of `agent run`, for whoever parses and documents the command line. */
export interface FlagSpec {
  readonly name: string;
  /** `strings` and `map` flags may be repeated; a `bool` flag needs no value. */
  readonly type: ConfigType;
  /** The key it sets; undefined for the two that name configuration files. */
  readonly key: ConfigKey | undefined;
  readonly doc: string;
  /** Stands for the value in help: `addr`, `path`. */
  readonly hint: string | undefined;
  /** False: this version knows the flag but cannot do it. */
  readonly available: boolean;
}

const SOURCE_FLAGS: readonly FlagSpec[] = [
  {
    name: 'config-file',
    type: 'strings',
    key: undefined,
    doc: 'JSON file to read configuration from; may be repeated.',
    hint: 'path',
    available: true,
  },
  {
    name: 'config-dir',
    type: 'strings',
    key: undefined,
    doc: "Directory whose files ending in '.json' are read in order of their names; may be repeated.",
    hint: 'path',
    available: true,
  },
];

/** Every flag of `agent run`, made from the configuration table. */
export function flagSpecs(): readonly FlagSpec[] {
  const specs: FlagSpec[] = [...SOURCE_FLAGS];
  for (const key of CONFIG_KEYS) {
    const { flag, type, doc, hint, inverted, available } = specOf(key);
    if (flag === undefined) continue;
    const text = inverted === true ? `Do not ${doc.charAt(0).toLowerCase()}${doc.slice(1)}` : doc;
    specs.push({ name: flag, type, key, doc: text, hint, available: available ?? true });
  }
  return specs;
}

/** Sorts `name=value` words (dashes allowed in front) into what `runAgent` takes. */
export function runArguments(words: readonly string[]): RunArguments {
  const sources: string[] = [];
  const flags = new Map<string, string[]>();
  for (const word of words) {
    const bare = word.replace(/^--?/, '');
    const equals = bare.indexOf('=');
    const name = equals < 0 ? bare : bare.slice(0, equals);
    const value = equals < 0 ? 'true' : bare.slice(equals + 1);
    if (SOURCE_FLAGS.some((flag) => flag.name === name)) sources.push(value);
    else flags.set(name, [...(flags.get(name) ?? []), value]);
  }
  return { sources, flags };
}

/**
 * The values the flags give. Mistakes are found in Serf's order: numbers and booleans, then tags, then durations.
 *
 * @throws CodedError `ERR_FLAG` with Go's text, `ERR_TAG` or `ERR_DURATION` with Serf's (agent.md 9.3)
 */
export function flagLayer(flags: RunArguments['flags']): ConfigLayer {
  const known = new Set(flagSpecs().map((spec) => spec.name));
  for (const name of flags.keys()) {
    if (!known.has(name)) throw new CodedError('ERR_FLAG', `flag provided but not defined: -${name}`);
  }
  const rank: readonly (readonly ConfigType[])[] = [
    ['bool', 'int'],
    ['map'],
    ['string', 'strings', 'duration'],
  ];
  return rank.flatMap((types) => CONFIG_KEYS.flatMap((key) => entriesOf(key, types, flags)));
}

function entriesOf(
  key: ConfigKey,
  types: readonly ConfigType[],
  flags: RunArguments['flags'],
): readonly LayerEntry[] {
  const { flag, type, inverted } = specOf(key);
  if (flag === undefined || !types.includes(type)) return [];
  const given = flags.get(flag) ?? [];
  // Serf reads an empty duration flag as one that was not given.
  if (given.length === 0 || (type === 'duration' && given.at(-1) === '')) return [];
  const value = readValue(flag, type, given);
  const origin = { source: 'flag', at: `-${flag}` } as const;
  return [{ key, value: inverted === true ? value !== true : value, origin }];
}

/** A flag that takes one value keeps the last one given, as Go does. */
function readValue(flag: string, type: ConfigType, given: readonly string[]): ConfigValue {
  const last = given.at(-1) ?? '';
  switch (type) {
    case 'string':
      return last;
    case 'bool':
      return readBool(flag, last);
    case 'int':
      return readInt(flag, last);
    case 'duration':
      return readDuration(last);
    case 'strings':
      return given;
    case 'map':
      return new Map(given.map(parseTag));
    case 'blocks':
      throw new CodedError('ERR_FLAG', `-${flag} can only be given in a file`);
    default:
      return unreachable(type);
  }
}

function readBool(flag: string, text: string): boolean {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  throw new CodedError('ERR_FLAG', `invalid boolean value ${JSON.stringify(text)} for -${flag}: parse error`);
}

function readInt(flag: string, text: string): number {
  const value = /^[+-]?(0[xX][0-9a-fA-F]+|\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new CodedError('ERR_FLAG', `invalid value ${JSON.stringify(text)} for flag -${flag}: parse error`);
}

function readDuration(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new CodedError('ERR_DURATION', `Error: ${messageOf(error)}`, { cause: error });
  }
}
