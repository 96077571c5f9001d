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

/** Asks about a new version; `present` is what the target holds until then, `edit` what else the operator configured. */
function check(staged: string, present: string, edit = (main: string): string => main, included?: string) {
  const target = join(folder, 'hosts.cfg');
  writeFileSync(target, present);
  writeFileSync(join(folder, '.hosts.cfg.reeve-new'), staged);
  const main = readFileSync(join(RECIPE, 'fixtures/nagios.cfg'), 'utf8')
    .replaceAll('{staged}', target)
    .replaceAll('{work}', folder)
    .replaceAll('{folder}', RECIPE);
  writeFileSync(join(folder, 'nagios.cfg'), edit(main));
  const more = included === undefined ? [] : ['nagios4', included];
  return spawnSync(join(RECIPE, 'nagios-check.sh'), [join(folder, 'nagios.cfg'), ...more], {
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
    expect(readdirSync(folder).sort()).toEqual(['.hosts.cfg.reeve-new', 'hosts.cfg', 'nagios.cfg']);
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
    const { status, stderr } = check(hostOf('web1'), '', (main) => main.replace('hosts.cfg', 'other.cfg'));
    expect([status, stderr]).toEqual([
      1,
      `${folder}/nagios.cfg does not include the file: add the line cfg_file=${folder}/hosts.cfg\n`,
    ]);
  });

  // A sandboxed agent can neither look into the directories of Nagios' user nor become that user.
  test('needs no directory of Nagios and no other user', () => {
    const elsewhere = (main: string): string =>
      `${main.replaceAll(/^(\w+_(?:path|file))=.*(?<!cfg)$/gm, '$1=/nowhere/$1')}\n`
        .replaceAll(/^nagios_(user|group)=.*$/gm, '')
        .replaceAll('cfg_file=', ' cfg_file = ');
    expect(check(hostOf('web1'), '', elsewhere)).toMatchObject({ status: 0, stderr: '' });
  });

  test('takes paths relative to the main configuration, as Nagios does', () => {
    const relative = (main: string): string => main.replace(`cfg_file=${folder}/`, 'cfg_file=');
    expect(check(hostOf('web1'), '', relative)).toMatchObject({ status: 0, stderr: '' });
    expect(check(hostOf('gateway'), '', relative).status).toBe(1);
  });

  test('knows the target by the link that the configuration names', () => {
    const linked = (main: string): string => main.replace(`${folder}/hosts.cfg`, '/srv/link.cfg');
    expect(check(hostOf('web1'), '', linked, '/srv/link.cfg')).toMatchObject({ status: 0, stderr: '' });
    expect(check(hostOf('web1'), '', linked, '/srv/other.cfg').stderr).toContain('cfg_file=/srv/other.cfg\n');
  });

  test('tells of mistakes in the main configuration by its name and line', () => {
    const { status, stderr } = check(hostOf('web1'), '', (main) =>
      main.replace('use_syslog=0', 'use_syslog=x'),
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(new RegExp(`^Error in configuration file '${folder}/nagios.cfg' - Line 17`));
  });

  test('says when it cannot be read', () => {
    const run = spawnSync(join(RECIPE, 'nagios-check.sh'), ['/nowhere.cfg'], { encoding: 'utf8' });
    expect(run).toMatchObject({ status: 1, stderr: '/nowhere.cfg cannot be read\n' });
  });
});
