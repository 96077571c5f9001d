import { linkSync, type Stats, statSync, unlinkSync } from 'node:fs';
import { open, readFile, rename } from 'node:fs/promises';
import { CodedError, messageOf } from '../base/errors.ts';

/** A file of ours or of others that is larger than this is none that a template belongs in. */
export const LARGEST_FILE_BYTES = 64 << 20;

/** A file as it was read, with what tells whether somebody changed it since. */
export interface FileState {
  readonly bytes: Buffer;
  readonly stats: Stats;
}

/**
 * The file, or undefined when there is none.
 *
 * @throws CodedError `ERR_RENDER_TARGET`
 */
export async function readState(path: string): Promise<FileState | undefined> {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    if (stats.size > LARGEST_FILE_BYTES) throw new Error(`larger than ${LARGEST_FILE_BYTES} bytes`);
    return { stats, bytes: await readFile(path) };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw targetError(path, error);
  }
}

/** True when the file is not the one that was read: another content, another file, or none. */
export function isChangedSince(path: string, before: FileState | undefined): boolean {
  const now = statSync(path, { throwIfNoEntry: false });
  if (now === undefined || before === undefined) return now !== before?.stats;
  const { stats } = before;
  return now.ino !== stats.ino || now.size !== stats.size || now.mtimeMs !== stats.mtimeMs;
}

/** Writes a new file and makes it durable; one that is there already is an error. */
export async function writeNew(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Replaces a helper file atomically and durably. */
export async function replaceHelper(path: string, bytes: Uint8Array, directory: string): Promise<void> {
  const draft = `${path}.tmp`;
  removeIfThere(draft);
  await writeNew(draft, bytes, 0o600);
  await rename(draft, path);
  await syncDirectory(directory);
}

/** Makes renames and removals in a directory durable, where the file system can. */
export async function syncDirectory(path: string): Promise<void> {
  try {
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch {
    // Some file systems cannot; then a power cut may undo a rename, which leaves the old file whole.
  }
}

/** Gives a file a second name; false where the file system cannot. */
export function linkIfPossible(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    return systemCode(error) === 'EEXIST';
  }
}

export function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

export function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** `ENOENT` and its like; empty for an error that is not the system's. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

export function targetError(path: string, error: unknown): CodedError {
  return new CodedError('ERR_RENDER_TARGET', `${path}: ${messageOf(error)}`, { cause: error });
}
