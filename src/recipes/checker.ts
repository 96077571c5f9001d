import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { runCommand } from '../render/command.ts';
import { type Recipe, recipeFile } from './recipe.ts';

/** The program that will read a file is asked about it. */

const CHECK_TIMEOUT_MS = 30_000;

/** Debian keeps daemons out of an ordinary user's PATH. */
const MORE_PATH = ['/usr/sbin', '/sbin', '/usr/local/sbin'];

/** The search path with the directories where daemons are. */
export function daemonPath(path: string | undefined): string {
  return [path ?? '/usr/bin:/bin', ...MORE_PATH].join(delimiter);
}

/** Where a program is, or undefined when it is not installed. */
export function findProgram(program: string, path: string | undefined): string | undefined {
  const places = isAbsolute(program)
    ? [program]
    : daemonPath(path)
        .split(delimiter)
        .map((folder) => join(folder, program));
  return places.find((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * What is wrong with a rendered file in the eyes of its program, or undefined when it accepts it.
 *
 * @param name what the file is called
 */
export async function checkFile(
  recipe: Recipe,
  name: string,
  bytes: Uint8Array,
  path: string | undefined,
): Promise<string | undefined> {
  const { checker, folder } = recipe;
  if (checker === undefined) return undefined;
  const work = mkdtempSync(join(tmpdir(), 'reeve-recipe-'));
  try {
    const words = { staged: join(work, checker.name ?? name), wrap: join(work, 'wrap.conf'), work, folder };
    const fill = (text: string): string =>
      Object.entries(words).reduce((done, [word, value]) => done.replaceAll(`{${word}}`, value), text);
    writeFileSync(words.staged, bytes);
    if (checker.wrap !== undefined) {
      writeFileSync(words.wrap, fill(recipeFile(recipe, checker.wrap).toString('utf8')));
    }
    const record = await runCommand({
      step: 'check',
      argv: checker.argv.map(fill),
      env: { PATH: daemonPath(path), HOME: work, LC_ALL: 'C' },
      timeoutMs: CHECK_TIMEOUT_MS,
    });
    if (record.ok) return undefined;
    return `${checker.argv[0]}: ${record.outcome}\n${`${record.stdout}${record.stderr}`.trim()}`;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
