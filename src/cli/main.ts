import { basename } from 'node:path';
import { CodedError, messageOf } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import { mentions, normaliseArgv } from './argv.ts';
import type { CommandContext, Example } from './command.ts';
import { COMMANDS, findCommand } from './commands/index.ts';
import { EXIT } from './exit.ts';
import { commandHelp, programHelp } from './help.ts';

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
  try {
    return await dispatch(argv, context);
  } catch (error) {
    context.out.error(error instanceof CodedError ? error.message : unexpected(error));
    return EXIT.error;
  } finally {
    await context.out.flush();
  }
}

async function dispatch(argv: readonly string[], context: CommandContext): Promise<number> {
  if (mentions(argv, VERSION_WORDS)) return runNamed('version', [], context);
  const [first, ...rest] = argv;
  const { program, out } = context;
  if (first === undefined) {
    out.error(topHelp(program));
    return EXIT.noCommand;
  }
  if (HELP_WORDS.includes(first) || first === 'help') {
    if (first === 'help' && rest[0] !== undefined) return runNamed(rest[0], ['-h'], context);
    out.line(topHelp(program));
    return EXIT.ok;
  }
  return runNamed(first, rest, context);
}

async function runNamed(name: string, argv: readonly string[], context: CommandContext): Promise<number> {
  const entry = findCommand(name);
  if (entry === undefined) return unknownCommand(name, context);
  const command = await entry.load();
  const { out } = context;
  if (mentions(argv, HELP_WORDS)) {
    out.line(commandHelp(context.program, command));
    return EXIT.ok;
  }
  const parsed = normaliseArgv(argv, command.flags, command.order);
  if (parsed.type === 'bad') {
    const near =
      parsed.unknown === undefined ? undefined : nearest(parsed.unknown, Object.keys(command.flags));
    out.error(near === undefined ? parsed.message : `${parsed.message}\nDid you mean -${near}?`);
    out.line(commandHelp(context.program, command));
    return EXIT.error;
  }
  try {
    if (Object.keys(command.flags).length === 0) {
      return await command.run({ flags: {}, given: [], args: parsed.args }, context);
    }
    const { runCommand } = await import('./yargs.ts');
    return await runCommand(command, parsed.flags, parsed.args, context);
  } catch (error) {
    if (!isUsageError(error)) throw error;
    out.error(`${error.message}\n`);
    out.line(commandHelp(context.program, command));
    return EXIT.error;
  }
}

function unknownCommand(name: string, context: CommandContext): number {
  const { program, out } = context;
  const near = nearest(name, [...Object.keys(COMMANDS), 'help']);
  const suggestion = near === undefined ? '' : ` Did you mean '${program} ${near}'?`;
  out.error(`Unknown command '${name}'.${suggestion}`);
  out.error(
    near === undefined ? `\n${topHelp(program)}` : `Run '${program} --help' for the list of commands.`,
  );
  return EXIT.noCommand;
}

function topHelp(program: string): string {
  const commands = Object.entries(COMMANDS).map(([name, entry]) => [name, entry.synopsis] as const);
  return programHelp(program, EXAMPLES, commands);
}

function isUsageError(error: unknown): error is CodedError {
  return error instanceof CodedError && error.code === 'ERR_USAGE';
}

/** A fault of the program: the stack helps whoever reports it. */
function unexpected(error: unknown): string {
  const stack = error instanceof Error ? error.stack : undefined;
  return `Internal error, please report it: ${stack ?? messageOf(error)}`;
}
