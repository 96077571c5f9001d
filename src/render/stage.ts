import { chmodSync, statSync, utimesSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { type CommandRecord, runCommand } from './command.ts';
import { type FileState, removeIfThere, writeNew } from './files.ts';
import type { TargetPaths } from './paths.ts';

/** Copying attributes touches no content and takes no time. */
const COPY_TIMEOUT_MS = 10_000;

/** A file that waits to be swapped in. */
export interface Staged {
  /** The staged file has the mode and owner of the one it replaces, so that it may take its place. */
  readonly sameAttributes: boolean;
  /** Why extended attributes may be missing, if they may. */
  readonly warning: string | undefined;
}

/**
 * Writes a new version beside the target, with everything the present one has but its content: mode, owner, extended
 * attributes, security context. Node has no calls for the last two; `cp` (coreutils) has.
 */
export async function stage(
  paths: TargetPaths,
  bytes: Uint8Array,
  known: FileState | undefined,
  mode: number,
  path: string | undefined,
): Promise<Staged> {
  removeIfThere(paths.staged);
  await writeNew(paths.staged, bytes, 0o600);
  if (known === undefined) {
    chmodSync(paths.staged, mode);
    return { sameAttributes: true, warning: undefined };
  }
  const copied = await copyAttributes(paths, path);
  const now = new Date();
  utimesSync(paths.staged, now, now);
  const { stats } = known;
  const made = statSync(paths.staged);
  const sameAttributes = made.uid === stats.uid && made.gid === stats.gid && made.mode === stats.mode;
  await syncFile(paths.staged);
  const warning = copied.ok
    ? undefined
    : `cp could not carry all attributes: ${copied.outcome} ${copied.stderr}`;
  return { sameAttributes, warning: warning?.trim() };
}

function copyAttributes(paths: TargetPaths, path: string | undefined): Promise<CommandRecord> {
  return runCommand({
    step: 'stage',
    argv: ['cp', '--attributes-only', '--preserve=all', '--', paths.file, paths.staged],
    env: { PATH: path ?? '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    timeoutMs: COPY_TIMEOUT_MS,
  });
}

/** The content is durable already; a file that its owner may not read keeps attributes that are not yet. */
async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r').catch(() => undefined);
  try {
    await file?.sync();
  } finally {
    await file?.close();
  }
}
