import { readFileSync, renameSync, statSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { CodedError, messageOf } from '../base/errors.ts';
import {
  exists,
  type FileState,
  linkIfPossible,
  removeIfThere,
  replaceHelper,
  syncDirectory,
  systemCode,
  targetError,
  writeNew,
} from './files.ts';
import { writeInPlace } from './in-place.ts';
import type { TargetPaths } from './paths.ts';
import type { Staged } from './stage.ts';

/** Where a file cannot be renamed over: a mount point, another file system, a directory that is not ours. */
const NO_RENAME = new Set(['EBUSY', 'EXDEV', 'EACCES', 'EPERM', 'EROFS']);

const NOTHING = new Uint8Array(0);

/** How a new version got into its place. */
export type SwapKind = 'created' | 'replaced' | 'in-place';

/**
 * Keeps the last version known to be good beside the target, and a mark that what comes now is not verified yet. While
 * the mark is there that version stays, however many unverified ones follow it.
 */
export async function keepOld(paths: TargetPaths, known: FileState | undefined): Promise<void> {
  if (exists(paths.pending)) return;
  removeIfThere(paths.old);
  if (known !== undefined && !linkIfPossible(paths.file, paths.old))
    await writeNew(paths.old, known.bytes, 0o600);
  await replaceHelper(paths.pending, NOTHING, paths.helpers);
}

/** The version is verified, or was taken back: what was kept for it goes. */
export function forgetOld(paths: TargetPaths): void {
  // In this order: an old version without a mark is a leftover, a mark without one means there was no file before.
  removeIfThere(paths.pending);
  removeIfThere(paths.old);
}

/** Puts the staged version in the target's place: by renaming, or over it where that cannot be. */
export async function swapIn(
  paths: TargetPaths,
  bytes: Buffer,
  known: FileState | undefined,
  staged: Staged,
): Promise<SwapKind> {
  const mayRename =
    known === undefined || (staged.sameAttributes && known.stats.nlink <= linksOf(paths, known));
  if (mayRename) {
    try {
      renameSync(paths.staged, paths.file);
      await syncDirectory(paths.directory);
      return known === undefined ? 'created' : 'replaced';
    } catch (error) {
      if (known === undefined || !NO_RENAME.has(systemCode(error))) throw targetError(paths.file, error);
    }
  }
  removeIfThere(paths.staged);
  await unshareOld(paths, known);
  await overwriteWith(paths, known?.bytes ?? Buffer.alloc(0), bytes);
  return 'in-place';
}

/** Puts the version kept by `keepOld` back. */
export async function putBack(paths: TargetPaths): Promise<void> {
  if (!exists(paths.old)) {
    removeIfThere(paths.file);
    await syncDirectory(paths.directory);
    return;
  }
  try {
    await rename(paths.old, paths.file);
    await syncDirectory(paths.directory);
  } catch (error) {
    if (!NO_RENAME.has(systemCode(error))) throw targetError(paths.file, error);
    await overwriteWith(paths, readFileSync(paths.file), readFileSync(paths.old));
  }
}

async function overwriteWith(paths: TargetPaths, before: Buffer, after: Buffer): Promise<void> {
  try {
    await writeInPlace(paths, before, after);
  } catch (error) {
    throw new CodedError(
      'ERR_RENDER_TARGET',
      `${paths.file}: it cannot be replaced by renaming, and not be written in place: ${whyNotWritten(error)}`,
      { cause: error },
    );
  }
}

/**
 * The system's words. A sandbox opens one file by a mount on it, which is gone once an editor has put another file in
 * its place, and comes back when the unit starts again.
 */
export function whyNotWritten(error: unknown): string {
  const text = messageOf(error);
  return systemCode(error) === 'EROFS'
    ? `${text}; if a sandbox opened this file (ReadWritePaths) and somebody has replaced it since, restart the unit`
    : text;
}

/** A second name of the file shares its content, which is about to be written over: it becomes a copy. */
async function unshareOld(paths: TargetPaths, known: FileState | undefined): Promise<void> {
  if (known === undefined || !isSameFile(paths.old, known)) return;
  removeIfThere(paths.old);
  await writeNew(paths.old, known.bytes, 0o600);
}

/** Names the file may have without one being lost: its own, and the one `keepOld` gave it. */
function linksOf(paths: TargetPaths, known: FileState): number {
  return isSameFile(paths.old, known) ? 2 : 1;
}

function isSameFile(path: string, { stats }: FileState): boolean {
  const other = statSync(path, { throwIfNoEntry: false });
  return other?.ino === stats.ino && other.dev === stats.dev;
}
