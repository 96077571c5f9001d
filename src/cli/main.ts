import { basename } from 'node:path';
import { CodedError, messageOf } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import { mentions, readArgv } from './argv.ts';
import type { CommandContext, Example } from './command.ts';
import { COMMANDS, commandWords, findCommand } from './commands/index.ts';
import { EXIT } from './exit.ts';
import { type FlagTable, flagValues } from './flags.ts';
import { commandHelp, groupHelp, programHelp } from './help.ts';

/** The program: finds the command, reads its flags, runs it, and says what went wrong. */

const HELP_WORDS = ['-h', '-help', '--help'];
const VERSION_WORDS = ['-v', '--version'];

const EXAMPLES: readonly Example[] = [
  ['run', 'Run an agent on this host'],
  ['run -join=10.0.0.1', 'Run one that joins a cluster'],
  ['members', 'See who is there'],
  ['event deploy v42', 'Tell every node'],
  ['query uptime', 'Ask every node'],
];

/** Names this program is installed under; by any other (a bundle, a test) it calls itself the first. */
const PROGRAM_NAMES = ['agent', 'reeve', 'serf'];

/** The name to show for the path this program was started by. */
export function programName(path: string | undefined): string {
  const name = basename(path ?? '').replace(/\.[cm]?[jt]s$/, '');
  return PROGRAM_NAMES.includes(name) ? name : (PROGRAM_NAMES[0] as string);
}

/** Runs the command line `argv` (without interpreter and program); returns the exit code and never throws. */
export async function main(argv: readonly string[], context: CommandContext): Promise<number> {
  const { out } = context;
  let code: number;
  try {
    code = await dispatch(argv, context);
  } catch (error) {
    out.error(error instanceof CodedError ? error.message : unexpected(error));
    code = EXIT.error;
  }
  await out.flush();
  if (out.fault === undefined) return code;
  out.error(`Cannot write the output, it is not complete: ${messageOf(out.fault)}`);
  await out.flush();
  return code === EXIT.ok ? EXIT.error : code;
}

async function dispatch(argv: readonly string[], context: CommandContext): Promise<number> {
  if (mentions(argv, VERSION_WORDS)) return runNamed(['version'], context);
  const { program, out } = context;
  const [first, ...rest] = argv;
  if (first === undefined) {
    out.error(topHelp(program));
    return EXIT.noCommand;
  }
  if (HELP_WORDS.includes(first) || (first === 'help' && rest.length === 0)) {
    out.line(topHelp(program));
    return EXIT.ok;
  }
  return runNamed(first === 'help' ? [...rest, '-h'] : argv, context);
}

async function runNamed(words: readonly string[], context: CommandContext): Promise<number> {
  const found = findCommand(words);
  if (found?.type === 'group') return showGroup(found.name, found.commands, words.slice(1), context);
  if (found === undefined) return unknownCommand(words[0] ?? '', commandWords(), context);
  const command = await found.entry.load();
  const argv = words.slice(found.words);
  const { out } = context;
  if (mentions(argv, HELP_WORDS)) {
    out.line(commandHelp(context.program, command));
    return EXIT.ok;
  }
  const parsed = readArgv(argv, command.flags, command.order);
  if (parsed.type === 'bad') {
    const near =
      parsed.unknown === undefined ? undefined : nearest(parsed.unknown, visibleFlags(command.flags));
    const hint = near === undefined ? parsed.hint : `did you mean -${near}?`;
    out.error(hint === undefined ? parsed.message : `${parsed.message}; ${hint}`);
    out.line(commandHelp(context.program, command));
    return EXIT.error;
  }
  try {
    const flags = flagValues(command.flags, parsed.flags);
    return await command.run({ flags, given: parsed.flags, args: parsed.args }, context);
  } catch (error) {
    if (!isUsageError(error)) throw error;
    out.error(error.message);
    out.line(commandHelp(context.program, command));
    return EXIT.error;
  }
}

/** Flags that are worth suggesting. */
function visibleFlags(flags: FlagTable): string[] {
  const names = Object.keys(flags).filter((name) => flags[name]?.hidden !== true);
  return Object.hasOwn(flags, 'format') ? [...names, 'json'] : names;
}

/** A group was named without one of its commands. */
function showGroup(
  name: string,
  commands: readonly string[],
  rest: readonly string[],
  context: CommandContext,
): number {
  const { program, out } = context;
  const [next] = rest;
  const help = groupHelp(program, name, synopses(commands));
  if (mentions(rest, HELP_WORDS)) {
    out.line(help);
    return EXIT.ok;
  }
  if (next === undefined || next.startsWith('-')) {
    out.error(help);
    return EXIT.noCommand;
  }
  return unknownCommand(`${name} ${next}`, commands, context);
}

function unknownCommand(name: string, known: readonly string[], context: CommandContext): number {
  const { program, out } = context;
  const near = nearest(name, known);
  const suggestion = near === undefined ? '' : `Did you mean '${program} ${near}'? `;
  out.error(`Unknown command '${name}'. ${suggestion}Run '${program} --help' for the list of commands.`);
  return EXIT.noCommand;
}

function synopses(names: readonly string[]): (readonly [name: string, synopsis: string])[] {
  return Object.entries(COMMANDS)
    .filter(([name]) => names.includes(name))
    .map(([name, entry]) => [name, entry.synopsis] as const);
}

function topHelp(program: string): string {
  return programHelp(program, EXAMPLES, synopses(Object.keys(COMMANDS)));
}

function isUsageError(error: unknown): error is CodedError {
  return error instanceof CodedError && error.code === 'ERR_USAGE';
}

/** A fault of the program, on one line: what, and the place in the code that helps whoever reports it. */
function unexpected(error: unknown): string {
  const what = error instanceof Error ? `${error.name}: ${error.message}` : messageOf(error);
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const place = /\n\s+at ([^\n]+)/.exec(stack)?.[1];
  return `Internal error, please report it: ${what.replaceAll('\n', ' ')}${place === undefined ? '' : ` (at ${place})`}`;
}
