import { existsSync } from 'node:fs';
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

/** A Serf handler script: one line for the shell, both outputs in one. */
export function scriptLaunch(script: string, environment: Readonly<Record<string, string>>): Launch {
  return { file: '/bin/sh', args: ['-c', script], environment, apart: false };
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
