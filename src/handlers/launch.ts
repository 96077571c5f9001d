import { existsSync } from 'node:fs';
import { bytesOfText } from '../base/bytes.ts';
import { messageOf } from '../base/errors.ts';
import type { PipeOwner } from './pipes.ts';
import type { HandlerUser, SupervisedSpec } from './supervised.ts';

/** A program to start: in a process group of its own, with nothing of the agent's but what is said here. */
export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  /** Undefined: the agent's own. */
  readonly directory?: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  /** Who must be able to open the standard streams by name, when that is not the agent's own user. */
  readonly owner?: PipeOwner | undefined;
  /** Whether stdout and stderr are kept apart; otherwise they share one stream in order of arrival. */
  readonly apart: boolean;
}

/** Lone surrogates only, which stand for such bytes (base/bytes.ts): with the `u` flag a pair never matches. */
const NOT_UTF8 = /[\udc80-\udcff]/u;
const SHELL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A Serf handler script: one line for the shell, both outputs in one. */
export function scriptLaunch(script: string, environment: Readonly<Record<string, string>>): Launch {
  return { file: '/bin/sh', args: ['-c', rawVariables(environment) + script], environment, apart: false };
}

/**
 * Node writes an environment as UTF-8. Where a value holds bytes of another encoding (a tag in Latin-1), the shell sets
 * it again to what the peer sent, as Serf hands it over. The underscore keeps a newline at the end.
 */
function rawVariables(environment: Readonly<Record<string, string>>): string {
  let lines = '';
  for (const [name, value] of Object.entries(environment)) {
    if (!NOT_UTF8.test(value) || !SHELL_NAME.test(name)) continue;
    const octal = [...bytesOfText(value)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
    lines += `${name}=$(printf '${octal}_'); export ${name}="\${${name}%_}"; `;
  }
  return lines;
}

/** What a supervised handler starts. */
export function supervisedLaunch(
  spec: Pick<SupervisedSpec, 'command' | 'user' | 'directory'>,
  environment: Readonly<Record<string, string>>,
): Launch {
  const user = spec.user === undefined || isAgent(spec.user) ? undefined : spec.user;
  const [file = '', ...args] = user === undefined ? spec.command : [...asUser(user), ...spec.command];
  return { file, args, directory: spec.directory, environment, owner: user, apart: true };
}

function isAgent(user: HandlerUser): boolean {
  return process.getuid?.() === user.uid && process.getgid?.() === user.gid;
}

/** Node drops all supplementary groups when it changes the user of a child; this keeps those of the new user. */
function asUser({ uid, gid }: HandlerUser): readonly string[] {
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--'];
}

/** Why a program could not be started. The system says ENOENT also when it is the directory that is missing. */
export function launchFailure({ file, directory }: Launch, error: unknown): string {
  if (directory !== undefined && !existsSync(directory)) return `directory '${directory}' does not exist`;
  const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
  return missing ? `program '${file}' not found` : messageOf(error);
}
