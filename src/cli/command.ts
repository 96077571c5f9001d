import { CodedError, messageOf } from '../base/errors.ts';
import type { FlagOrder, GivenFlag } from './argv.ts';
import type { AgentClient } from './connect.ts';
import type { FlagTable, FlagValues } from './flags.ts';
import type { Output } from './output.ts';
import type { Screen } from './screen.ts';

/** What a command is, and the little that all of them share. */

/** One line of a command's examples: what to type after the program's name, and what it does. */
export type Example = readonly [line: string, meaning: string];

/** A command: data for help and parsing, and what it does. */
export interface Command<F extends FlagTable = FlagTable> {
  readonly name: string;
  /** What follows the name in the usage line. */
  readonly usage: string;
  readonly examples: readonly Example[];
  /** Paragraphs for help. */
  readonly about: readonly string[];
  readonly flags: F;
  readonly order: FlagOrder;
  /** Returns the exit code. Throws what `usageError`, `failure` or `explained` make; main prints it. */
  run(input: CommandInput<F>, context: CommandContext): Promise<number>;
}

export interface CommandInput<F extends FlagTable> {
  readonly flags: FlagValues<F>;
  /** What was typed, as text and in order, for a command to which the order matters. */
  readonly given: readonly GivenFlag[];
  readonly args: readonly string[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the world offers a command; tests offer another one. */
export interface CommandContext {
  /** The name this program was called by. */
  readonly program: string;
  readonly env: Environment;
  readonly out: Output;
  /** What stdout is. */
  readonly screen: Screen;
  /** Connects to the agent that the RPC flags, the environment or the defaults name. */
  connect(flags: FlagValues<typeof RPC_FLAGS>): Promise<AgentClient>;
  /** Aborts on the first INT or TERM after this call; until it is called those end the process. */
  interrupted(): AbortSignal;
}

/** The flags of every command that talks to an agent. */
export const RPC_FLAGS = {
  'rpc-addr': {
    kind: 'text',
    value: 'address',
    doc: 'RPC address of the agent: host:port, or unix:path. Default: SERF_RPC_ADDR, else its local socket, else 127.0.0.1:7373.',
  },
  'rpc-auth': {
    kind: 'text',
    value: 'key',
    doc: 'RPC auth key of the agent. Default: SERF_RPC_AUTH, which other users of this host cannot see.',
  },
} as const satisfies FlagTable;

/** Keeps the literal types of a command's flags. */
export function defineCommand<const F extends FlagTable>(command: Command<F>): Command<F> {
  return command;
}

/** Connects, uses and always closes. */
export async function withAgent<T>(
  context: CommandContext,
  flags: FlagValues<typeof RPC_FLAGS>,
  use: (client: AgentClient) => Promise<T>,
): Promise<T> {
  const client = await context.connect(flags);
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/** The arguments do not fit: the message on stderr, help on stdout, exit 1. */
export function usageError(message: string): CodedError {
  return new CodedError('ERR_USAGE', message);
}

/** The command could not do its work: the message on stderr, exit 1. */
export function failure(message: string, cause?: unknown): CodedError {
  return new CodedError('ERR_COMMAND', message, { cause });
}

/**
 * Awaits `work`; puts Serf's words for this command before whatever goes wrong, and what to do behind it.
 *
 * @param steps what to do about errors of these texts
 */
export async function explained<T>(
  prefix: string,
  work: Promise<T>,
  steps: Readonly<Record<string, string>> = {},
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const text = messageOf(error);
    const step = Object.hasOwn(steps, text) ? steps[text] : STEPS[text];
    throw failure(`${prefix}: ${text}${step === undefined ? '' : `; ${step}`}`, error);
  }
}

/** What to do about errors that any command may meet. */
const STEPS: Readonly<Record<string, string>> = {
  'Authentication required': 'this agent has an RPC auth key: give it with -rpc-auth or SERF_RPC_AUTH',
  'client closed': 'the agent hung up: look at its log',
};

/** Reads `key=value` words into a map, as Serf does: the first `=` splits, the key is not empty. */
export function readTags(words: readonly string[]): Map<string, string> {
  const tags = new Map<string, string>();
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals < 1) throw failure(`Error: Invalid tag: '${word}'`);
    tags.set(word.slice(0, equals), word.slice(equals + 1));
  }
  return tags;
}
