// Rewriting a file that others read, on a host where anything may happen at the same time.

import { spawnSync } from 'node:child_process';
import {
  chownSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

const LOCK_WAIT_SECONDS = 30;
const NEW_FILE_MODE = 0o644;
/** A bind mount cannot be renamed over; a folder may forbid new files, or a new file its owner. */
const IN_PLACE_CODES = ['EBUSY', 'EXDEV', 'EACCES', 'EPERM', 'EROFS'];

/** The file behind any symbolic links, or the path itself when nothing is there yet. */
export function realFile(path) {
  try {
    return realpathSync(path);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return join(realpathSync(dirname(path)), basename(path));
  }
}

/** The file's bytes, each as one character, so that what is not ours is written back unchanged. Undefined if none. */
export function readBytes(path) {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Runs `work` while no other run for a file in the same folder does. The kernel's lock sits on the folder: it leaves
 * nothing behind and ends with this process, however that ends.
 */
export async function withLock(path, work) {
  const folder = openSync(dirname(path), 'r');
  try {
    // flock(1) locks what descriptor 3 refers to, which is ours, so the lock stays when flock itself is gone.
    const lock = spawnSync('flock', ['-w', String(LOCK_WAIT_SECONDS), '3'], {
      stdio: ['ignore', 'inherit', 'inherit', folder],
    });
    if (lock.error !== undefined)
      throw new Error(`cannot run flock (package util-linux): ${lock.error.message}`);
    if (lock.status !== 0) throw new Error(`${dirname(path)} stayed locked for ${LOCK_WAIT_SECONDS} seconds`);
    return await work();
  } finally {
    closeSync(folder);
  }
}

/** Where a new version is put before it replaces the file: beside it, so that renaming is atomic. */
export function stagePath(path) {
  return join(dirname(path), `.${basename(path)}.reeve-new`);
}

/** Writes the new version beside the file, with the file's mode and owner, and makes it durable. */
export function stage(path, text) {
  const staged = stagePath(path);
  rmSync(staged, { force: true });
  const known = statSync(path, { throwIfNoEntry: false });
  const file = openSync(staged, 'wx', 0o600);
  try {
    writeFileSync(file, text, 'latin1');
    if (known !== undefined) chownSync(staged, known.uid, known.gid);
    fchmodSync(file, known === undefined ? NEW_FILE_MODE : known.mode & 0o7777);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return staged;
}

/** Replaces the file's content: by renaming, or in place where a rename is impossible. Call it under the lock. */
export function replaceFile(path, text) {
  try {
    renameSync(stage(path, text), path);
  } catch (error) {
    rmSync(stagePath(path), { force: true });
    if (!IN_PLACE_CODES.includes(error.code)) throw error;
    writeInPlace(path, text);
  }
}

/** One write, then the cut: what is in front of the first changed byte is never disturbed. */
function writeInPlace(path, text) {
  const bytes = Buffer.from(text, 'latin1');
  const file = openSync(path, 'r+');
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, at);
    ftruncateSync(file, bytes.length);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
