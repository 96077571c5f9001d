import { existsSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../base/errors.ts';
import { splitAtBlock } from '../render/block.ts';
import { readState, removeIfThere } from '../render/files.ts';
import { recover } from '../render/in-place.ts';
import { withDirectoryLock } from '../render/lock.ts';
import { targetPaths } from '../render/paths.ts';
import type { ManagedBlock } from '../render/spec.ts';
import { stage } from '../render/stage.ts';
import { swapIn } from '../render/swap.ts';
import { writeError } from './install.ts';
import { editedFiles, type Installed, recordPath } from './record.ts';

/** Taking a recipe out of a configuration directory again. */

/** What `remove` would do. */
export interface RemovalPlan {
  /** In the order they go: the configuration first. */
  readonly files: readonly string[];
  readonly edited: readonly string[];
}

/** Finds out what would go; changes nothing. */
export function planRemoval(directory: string, installed: Installed): RemovalPlan {
  const there = [...installed.files.keys()].filter((path) => existsSync(path));
  const isConfiguration = (path: string): boolean => path === join(directory, `${installed.name}.json`);
  const files = [...there.filter(isConfiguration), ...there.filter((path) => !isConfiguration(path))];
  return { files: [...files, recordPath(directory, installed.name)], edited: editedFiles(installed) };
}

/**
 * Refuses to remove what somebody edited.
 *
 * @throws CodedError `ERR_RECIPE_EDITED`
 */
export function refuseEditedRemoval({ edited }: RemovalPlan): void {
  const [one, ...more] = edited;
  if (one === undefined) return;
  const were = more.length === 0 ? 'was edited since it was' : 'were edited since they were';
  throw new CodedError(
    'ERR_RECIPE_EDITED',
    `nothing was removed: ${edited.join(', ')} ${were} written. Keep a copy of what you want, then use -force`,
  );
}

/**
 * Removes the files.
 *
 * @throws CodedError `ERR_RECIPE_WRITE`
 */
export function remove({ files }: RemovalPlan): void {
  for (const path of files) {
    try {
      unlinkSync(path);
    } catch (error) {
      throw writeError(path, error, []);
    }
  }
}

/** What stands in a target after its renderer is gone. */
export type Remains = 'no-file' | 'no-block' | 'block' | 'damaged' | 'whole-file';

/** `damaged`: the markers are, or it cannot be read. */
export function remainsOf(target: string, block: ManagedBlock | undefined): Remains {
  if (target === '' || !existsSync(target)) return 'no-file';
  if (block === undefined) return 'whole-file';
  try {
    const split = splitAtBlock(target, readFileSync(targetPaths(target).file, 'latin1'), block);
    return split.inside === undefined ? 'no-block' : 'block';
  } catch {
    return 'damaged';
  }
}

/**
 * Takes a managed block out of a file, markers and all, as safely as a renderer writes it: every other byte stays.
 *
 * @returns false when there was none
 * @throws CodedError `ERR_RENDER_BLOCK`, `ERR_RENDER_TARGET`, `ERR_RENDER_LOCK`
 */
export async function cleanBlock(
  target: string,
  block: ManagedBlock,
  path: string | undefined,
): Promise<boolean> {
  const paths = targetPaths(target);
  return await withDirectoryLock(paths.directory, async () => {
    await recover(paths);
    const known = await readState(paths.file);
    if (known === undefined) return false;
    const split = splitAtBlock(target, known.bytes.toString('latin1'), block);
    if (split.inside === undefined) return false;
    const bytes = Buffer.from(split.before + split.after, 'latin1');
    try {
      const staged = await stage(paths, bytes, known, known.stats.mode, path);
      await swapIn(paths, bytes, known, staged);
    } finally {
      removeIfThere(paths.staged);
    }
    return true;
  });
}
