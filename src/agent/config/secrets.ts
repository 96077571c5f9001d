import { readFileSync, statSync } from 'node:fs';
import { CodedError } from '../../base/errors.ts';
import { fileErrorText } from './file.ts';
import type { MergedConfig } from './merge.ts';
import { CONFIG_KEYS, specOf } from './table.ts';

/** A key is a line; more is some other file named by mistake. */
const LARGEST_SECRET_BYTES = 4096;

/** Read or write permission for users outside owner and group. */
const OPEN_TO_ALL = 0o006;

/**
 * Reads a secret that is the only line of a file. The file must be out of reach for everybody but its owner and
 * group; a pipe has no mode worth judging.
 *
 * @param key the configuration key that names the file, for messages
 * @throws CodedError `ERR_SECRET_FILE`; the text never holds the content
 */
export function readSecretFile(key: string, path: string): string {
  const fail = (why: string, cause?: unknown): CodedError =>
    new CodedError('ERR_SECRET_FILE', `Invalid ${key}: ${why}`, { cause });
  let text: string;
  try {
    const stats = statSync(path);
    if (stats.size > LARGEST_SECRET_BYTES) throw fail(`${path} is larger than ${LARGEST_SECRET_BYTES} bytes`);
    if (stats.isFile() && (stats.mode & OPEN_TO_ALL) !== 0) {
      const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
      throw fail(`${path} is open to every user (mode ${mode}); run: chmod 600 ${path}`);
    }
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw error instanceof CodedError ? error : fail(fileErrorText(path, error), error);
  }
  if (text === '') throw fail(`${path} is empty`);
  if (/[\r\n]/.test(text)) throw fail(`${path} holds more than one line`);
  return text;
}

/**
 * Warnings about secrets that stand in a configuration file every user can read. Serf takes such files, so they are
 * not refused.
 */
export function sharedSecretNotes({ origins }: Pick<MergedConfig, 'origins'>): readonly string[] {
  return CONFIG_KEYS.flatMap((key) => {
    const path = origins.get(key)?.at(-1)?.place?.path;
    if (specOf(key).masked !== true || path === undefined || !isOpenToAll(path)) return [];
    return [
      `Warning: '${path}' holds '${key}' and every user can read it; chmod 600 it, or use '${key}_file'`,
    ];
  });
}

function isOpenToAll(path: string): boolean {
  try {
    const stats = statSync(path);
    return stats.isFile() && (stats.mode & OPEN_TO_ALL) !== 0;
  } catch {
    // Gone since it was read.
    return false;
  }
}
