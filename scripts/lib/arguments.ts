import { type ParseArgsConfig, parseArgs } from 'node:util';
import { messageOf } from '../../src/base/errors.ts';

/** Reading the arguments of the development programs: their mistakes are told in a line, not in a stack trace. */

type Options = NonNullable<ParseArgsConfig['options']>;
type Parsed<O extends Options> = ReturnType<
  typeof parseArgs<{ readonly options: O; readonly allowPositionals: true }>
>;

/**
 * What `node:util` reads from the command line. `--help` prints `usage` and ends with 0; what cannot be read ends with 2.
 *
 * @param words true where words that are no options make sense
 */
export function readArguments<const O extends Options>(usage: string, options: O, words = false): Parsed<O> {
  const asked = process.argv.slice(2);
  if (asked.includes('--help') || asked.includes('-h')) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  try {
    return parseArgs({ options, allowPositionals: words }) as Parsed<O>;
  } catch (error) {
    // What Node adds after the first sentence is about writing programs.
    return misused(usage, messageOf(error).split('. ')[0] ?? '');
  }
}

/** A whole number of at least `least`, or the end of the program with 2. */
export function wholeNumber(usage: string, option: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least) return value;
  return misused(usage, `--${option} is a whole number from ${least} on, not '${text}'`);
}

/** Says what is wrong with the arguments and how they are meant, and ends with 2. */
export function misused(usage: string, why: string): never {
  process.stderr.write(`${why}\n\n${usage}\n`);
  process.exit(2);
}
