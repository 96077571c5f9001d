import { lstatSync, readFileSync, statSync } from 'node:fs';
import { CodedError } from '../../base/errors.ts';
import { fileErrorText } from './file.ts';

/** A key is a line; more is some other file named by mistake. */
const LARGEST_SECRET_BYTES = 4096;

const OTHERS_MAY_READ = 0o044;

/** A secret read from a file. */
export interface FileSecret {
  readonly text: string;
  /** True when other users can read the file: worth a warning. */
  readonly exposed: boolean;
}

/**
 * Reads a secret that is the only line of a file.
 *
 * @param key the configuration key that names the file, for messages
 * @throws CodedError `ERR_SECRET_FILE`; the text never holds the content
 */
export function readSecretFile(key: string, path: string): FileSecret {
  const fail = (why: string, cause?: unknown): CodedError =>
    new CodedError('ERR_SECRET_FILE', `Invalid ${key}: ${why}`, { cause });
  let mode: number;
  let text: string;
  try {
    const stats = statSync(path);
    if (stats.size > LARGEST_SECRET_BYTES) throw fail(`${path} is larger than ${LARGEST_SECRET_BYTES} bytes`);
    mode = stats.mode;
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw error instanceof CodedError ? error : fail(fileErrorText(path, error), error);
  }
  if (text === '') throw fail(`${path} is empty`);
  if (/[\r\n]/.test(text)) throw fail(`${path} holds more than one line`);
  return { text, exposed: isRegular(path) && (mode & OTHERS_MAY_READ) !== 0 };
}

/** A secret handed over through a pipe or a link to one has no mode worth judging. */
function isRegular(path: string): boolean {
  return lstatSync(path).isFile();
}
