import { accessSync, constants, existsSync, lstatSync, mkdirSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { CodedError, messageOf } from '../base/errors.ts';

/** Links followed from a target that is not there yet. */
const MOST_LINKS = 16;

/** Where a renderer's files are: the file itself, behind any links, and its helpers, hidden beside it. */
export interface TargetPaths {
  /** The file that is replaced. */
  readonly file: string;
  readonly directory: string;
  /** Where the helpers are: beside the file, or elsewhere where nothing can be put beside it. */
  readonly helpers: string;
  /** The new version until it is swapped in. */
  readonly staged: string;
  /** The last version known to be good, while a newer one is not yet verified. */
  readonly old: string;
  /** There from the swap until the new version is verified. */
  readonly pending: string;
  /** Both versions, while one is written over the other in place. */
  readonly journal: string;
}

/**
 * Follows the links of a target, also when what they lead to is not there yet.
 *
 * @param spare a directory for the helpers where the target's own cannot be written: in a sandbox that opens one file of
 * `/etc` alone. Made when it is needed
 * @throws CodedError `ERR_RENDER_TARGET`
 */
export function targetPaths(target: string, spare?: string): TargetPaths {
  const file = behindLinks(resolve(target));
  const directory = dirname(file);
  const helpers = spare === undefined || isWritable(directory) ? directory : made(spare);
  const beside = (what: string): string => join(helpers, `.${basename(file)}.reeve-${what}`);
  return {
    file,
    directory,
    helpers,
    staged: beside('new'),
    old: beside('old'),
    pending: beside('pending'),
    journal: beside('journal'),
  };
}

function behindLinks(path: string): string {
  let at = path;
  try {
    for (let links = 0; links < MOST_LINKS; links += 1) {
      const directory = realpathSync(dirname(at));
      at = join(directory, basename(at));
      const known = lstatSync(at, { throwIfNoEntry: false });
      if (known === undefined || known.isFile()) return at;
      if (!known.isSymbolicLink()) throw new Error('it is no regular file');
      at = resolve(directory, readlinkSync(at));
    }
  } catch (error) {
    throw new CodedError('ERR_RENDER_TARGET', `${path}: ${messageOf(error)}`, { cause: error });
  }
  throw new CodedError('ERR_RENDER_TARGET', `${path}: more than ${MOST_LINKS} links in a row`);
}

/**
 * Refuses to begin where no helper can be written: then nothing could be staged, and no write in place journalled. Nor is
 * there anything to write in place where the file is not there yet.
 *
 * @throws CodedError `ERR_RENDER_TARGET` with the two ways out
 */
export function requireHelpers({ file, directory, helpers }: TargetPaths): void {
  if (helpers !== directory && !existsSync(file)) {
    throw new CodedError(
      'ERR_RENDER_TARGET',
      `${file}: it is not there, and nothing can be made in ${directory}; make it empty and let the agent's user write it (a sandboxed agent is started again then), or let that user write in ${directory}`,
    );
  }
  if (isWritable(helpers)) return;
  const ways =
    helpers === directory
      ? "let the agent's user write there, or give the agent a 'state_dir', so that the file is written in place from a journal there"
      : "let the agent's user write in its 'state_dir', where the journal belongs";
  throw new CodedError(
    'ERR_RENDER_TARGET',
    `${file}: nothing can be written in ${helpers}, so a new version has no place to be checked; ${ways}`,
  );
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function made(directory: string): string {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return directory;
  } catch (error) {
    throw new CodedError('ERR_RENDER_TARGET', `${directory}: ${messageOf(error)}`, { cause: error });
  }
}
