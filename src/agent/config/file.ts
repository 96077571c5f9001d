import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../../base/errors.ts';
import { systemText } from '../../runtime/net-errors.ts';
import { type ReadConfig, readConfig } from './decode.ts';
import type { Refusal } from './fault.ts';
import type { ConfigLayer } from './layer.ts';

/** A configuration is a page or two; more is some other file named by mistake. */
const LARGEST_FILE_BYTES = 1 << 20;

/** One source as it was read. */
export interface SourceFile {
  readonly path: string;
  /** Empty when it could not be read. */
  readonly text: string;
  readonly read: ReadConfig;
}

/**
 * Reads configuration files in the order given. A directory stands for its files that end in `.json`, by name, not
 * recursively; a file is read whatever its name (agent.md 9.1). What cannot be read or decoded is told in its place.
 */
export function readSources(paths: readonly string[]): readonly SourceFile[] {
  return paths.flatMap((path) => {
    try {
      return filesOf(path).map(readSource);
    } catch (error) {
      return [{ path, text: '', read: refused(error) }];
    }
  });
}

function readSource(path: string): SourceFile {
  try {
    const text = readText(path);
    return { path, text, read: readConfig(path, text) };
  } catch (error) {
    return { path, text: '', read: refused(error) };
  }
}

function refused(error: unknown): Refusal {
  if (!(error instanceof CodedError)) throw error;
  return { error, faults: [{ code: error.code, text: error.message }] };
}

/**
 * The layers of configuration files, one for each.
 *
 * @throws CodedError `ERR_CONFIG_READ` or `ERR_CONFIG_DECODE` with Serf's text, of the first that is wrong
 */
export function fileLayers(paths: readonly string[]): readonly ConfigLayer[] {
  return readSources(paths).map(({ read }) => {
    if ('error' in read) throw read.error;
    return read.layer;
  });
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
