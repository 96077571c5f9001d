import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../../base/errors.ts';
import { systemText } from '../../runtime/net-errors.ts';
import { decodeConfig } from './decode.ts';
import type { ConfigLayer } from './layer.ts';

/** A configuration is a page or two; more is some other file named by mistake. */
const LARGEST_FILE_BYTES = 1 << 20;

/**
 * Reads configuration files in the order given, one layer each. A directory stands for its files that end in `.json`,
 * by name, not recursively; a file is read whatever its name (agent.md 9.1).
 *
 * @throws CodedError `ERR_CONFIG_READ` or `ERR_CONFIG_DECODE` with Serf's text
 */
export function fileLayers(paths: readonly string[]): readonly ConfigLayer[] {
  return paths.flatMap(filesOf).map((path) => decodeConfig(path, readText(path)));
}

function filesOf(path: string): readonly string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path).filter((name) => name.endsWith('.json'));
    return names
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .map((name) => join(path, name))
      .filter((file) => !statSync(file).isDirectory());
  } catch (error) {
    throw unreadable(path, error);
  }
}

function readText(path: string): string {
  let bytes: Buffer;
  try {
    if (statSync(path).size > LARGEST_FILE_BYTES) throw new Error(`larger than ${LARGEST_FILE_BYTES} bytes`);
    bytes = readFileSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
  return bytes.toString('utf8');
}

function unreadable(path: string, error: unknown): CodedError {
  return new CodedError('ERR_CONFIG_READ', `Error reading '${path}': ${fileErrorText(path, error)}`, {
    cause: error,
  });
}

/** A file error as Go prints it: `open P: no such file or directory`. */
export function fileErrorText(path: string, error: unknown, action = 'open'): string {
  return `${action} ${path}: ${systemText(error)}`;
}
