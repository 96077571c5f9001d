import { readFileSync, type Stats, statSync } from 'node:fs';
import { decodeBase64, encodeBase64 } from '../base/base64.ts';
import { CodedError, messageOf } from '../base/errors.ts';
import { validateKey } from '../wire/keyring.ts';
import { PRIVATE_FILE_MODE, writeFileAtomically } from './atomic-file.ts';
import { fileErrorText } from './config/file.ts';
import { type JsonNode, parseWholeJson } from './config/json.ts';

/** Read or write permission for users outside owner and group. */
const OPEN_TO_ALL = 0o006;

/**
 * The keys of a keyring file, the primary first (serf.md 12.1). The file must exist, hold at least one key, and be
 * out of reach for everybody but its owner and group.
 *
 * @throws CodedError `ERR_KEYRING_FILE` with Serf's text; it never holds a key
 */
export function readKeyringFile(path: string): readonly Uint8Array[] {
  const keys = texts(path, parse(path)).map(decodeKey);
  if (keys.length === 0) throw failure('Keyring file contains no keys');
  for (const key of keys) {
    try {
      validateKey(key);
    } catch (error) {
      throw failure(`Failed to restore keyring: ${messageOf(error)}`, error);
    }
  }
  return keys;
}

/**
 * Writes the keys, the primary first: JSON, indented by two, no newline at the end, for the owner alone.
 *
 * @throws CodedError `ERR_KEYRING_FILE` with Serf's text
 */
export function writeKeyringFile(path: string, keys: readonly Uint8Array[]): void {
  try {
    writeFileAtomically(path, JSON.stringify(keys.map(encodeBase64), null, 2), PRIVATE_FILE_MODE);
  } catch (error) {
    throw failure(`Failed to write keyring file: ${fileErrorText(path, error)}`, error);
  }
}

function parse(path: string): JsonNode {
  let text: string;
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (error) {
    throw failure(fileErrorText(path, error, 'stat'), error);
  }
  if (stats.isFile() && (stats.mode & OPEN_TO_ALL) !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
    throw failure(`Keyring file ${path} is open to every user (mode ${mode}); run: chmod 600 ${path}`);
  }
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw failure(`Failed to read keyring file: ${fileErrorText(path, error)}`, error);
  }
  try {
    return parseWholeJson(text);
  } catch (error) {
    throw failure(`Failed to decode keyring file: ${path}: ${messageOf(error)}`, error);
  }
}

function texts(path: string, root: JsonNode): readonly string[] {
  const wrong = failure(`Failed to decode keyring file: ${path}: not an array of base64 texts`);
  if (root.kind === 'null') return [];
  if (root.kind !== 'array') throw wrong;
  return root.items.map((item) => {
    if (item.kind !== 'string') throw wrong;
    return item.value;
  });
}

function decodeKey(text: string): Uint8Array {
  try {
    return decodeBase64(text);
  } catch (error) {
    throw failure(`Failed to decode key from keyring: ${messageOf(error)}`, error);
  }
}

function failure(message: string, cause?: unknown): CodedError {
  return new CodedError('ERR_KEYRING_FILE', message, { cause });
}
