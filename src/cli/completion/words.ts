import type { FlagOrder, GivenFlag } from '../argv.ts';
import type { FlagTable } from '../flags.ts';

/** A command line that is being typed: its words as a shell hands them over, and where in a command its end is. */

/** bash takes `=` and `:` for words of their own; as typed, they belong to what stands beside them. */
const BREAK = /^[=:]+$/;

/** The words of bash's `COMP_WORDS` as they were typed, with `-format`, `=`, `js` in one again. */
export function rejoined(words: readonly string[]): string[] {
  const joined: string[] = [];
  let sticks = false;
  for (const word of words) {
    const isBreak = BREAK.test(word);
    if (joined.length > 0 && (sticks || isBreak)) joined[joined.length - 1] += word;
    else joined.push(word);
    sticks = isBreak;
  }
  return joined;
}

/** A word without the quotes and backslashes that the shell would take away. */
export function unquoted(word: string): string {
  return word.replace(/\\(.)|['"]/gs, '$1');
}

/** What has been typed of a command before the word at the end. */
export interface Place {
  readonly given: readonly GivenFlag[];
  readonly args: readonly string[];
  /** The flag whose value comes next. */
  readonly pending: string | undefined;
  /** True after `--`, or after an argument that ends the flags. */
  readonly isPastFlags: boolean;
}

/** Reads unfinished words as `readArgv` reads finished ones; what is wrong with them is passed over. */
export function placeAfter(words: readonly string[], table: FlagTable, order: FlagOrder): Place {
  const given: GivenFlag[] = [];
  const args: string[] = [];
  let pending: string | undefined;
  let isPastFlags = false;
  for (const word of words) {
    if (pending !== undefined) {
      given.push({ name: pending, value: word });
      pending = undefined;
    } else if (isPastFlags || !word.startsWith('-') || word === '-') {
      args.push(word);
      isPastFlags ||= order === 'go';
    } else if (word === '--') {
      isPastFlags = true;
    } else {
      const { name, value } = flagOf(word);
      const flag = Object.hasOwn(table, name) ? table[name] : undefined;
      if (value === undefined && flag !== undefined && flag.kind !== 'bool') pending = name;
      else given.push({ name, value: value ?? 'true' });
    }
  }
  return { given, args, pending, isPastFlags };
}

/** `-name=value` in its parts; without an equals sign there is no value. */
export function flagOf(word: string): {
  readonly dashes: string;
  readonly name: string;
  readonly value: string | undefined;
} {
  const [, dashes = '', name = '', value] = /^(-*)([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  return { dashes, name, value };
}
