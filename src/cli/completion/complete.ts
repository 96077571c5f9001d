import type { Command } from '../command.ts';
import { COMMANDS, findCommand } from '../commands/index.ts';
import type { FlagTable } from '../flags.ts';
import { type Candidate, choiceCandidates, commandCandidates, flagCandidates } from './model.ts';
import { type SourceName, type Value, valueOfArgument, valueOfFlag } from './values.ts';
import { flagOf, type Place, placeAfter } from './words.ts';

/** What could be typed at the end of a command line. */
export type Completion =
  | { readonly type: 'words'; readonly candidates: readonly Candidate[] }
  /** The shell does this itself, and better. */
  | { readonly type: 'files' | 'directories' };

/** Looks candidates up; `place` has the flags typed so far, such as the agent's address. */
export type Sources = Readonly<Record<SourceName, (place: Place) => Promise<readonly Candidate[]>>>;

const NOTHING: Completion = { type: 'words', candidates: [] };
const HELP = { kind: 'bool', doc: 'Show examples and options.' } as const;
const JSON_FLAG = { kind: 'bool', doc: 'Short for -format=json.' } as const;

/** Completes the last of the words after the program's name. */
export async function complete(words: readonly string[], sources: Sources): Promise<Completion> {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? '';
  const isHelp = before[0] === 'help';
  const path = isHelp ? before.slice(1) : before;
  if (path.length === 0) return topLevel(current, isHelp);
  const found = findCommand(path);
  if (found === undefined) return NOTHING;
  if (found.type === 'group') {
    return path.length === 1 ? starting(current, await commandCandidates(group(found.name))) : NOTHING;
  }
  if (isHelp) return NOTHING;
  return ofCommand(await found.entry.load(), path.slice(found.words), current, sources);
}

async function topLevel(current: string, isHelp: boolean): Promise<Completion> {
  if (current.startsWith('-') && !isHelp) {
    return starting(current, [
      { word: '--help', doc: 'Show all commands.' },
      { word: '--version', doc: 'Print the version.' },
    ]);
  }
  return starting(current, await commandCandidates(firstWords()));
}

/** Commands by their first word; a group says what it has. */
function firstWords(): Candidate[] {
  const words = new Map<string, string>();
  for (const [name, { synopsis }] of Object.entries(COMMANDS)) {
    const [first = '', second] = name.split(' ');
    const known = words.get(first);
    words.set(first, second === undefined ? synopsis : known === undefined ? second : `${known}, ${second}`);
  }
  words.set('help', 'Show all commands, or one');
  return [...words].map(([word, doc]) => ({ word, doc }));
}

function group(name: string): Candidate[] {
  return Object.entries(COMMANDS)
    .filter(([each]) => each.startsWith(`${name} `))
    .map(([each, { synopsis }]) => ({ word: each.slice(name.length + 1), doc: synopsis }));
}

async function ofCommand(
  command: Command,
  before: readonly string[],
  current: string,
  sources: Sources,
): Promise<Completion> {
  const { name, flags, order } = command;
  const place = placeAfter(before, flags, order);
  const lookUp = (value: Value | undefined, flag: string | undefined, typed: string, start: string) =>
    valuesOf({ value, flag, typed, start }, flags, place, sources);
  if (place.pending !== undefined) {
    return lookUp(valueOfFlag(name, place.pending, flags), place.pending, current, '');
  }
  if (current.startsWith('-') && !place.isPastFlags) {
    const { dashes, name: flag, value } = flagOf(current);
    if (value === undefined) return starting(current, await flagsOf(flags, place, dashes));
    return lookUp(valueOfFlag(name, flag, flags), flag, value, `${dashes}${flag}=`);
  }
  const argument = valueOfArgument(name, place.args.length);
  if (argument !== undefined) return lookUp(argument, undefined, current, '');
  // Nothing else can be said of this place, and flags can stand here.
  if (current === '' && !place.isPastFlags) return starting('', await flagsOf(flags, place, '-'));
  return NOTHING;
}

async function flagsOf(table: FlagTable, { given }: Place, dashes: string): Promise<Candidate[]> {
  const hasJson = Object.hasOwn(table, 'format') && !Object.hasOwn(table, 'json');
  const whole = { ...table, ...(hasJson ? { json: JSON_FLAG } : {}), help: HELP };
  const used = given.map(({ name }) => name);
  return (await flagCandidates(whole, used)).map(({ word, doc }) => ({ word: `${dashes}${word}`, doc }));
}

interface Wanted {
  readonly value: Value | undefined;
  /** The flag whose value it is. */
  readonly flag: string | undefined;
  readonly typed: string;
  /** What stands before the value in the same word. */
  readonly start: string;
}

async function valuesOf(
  { value, flag, typed, start }: Wanted,
  table: FlagTable,
  place: Place,
  sources: Sources,
): Promise<Completion> {
  if (value === undefined) return NOTHING;
  switch (value.type) {
    case 'choices': {
      const candidates =
        flag === undefined || table[flag]?.kind === 'bool'
          ? value.words.map((word) => ({ word, doc: '' }))
          : await choiceCandidates(table, flag, value.words);
      return starting(typed, candidates, start);
    }
    case 'source':
      // A recipe may be a folder of one's own.
      if (value.source === 'recipes' && /[./]/.test(typed)) return { type: 'directories' };
      return starting(typed, await sources[value.source](place), start);
    default:
      return value;
  }
}

/** The candidates that begin with what was typed, with what stands before it. */
function starting(typed: string, candidates: readonly Candidate[], start = ''): Completion {
  const fitting = candidates.filter(({ word }) => word.startsWith(typed));
  return { type: 'words', candidates: fitting.map(({ word, doc }) => ({ word: start + word, doc })) };
}
