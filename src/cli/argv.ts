import { type FlagKind, type FlagTable, objection, parseBool } from './flags.ts';

/**
 * Serf's Go-style arguments: `-name x`, `-name=x` and `--name x` all mean the same. They are judged as Go's `flag`
 * package judges them, with its texts; the usual packages read `-format json` as six flags.
 */

/** One flag as it was typed, its value as text. */
export interface GivenFlag {
  readonly name: string;
  readonly value: string;
}

/** `go`: the first non-flag ends the flags, as in every command Serf has. `anywhere`: flags may follow arguments. */
export type FlagOrder = 'go' | 'anywhere';

export type NormalArgv =
  | {
      readonly type: 'ok';
      /** In order; a flag given twice appears once, with its last value, unless it is a list. */
      readonly flags: readonly GivenFlag[];
      /** What is left, in order and untouched. */
      readonly args: readonly string[];
    }
  | {
      readonly type: 'bad';
      readonly message: string;
      /** The unknown name, when that is what is wrong. */
      readonly unknown?: string;
      /** What to write instead, when a value is what is wrong. */
      readonly hint?: string;
    };

type Step =
  | { readonly type: 'flag'; readonly name: string; readonly value: string; readonly used: number }
  | { readonly type: 'bad'; readonly message: string; readonly unknown?: string; readonly hint?: string };

/** How values of a kind are written. */
const HINTS = {
  bool: 'give true or false after an equals sign, or nothing',
  int: 'give a whole number',
  duration: 'give a number with its unit, such as 500ms, 5s or 1m30s',
  text: undefined,
  list: undefined,
} as const satisfies Record<FlagKind, string | undefined>;

function badValue(message: string, kind: FlagKind): Step {
  const hint = HINTS[kind];
  return hint === undefined ? { type: 'bad', message } : { type: 'bad', message, hint };
}

/** Reads `argv` (without program and command) by a flag table. */
export function readArgv(argv: readonly string[], table: FlagTable, order: FlagOrder): NormalArgv {
  const flags: GivenFlag[] = [];
  const args: string[] = [];
  let at = 0;
  while (at < argv.length) {
    const word = argv[at] as string;
    if (word === '--') {
      args.push(...argv.slice(at + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      if (order === 'go') {
        args.push(...argv.slice(at));
        break;
      }
      args.push(word);
      at += 1;
      continue;
    }
    const step = readFlag(word, argv[at + 1], table);
    if (step.type === 'bad') return step;
    if (table[step.name]?.kind !== 'list') dropEarlier(flags, step.name);
    flags.push({ name: step.name, value: step.value });
    at += step.used;
  }
  return { type: 'ok', flags, args };
}

function dropEarlier(flags: GivenFlag[], name: string): void {
  const known = flags.findIndex((flag) => flag.name === name);
  if (known >= 0) flags.splice(known, 1);
}

function readFlag(word: string, next: string | undefined, table: FlagTable): Step {
  const bare = word.startsWith('--') ? word.slice(2) : word.slice(1);
  if (bare === '' || bare.startsWith('-') || bare.startsWith('=')) {
    return { type: 'bad', message: `bad flag syntax: ${word}` };
  }
  const equals = bare.indexOf('=');
  const name = equals < 0 ? bare : bare.slice(0, equals);
  const inline = equals < 0 ? undefined : bare.slice(equals + 1);
  if (name === 'json' && !Object.hasOwn(table, 'json') && Object.hasOwn(table, 'format')) {
    return jsonFlag(inline);
  }
  if (!Object.hasOwn(table, name)) {
    return { type: 'bad', message: `flag provided but not defined: -${name}`, unknown: name };
  }
  const kind = table[name]?.kind ?? 'text';
  if (kind === 'bool') {
    const value = parseBool(inline ?? 'true');
    if (value === undefined) {
      return badValue(`invalid boolean value ${quoted(inline ?? '')} for -${name}: parse error`, kind);
    }
    return { type: 'flag', name, value: String(value), used: 1 };
  }
  const value = inline ?? next;
  if (value === undefined) return { type: 'bad', message: `flag needs an argument: -${name}` };
  const why = objection(kind, value);
  if (why !== undefined) {
    return badValue(`invalid value ${quoted(value)} for flag -${name}: ${why}`, kind);
  }
  return { type: 'flag', name, value, used: inline === undefined ? 2 : 1 };
}

/** `--json` says `-format=json` in fewer letters; `--json=false` leaves the default. */
function jsonFlag(inline: string | undefined): Step {
  const value = parseBool(inline ?? 'true');
  if (value === undefined) {
    return badValue(`invalid boolean value ${quoted(inline ?? '')} for -json: parse error`, 'bool');
  }
  return { type: 'flag', name: 'format', value: value ? 'json' : 'text', used: 1 };
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

/** True when a word before `--` is one of `words`: how Serf finds `-h` and `-v` anywhere in the arguments. */
export function mentions(argv: readonly string[], words: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).some((word) => words.includes(word));
}
