import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CodedError, messageOf } from '../base/errors.ts';
import { makeDirectories } from '../base/make-directories.ts';
import { removeIfThere, syncDirectory, systemCode, writeNew } from '../render/files.ts';
import { type Choice, fragmentOf, installedPath, optionValues } from './options.ts';
import { type JsonObject, type JsonValue, type Recipe, recipeFile } from './recipe.ts';
import { digest, type Installed, readRecord, recordPath, recordText } from './record.ts';

/** Putting a recipe into a configuration directory. */

/** What is known of a file that is to be written. */
export type FileStanding =
  | 'new'
  /** It has these bytes. */
  | 'same'
  /** It is as `recipe add` wrote it. */
  | 'ours'
  /** Somebody changed it since. */
  | 'edited'
  /** No recipe wrote it. */
  | 'foreign';

export interface PlannedFile {
  readonly path: string;
  readonly what: string;
  readonly bytes: Buffer;
  readonly mode: number;
  readonly standing: FileStanding;
  /** Its present bytes. */
  readonly present: Buffer | undefined;
}

/** Everything `add` would do. */
export interface InstallPlan {
  readonly recipe: Recipe;
  readonly name: string;
  readonly directory: string;
  /** In the order they are written: the configuration comes last, so that it never names what is not there. */
  readonly files: readonly PlannedFile[];
  readonly fragment: JsonObject;
  readonly fragmentPath: string;
  /** The file that is kept; empty for a handler without one. */
  readonly target: string;
}

export interface InstallRequest {
  readonly recipe: Recipe;
  /** How the recipe was named: its name, or its folder. */
  readonly source: string;
  readonly name: string;
  /** Absolute. */
  readonly directory: string;
  readonly choice: Choice;
  /** Files of other programs to write besides, such as a drop-in of systemd. */
  readonly extra?: readonly { readonly path: string; readonly what: string; readonly text: string }[];
}

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
const MODE = 0o644;
const MODE_OF_PROGRAMS = 0o755;

/**
 * Finds out what would be written, and what stands there; writes nothing.
 *
 * @throws CodedError `ERR_RECIPE`, `ERR_RECIPE_OPTION`
 */
export function planInstall(request: InstallRequest): InstallPlan {
  const { recipe, name, directory, choice } = request;
  if (!NAME.test(name)) {
    throw new CodedError(
      'ERR_RECIPE_OPTION',
      `'${name}' is no name: up to 64 letters, digits, '_', '-' and '.', and the first none of the last two`,
    );
  }
  const fragment = fragmentOf({ recipe, name, directory, choice });
  const target = optionValues(recipe, choice).get('target') ?? '';
  const known = readRecordIfGood(directory, name);
  const plan = (path: string, what: string, bytes: Buffer, mode: number): PlannedFile => {
    const present = existsSync(path) ? readFileSync(path) : undefined;
    return { path, what, bytes, mode, present, standing: standingOf(path, bytes, present, known) };
  };
  const parts = [...recipe.files].map(([word, file]) => {
    const bytes = recipeFile(recipe, file);
    const mode = bytes.subarray(0, 2).toString() === '#!' ? MODE_OF_PROGRAMS : MODE;
    return plan(installedPath(directory, name, file), word, bytes, mode);
  });
  const others = (request.extra ?? []).map(({ path, what, text }) =>
    plan(path, what, Buffer.from(text), MODE),
  );
  const fragmentPath = join(directory, `${name}.json`);
  const configuration = plan(fragmentPath, 'configuration', Buffer.from(fragmentText(fragment)), MODE);
  const written = [...parts, ...others, configuration];
  const record: Installed = {
    name,
    recipe: request.source,
    choice,
    target,
    // What an earlier version wrote besides is still to be removed one day.
    files: new Map([
      ...(known?.files ?? []),
      ...written.map(({ path, bytes }) => [path, digest(bytes)] as const),
    ]),
  };
  const recordFile = recordPath(directory, name);
  const present = existsSync(recordFile) ? readFileSync(recordFile) : undefined;
  const bytes = Buffer.from(recordText(record));
  const standing = present === undefined ? 'new' : present.equals(bytes) ? 'same' : 'ours';
  const note = { path: recordFile, what: 'record', bytes, mode: MODE, standing, present } as const;
  return {
    recipe,
    name,
    directory,
    files: [...parts, ...others, note, configuration],
    fragment,
    fragmentPath,
    target,
  };
}

/** A record that makes no sense knows no file. */
function readRecordIfGood(directory: string, name: string): Installed | undefined {
  try {
    return readRecord(directory, name);
  } catch {
    return undefined;
  }
}

function standingOf(
  path: string,
  bytes: Buffer,
  present: Buffer | undefined,
  known: Installed | undefined,
): FileStanding {
  if (present === undefined) return 'new';
  if (present.equals(bytes)) return 'same';
  const hash = known?.files.get(path);
  if (hash === undefined) return 'foreign';
  return hash === digest(present) ? 'ours' : 'edited';
}

/** Lists and objects up to here stand on one line. */
const LONGEST_LINE = 100;

/** True when the recipe would write something else than what it wrote, because it is a newer one. */
export function isOutdated(
  recipe: Recipe,
  { name, choice, recipe: source }: Installed,
  directory: string,
): boolean {
  const { files } = planInstall({ recipe, source, name, directory, choice });
  return files.some(({ standing, what }) => what !== 'record' && (standing === 'ours' || standing === 'new'));
}

/** JSON as people write it: short lists and objects on one line. */
export function fragmentText(fragment: JsonObject): string {
  return `${laidOut(fragment, '')}\n`;
}

function laidOut(value: JsonValue, indent: string): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const isList = Array.isArray(value);
  const inner = `${indent}  `;
  const parts = isList
    ? value.map((item: JsonValue) => laidOut(item, inner))
    : Object.entries(value).map(
        ([key, item]) => `${JSON.stringify(key)}: ${laidOut(item as JsonValue, inner)}`,
      );
  if (parts.length === 0) return isList ? '[]' : '{}';
  const line = isList ? `[${parts.join(', ')}]` : `{ ${parts.join(', ')} }`;
  const isFlat = Object.values(value).every(
    (item: unknown) => typeof item !== 'object' || Array.isArray(item),
  );
  if (indent !== '' && isFlat && !line.includes('\n') && indent.length + line.length <= LONGEST_LINE)
    return line;
  const [open, close] = isList ? ['[', ']'] : ['{', '}'];
  return `${open}\n${parts.map((part) => inner + part).join(',\n')}\n${indent}${close}`;
}

/**
 * Refuses to write over what somebody else wrote.
 *
 * @throws CodedError `ERR_RECIPE_EDITED` naming the files and what to do
 */
export function refuseEdited({ files, name }: InstallPlan): void {
  const edited = files.filter(({ standing }) => standing === 'edited' || standing === 'foreign');
  if (edited.length === 0) return;
  const lines = edited.map(({ path, standing }) =>
    standing === 'edited' ? `${path} was edited since it was written` : `${path} was not written by a recipe`,
  );
  throw new CodedError(
    'ERR_RECIPE_EDITED',
    `nothing was written: ${lines.join(', ')}. See the difference with -dry-run; then -force writes over it and keeps it as FILE.old, or -name installs beside '${name}'`,
  );
}

/**
 * Writes what is not there yet, each file atomically, the configuration last.
 *
 * @returns what was written
 * @throws CodedError `ERR_RECIPE_WRITE` with what to do
 */
export async function install({ files }: InstallPlan): Promise<readonly PlannedFile[]> {
  const written: PlannedFile[] = [];
  for (const file of files) {
    if (file.standing === 'same') continue;
    try {
      await writeFile(file);
    } catch (error) {
      throw writeError(file.path, error, written);
    }
    written.push(file);
  }
  return written;
}

async function writeFile({ path, bytes, mode, standing }: PlannedFile): Promise<void> {
  const directory = dirname(path);
  makeDirectories(directory, (each) => mkdirSync(each));
  const draft = join(directory, `.${basename(path)}.new`);
  removeIfThere(draft);
  await writeNew(draft, bytes, mode);
  // Whatever the umask says: an agent of another user reads it, and a template holds no secret.
  chmodSync(draft, mode);
  if (standing === 'edited' || standing === 'foreign') renameSync(path, `${path}.old`);
  await rename(draft, path);
  await syncDirectory(directory);
}

export function writeError(path: string, error: unknown, written: readonly PlannedFile[]): CodedError {
  const denied = ['EACCES', 'EPERM', 'EROFS'].includes(systemCode(error));
  const next = denied ? '; run it as a user who may write there, or choose another -config-dir' : '';
  const done =
    written.length === 0 ? '' : ` (written before that: ${written.map((file) => file.path).join(', ')})`;
  return new CodedError('ERR_RECIPE_WRITE', `cannot write ${path}: ${messageOf(error)}${next}${done}`, {
    cause: error,
  });
}
