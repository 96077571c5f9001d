import { parseDuration } from '../base/duration.ts';
import { messageOf } from '../base/errors.ts';

/** The flags of a command: what they are called, what they hold, and what Go's `flag` package accepts for them. */

export type FlagKind = 'text' | 'bool' | 'int' | 'duration' | 'list';

interface FlagCommon {
  /** What help says; plain sentences, wrapped by the printer. */
  readonly doc: string;
  /** Stands for the value in help, e.g. `NAME`. */
  readonly value?: string;
  /** True keeps it out of help: for spellings that exist only so that old scripts work. */
  readonly hidden?: boolean;
}

/** One flag. `default` of a duration is in milliseconds. A list collects every occurrence. */
export type Flag =
  | (FlagCommon & { readonly kind: 'text'; readonly default?: string })
  | (FlagCommon & { readonly kind: 'bool'; readonly default?: boolean })
  | (FlagCommon & { readonly kind: 'int' | 'duration'; readonly default?: number })
  | (FlagCommon & { readonly kind: 'list' });

export type FlagTable = Readonly<Record<string, Flag>>;

interface ValueOfKind {
  text: string;
  bool: boolean;
  int: number;
  /** Milliseconds. */
  duration: number;
  list: readonly string[];
}

/** What a command receives for its flags; absent flags have their default or the zero of their kind, as in Go. */
export type FlagValues<F extends FlagTable> = { readonly [K in keyof F]: ValueOfKind[F[K]['kind']] };

const TRUE_WORDS = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const FALSE_WORDS = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

/** Go's strconv.ParseBool; undefined when it would fail. */
export function parseBool(text: string): boolean | undefined {
  if (TRUE_WORDS.includes(text)) return true;
  return FALSE_WORDS.includes(text) ? false : undefined;
}

const INTEGER = /^[+-]?(0[xX](_?[0-9a-fA-F])+|0[bB](_?[01])+|0[oO]?(_?[0-7])+|0|[1-9](_?[0-9])*)$/;

/** Go's strconv.ParseInt with base 0 within safe integers; undefined for bad syntax, NaN when it is out of range. */
export function parseInteger(text: string): number | undefined {
  if (!INTEGER.test(text)) return undefined;
  const digits = text.replace(/^[+-]/, '').replaceAll('_', '');
  const value = Number(/^0[0-7]+$/.test(digits) ? `0o${digits}` : digits);
  if (!Number.isSafeInteger(value)) return Number.NaN;
  return text.startsWith('-') ? -value : value;
}

/** Why `value` does not suit a flag of this kind, in Go's words, or undefined when it does. */
export function objection(kind: FlagKind, value: string): string | undefined {
  switch (kind) {
    case 'bool':
      return parseBool(value) === undefined ? 'parse error' : undefined;
    case 'int': {
      const number = parseInteger(value);
      if (number === undefined) return 'parse error';
      return Number.isNaN(number) ? 'value out of range' : undefined;
    }
    case 'duration':
      try {
        parseDuration(value);
        return undefined;
      } catch (error) {
        // Go hides the reason of its own duration flags.
        return messageOf(error) === '' ? undefined : 'parse error';
      }
    case 'text':
    case 'list':
      return undefined;
  }
}

/** The values of a command's flags, from texts that `objection` has passed; what was not given has its default. */
export function flagValues<F extends FlagTable>(
  table: F,
  given: readonly { readonly name: string; readonly value: string }[],
): FlagValues<F> {
  const values = Object.entries(table).map(([name, flag]) => {
    const texts = given.filter((one) => one.name === name).map(({ value }) => value);
    return [name, flagValue(flag, texts)];
  });
  return Object.fromEntries(values) as FlagValues<F>;
}

function flagValue(flag: Flag, texts: readonly string[]): ValueOfKind[FlagKind] {
  const last = texts.at(-1);
  switch (flag.kind) {
    case 'list':
      return texts;
    case 'text':
      return last ?? flag.default ?? '';
    case 'bool':
      return last === undefined ? (flag.default ?? false) : parseBool(last) === true;
    case 'int':
      return last === undefined ? (flag.default ?? 0) : (parseInteger(last) ?? 0);
    case 'duration':
      return last === undefined ? (flag.default ?? 0) : parseDuration(last);
  }
}
