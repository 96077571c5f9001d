import yargs, { type Argv, type Options } from 'yargs';
import { assert } from '../base/assert.ts';
import { parseDuration } from '../base/duration.ts';
import type { GivenFlag } from './argv.ts';
import type { Command, CommandContext, CommandInput } from './command.ts';
import { type Flag, type FlagTable, type FlagValues, parseInteger } from './flags.ts';

/** Turns a command into a yargs module and runs it. Loaded only when a command has something to parse. */

/** What yargs would otherwise guess: groups of short flags, nesting by dots, numbers, negation, greedy lists. */
const PLAIN = {
  'short-option-groups': false,
  'dot-notation': false,
  'parse-numbers': false,
  'parse-positional-numbers': false,
  'boolean-negation': false,
  'camel-case-expansion': false,
  'greedy-arrays': false,
} as const;

/** Runs `command` on arguments that `normaliseArgv` has judged; returns the exit code. */
export async function runCommand(
  command: Command,
  given: readonly GivenFlag[],
  args: readonly string[],
  context: CommandContext,
): Promise<number> {
  let code: number | undefined;
  const parser = yargs()
    .scriptName(context.program)
    .parserConfiguration(PLAIN)
    .help(false)
    .version(false)
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new Error(message);
    })
    .command({
      command: command.name,
      describe: false,
      builder: (builder: Argv) => builder.options(yargsOptions(command.flags)).strictOptions(),
      handler: async (parsed) => {
        const input: CommandInput<FlagTable> = {
          flags: flagValues(command.flags, parsed),
          given,
          args: parsed._.slice(1).map(String),
        };
        code = await command.run(input, context);
      },
    });
  const flags = given.map(({ name, value }) => `--${name}=${value}`);
  await parser.parseAsync([command.name, ...flags, '--', ...args]);
  assert(code !== undefined, `command ${command.name} was not run`);
  return code;
}

function yargsOptions(flags: FlagTable): Record<string, Options> {
  return Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, yargsOption(flag)]));
}

function yargsOption(flag: Flag): Options {
  switch (flag.kind) {
    case 'bool':
      return { type: 'boolean', default: flag.default ?? false };
    case 'text':
      return { type: 'string', default: flag.default ?? '' };
    case 'list':
      return { type: 'string', array: true, default: [] };
    case 'int':
      return { type: 'string', default: String(flag.default ?? 0), coerce: parseInteger };
    case 'duration':
      return { type: 'string', default: `${flag.default ?? 0}ms`, coerce: parseDuration };
  }
}

function flagValues(flags: FlagTable, parsed: Readonly<Record<string, unknown>>): FlagValues<FlagTable> {
  return Object.fromEntries(Object.keys(flags).map((name) => [name, parsed[name]])) as FlagValues<FlagTable>;
}
