import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError, messageOf } from '../base/errors.ts';
import type { Choice } from './options.ts';

/** What `recipe add` wrote, kept beside it: which recipe, what was chosen, and how the files looked. */

/** Configuration directories are read by their `.json` files alone. */
export const RECORD_ENDING = '.recipe';

export interface Installed {
  /** What it is installed as. */
  readonly name: string;
  /** The recipe it came from; the path of its folder when it is not one of the package. */
  readonly recipe: string;
  readonly choice: Choice;
  /** The file that is kept; empty for a handler. */
  readonly target: string;
  /** SHA-256 of each file as it was written, by path. */
  readonly files: ReadonlyMap<string, string>;
}

export function digest(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function recordPath(directory: string, name: string): string {
  return join(directory, name + RECORD_ENDING);
}

/** The text of a record. */
export function recordText({ recipe, choice, target, files }: Installed): string {
  const record = {
    recipe,
    set: Object.fromEntries(choice.values),
    ...(choice.tags && { tags: Object.fromEntries(choice.tags) }),
    target,
    files: Object.fromEntries(files),
  };
  return `${JSON.stringify(record, null, 2)}\n`;
}

/**
 * What is installed under a name, or undefined.
 *
 * @throws CodedError `ERR_RECIPE_RECORD` when its record makes no sense
 */
export function readRecord(directory: string, name: string): Installed | undefined {
  const path = recordPath(directory, name);
  if (!existsSync(path)) return undefined;
  try {
    const root = JSON.parse(readFileSync(path, 'utf8')) as Readonly<Record<string, unknown>>;
    const { recipe, target = '', tags } = root;
    if (typeof recipe !== 'string' || typeof target !== 'string') throw new Error("it has no 'recipe'");
    const choice = { values: texts(root['set']), tags: tags === undefined ? undefined : texts(tags) };
    return { name, recipe, choice, target, files: texts(root['files']) };
  } catch (error) {
    throw new CodedError(
      'ERR_RECIPE_RECORD',
      `${path}: ${messageOf(error)}; it is written by 'recipe add', which writes it anew with -force`,
      { cause: error },
    );
  }
}

function texts(value: unknown): ReadonlyMap<string, string> {
  const entries = Object.entries(value ?? {});
  if (entries.every(([, text]) => typeof text === 'string')) return new Map(entries as [string, string][]);
  throw new Error('it holds something else than texts');
}

/**
 * Everything that is installed in a directory, by name.
 *
 * @throws CodedError `ERR_RECIPE_RECORD`
 */
export function installedIn(directory: string): readonly Installed[] {
  if (!existsSync(directory)) return [];
  return namesIn(directory)
    .filter((file) => file.endsWith(RECORD_ENDING))
    .sort()
    .flatMap((file) => readRecord(directory, file.slice(0, -RECORD_ENDING.length)) ?? []);
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    throw new CodedError('ERR_RECIPE_RECORD', `${directory}: ${messageOf(error)}`, { cause: error });
  }
}

/** The installed files that are not as they were written, and those that are gone. */
export function editedFiles({ files }: Installed): readonly string[] {
  return [...files]
    .filter(([path, hash]) => existsSync(path) && digest(readFileSync(path)) !== hash)
    .map(([path]) => path);
}
