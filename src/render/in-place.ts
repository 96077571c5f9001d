import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { CodedError } from '../base/errors.ts';
import {
  exists,
  type FileState,
  readState,
  removeIfThere,
  replaceHelper,
  syncDirectory,
  targetError,
} from './files.ts';
import type { TargetPaths } from './paths.ts';

/**
 * Writing over a file that cannot be renamed over, such as a bind-mounted `/etc/hosts`: both versions are journalled
 * beside it first, so that whoever comes after a kill or a power cut can tell a torn file, and mend it.
 */

/** What a journal is recognised by; its number is the version of its layout. */
const MAGIC = 'reeve-journal-1';

const DIGEST = 'sha256';

interface Journal {
  readonly before: Buffer;
  readonly after: Buffer;
}

/** What was found at the start. */
export type Recovery =
  /** No journal: nothing was interrupted. */
  | 'none'
  /** The file was torn, or untouched, and is whole now with the new content. */
  | 'completed'
  /** The write had not begun, or could not be completed: the old content is there. */
  | 'undone'
  /** The write was whole already. */
  | 'whole'
  /** Somebody else has changed the file since; it was left alone and the journal put aside. */
  | 'foreign';

/**
 * Writes `after` over the file `before`, which must be its content now, with a journal beside it meanwhile. A write that
 * fails, as on a full disk, is undone.
 */
export async function writeInPlace(paths: TargetPaths, before: Buffer, after: Buffer): Promise<void> {
  await replaceHelper(paths.journal, encode({ before, after }), paths.helpers);
  try {
    overwrite(paths.file, after);
  } catch (error) {
    // What cannot be undone either is left to whoever finds the journal.
    if (isUndone(paths.file, before)) removeIfThere(paths.journal);
    throw error;
  }
  removeIfThere(paths.journal);
  await syncDirectory(paths.helpers);
}

/**
 * Completes or undoes a write that was interrupted. Call it under the lock of the directory.
 *
 * @throws CodedError `ERR_RENDER_JOURNAL` for a journal that is none
 */
export async function recover(paths: TargetPaths): Promise<Recovery> {
  removeIfThere(`${paths.journal}.tmp`);
  const found = await readState(paths.journal);
  if (found === undefined) return 'none';
  const journal = decode(paths.journal, found);
  const now = (await readState(paths.file))?.bytes;
  let outcome = judge(journal, now);
  if (outcome === 'completed') {
    try {
      overwrite(paths.file, journal.after);
    } catch (error) {
      if (!isUndone(paths.file, journal.before)) throw targetError(paths.file, error);
      outcome = 'undone';
    }
  }
  if (outcome === 'foreign') {
    removeIfThere(`${paths.journal}-aside`);
    await replaceHelper(`${paths.journal}-aside`, found.bytes, paths.helpers);
  }
  removeIfThere(paths.journal);
  await syncDirectory(paths.helpers);
  return outcome;
}

/** True when a write was interrupted here. */
export function isInterrupted(paths: TargetPaths): boolean {
  return exists(paths.journal);
}

function judge({ before, after }: Journal, now: Buffer | undefined): Recovery {
  if (now === undefined) return 'foreign';
  if (now.equals(after)) return 'whole';
  if (now.equals(before)) return 'undone';
  return isTorn(now, before, after) ? 'completed' : 'foreign';
}

/**
 * Is `now` the new content up to some byte and the old content from there? That is all an interrupted overwrite can
 * leave: it goes from the front to the back and cuts the length last. A power cut may leave zeros where no block of the
 * file was written, or any mix of blocks, so every byte is compared by itself.
 */
function isTorn(now: Buffer, before: Buffer, after: Buffer): boolean {
  if (now.length > Math.max(before.length, after.length)) return false;
  if (now.length < Math.min(before.length, after.length)) return false;
  for (let at = 0; at < now.length; at += 1) {
    const byte = now[at];
    if (byte !== after[at] && byte !== before[at] && byte !== 0) return false;
  }
  return true;
}

/** Whether the old content is there, put back if need be: it has its place on the disk already. */
function isUndone(path: string, before: Buffer): boolean {
  try {
    if (!readFileSync(path).equals(before)) overwrite(path, before);
    return true;
  } catch {
    return false;
  }
}

/** From the front to the back, then the cut: what is in front of the first changed byte is never disturbed. */
function overwrite(path: string, bytes: Buffer): void {
  const file = openSync(path, 'r+');
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, at);
    ftruncateSync(file, bytes.length);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function encode({ before, after }: Journal): Buffer {
  const body = Buffer.concat([before, after]);
  const head = [MAGIC, before.length, after.length, digestOf(body)].join(' ');
  return Buffer.concat([Buffer.from(`${head}\n`), body]);
}

function decode(path: string, { bytes }: FileState): Journal {
  const end = bytes.indexOf(10);
  const [magic, beforeLength, afterLength, digest] = bytes
    .subarray(0, Math.max(0, end))
    .toString()
    .split(' ');
  const body = bytes.subarray(end + 1);
  const middle = Number(beforeLength);
  const whole = middle + Number(afterLength) === body.length && digestOf(body) === digest;
  if (magic === MAGIC && whole) return { before: body.subarray(0, middle), after: body.subarray(middle) };
  throw new CodedError(
    'ERR_RENDER_JOURNAL',
    `${path} is no journal of ours: look at the file it belongs to, then remove it`,
  );
}

function digestOf(body: Buffer): string {
  return createHash(DIGEST).update(body).digest('hex');
}
