import { type RunArguments, runArguments } from '../../agent/config/flags.ts';
import type { CommandInput } from '../command.ts';
import type { FlagTable } from '../flags.ts';
import { runFlags } from './run.ts';

/** What `config check` and `config show` have in common: every flag of `run`, and files as arguments. */

/** Flags of these commands that `run` has not. */
export const JSON_FLAG = {
  json: { kind: 'bool', doc: 'Print JSON.' },
} as const satisfies FlagTable;

/** The flags of `run` beside those of the command itself. */
export function configFlags<F extends FlagTable>(own: F): F & FlagTable {
  return { ...runFlags(), ...own };
}

/** What `run` would be told: files named as arguments are read like `-config-file`, after those of the flags. */
export function configArguments(input: CommandInput<FlagTable>, own: FlagTable): RunArguments {
  const words = input.given
    .filter(({ name }) => !Object.hasOwn(own, name))
    .map(({ name, value }) => `${name}=${value}`);
  const { sources, flags } = runArguments(words);
  return { sources: [...sources, ...input.args], flags };
}
