import {
  closeSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { codeOf } from '../runtime/net-errors.ts';

/** Only the owner reads what the agent keeps: it holds keys and tags. */
export const PRIVATE_FILE_MODE = 0o600;

/** Where a new file cannot be put beside the old one or moved over it: a mounted file, a directory of others. */
const NO_RENAME = new Set(['EBUSY', 'EXDEV', 'EACCES', 'EPERM', 'EROFS']);

/**
 * Replaces a file so that a crash leaves the old content or the new, never half of one. The mode of an existing file
 * stays unless `mode` is given; a new one is for its owner alone. Throws the system's error.
 */
export function writeFileAtomically(path: string, text: string, mode = modeOf(path)): void {
  const target = resolved(path);
  const beside = `${target}.${process.pid}.tmp`;
  try {
    writeDurably(beside, text, mode);
    renameSync(beside, target);
  } catch (error) {
    discard(beside);
    if (!NO_RENAME.has(codeOf(error))) throw error;
    writeDurably(target, text, mode);
  }
}

function modeOf(path: string): number {
  return (statSync(path, { throwIfNoEntry: false })?.mode ?? PRIVATE_FILE_MODE) & 0o777;
}

function writeDurably(path: string, text: string, mode: number): void {
  const file = openSync(path, 'w', mode);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** A link stays a link: what it points to is replaced. */
function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function discard(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made; the reason is in the error being handled.
  }
}
