import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { recipeDirectory } from '../../../src/cli/commands/recipe-world.ts';
import { daemonPath, findProgram } from '../../../src/recipes/checker.ts';

/** The check of the recipe `nagios`: a new version within the whole configuration. */

const RECIPE = join(recipeDirectory(), 'nagios');
const missing = findProgram('nagios4', process.env['PATH']) === undefined;
if (missing)
  console.warn('Skipped: the check of the recipe nagios, for there is no nagios4 (package nagios4-core).');

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reeve-nagios-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const hostOf = (name: string): string =>
  `define host {\n    use linux-server\n    host_name ${name}\n    address 10.0.0.1\n}\n`;

/** Asks about a new version; `present` is what the target holds until then. */
function check(staged: string, present: string, isIncluded = true) {
  const target = join(folder, 'hosts.cfg');
  writeFileSync(target, present);
  writeFileSync(join(folder, '.hosts.cfg.reeve-new'), staged);
  const main = readFileSync(join(RECIPE, 'fixtures/nagios.cfg'), 'utf8')
    .replaceAll('{staged}', isIncluded ? target : '/nowhere.cfg')
    .replaceAll('{work}', folder)
    .replaceAll('{folder}', RECIPE);
  writeFileSync(join(folder, 'nagios.cfg'), main);
  return spawnSync(join(RECIPE, 'nagios-check.sh'), [join(folder, 'nagios.cfg')], {
    encoding: 'utf8',
    env: {
      PATH: daemonPath(process.env['PATH']),
      TMPDIR: folder,
      REEVE_TARGET: target,
      REEVE_STAGED: join(folder, '.hosts.cfg.reeve-new'),
    },
  });
}

describe.skipIf(missing)('nagios-check.sh', () => {
  test('accepts a good version, whatever the present one says, and leaves nothing behind', () => {
    expect(check(hostOf('web1'), 'define nonsense {\n').status).toBe(0);
    // The log is Nagios' own.
    const left = readdirSync(folder).filter((file) => file !== 'nagios.log');
    expect(left.sort()).toEqual(['.hosts.cfg.reeve-new', 'hosts.cfg', 'nagios.cfg']);
  });

  test('refuses one with a name that another file defines, and says which', () => {
    const { status, stdout, stderr } = check(hostOf('gateway'), hostOf('web1'));
    expect(status).toBe(1);
    expect(`${stdout}${stderr}`).toMatch(/gateway/);
  });

  test('refuses one that Nagios cannot read', () => {
    expect(check('define host {\n  nonsense\n', hostOf('web1')).status).toBe(1);
  });

  test('says which line is missing where the configuration does not include the file', () => {
    const { status, stderr } = check(hostOf('web1'), '', false);
    expect([status, stderr]).toEqual([
      1,
      `${folder}/nagios.cfg does not include the file: add the line cfg_file=${folder}/hosts.cfg\n`,
    ]);
  });
});
