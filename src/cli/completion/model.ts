import yargs from 'yargs';
import type { FlagTable } from '../flags.ts';

/**
 * What may come next, asked of `yargs`: which commands, options and choices there are and which were used. Only this
 * part of completion is its: it knows one dash for single letters only, and no value that is looked up.
 */

/** A word that could stand at the end, and what it means. */
export interface Candidate {
  readonly word: string;
  readonly doc: string;
}

function model() {
  return yargs([])
    .help(false)
    .version(false)
    .exitProcess(false)
    .fail(false)
    .detectLocale(false)
    .parserConfiguration({ 'boolean-negation': false });
}

/** Commands by their names. */
export async function commandCandidates(commands: readonly Candidate[]): Promise<Candidate[]> {
  const commandModel = model();
  for (const { word, doc } of commands) commandModel.command(word, doc);
  // Asked without what was typed: a name that is complete would be left out.
  const names = (await commandModel.getCompletion([''])).map(bare);
  return commands.filter(({ word }) => names.includes(word));
}

function flagModel(table: FlagTable, choices: Readonly<Record<string, readonly string[]>>) {
  const flagsModel = model();
  for (const [name, flag] of Object.entries(table)) {
    flagsModel.option(name, {
      type: flag.kind === 'bool' ? 'boolean' : 'string',
      describe: flag.doc,
      hidden: flag.hidden === true,
      ...(choices[name] === undefined ? {} : { choices: choices[name] }),
    });
  }
  return flagsModel;
}

/** Flags of a table that are not among `used`; those of a list come again. */
export async function flagCandidates(table: FlagTable, used: readonly string[]): Promise<Candidate[]> {
  const spent = used.filter((name) => table[name]?.kind !== 'list').map((name) => `--${name}`);
  const words = await flagModel(table, {}).getCompletion([...spent, '--']);
  return words.map((word) => {
    const name = bare(word);
    return { word: name, doc: table[name]?.doc ?? '' };
  });
}

/** The values that a flag can have. */
export async function choiceCandidates(
  table: FlagTable,
  name: string,
  choices: readonly string[],
): Promise<Candidate[]> {
  const words = await flagModel(table, { [name]: choices }).getCompletion([`--${name}`, '']);
  return words.map((word) => ({ word: word.replaceAll('\\:', ':'), doc: '' }));
}

/** The name alone: where the caller's login shell is zsh, `yargs` puts the description behind a colon. */
function bare(word: string): string {
  return word.replace(/^-+/, '').replace(/:.*$/s, '');
}
