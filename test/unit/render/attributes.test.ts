import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { whyNotWritten } from '../../../src/render/swap.ts';
import { compileTemplate } from '../../../src/render/template.ts';
import { type RenderResult, render } from '../../../src/render/transaction.ts';
import { NO_READ_ONLY, setWritable } from '../../support/read-only.ts';
import { commands, HOSTS_TEMPLATE, host, outcomeOf, put, run, scratch, sh, spec, text } from './samples.ts';

/** What a file has besides its content, and where it may not be replaced. */

const files = scratch();
const isRoot = process.getuid?.() === 0;

if (NO_READ_ONLY !== undefined)
  console.warn(`Skipped: renders in a read-only directory, for ${NO_READ_ONLY}.`);

/** Why extended attributes cannot be tried here, or undefined. */
function noAttributes(path: string): string | undefined {
  const tried = spawnSync('setfattr', ['-n', 'user.reeve', '-v', 'x', path], { encoding: 'utf8' });
  if (tried.error !== undefined) return 'there is no setfattr (package attr)';
  return tried.status === 0 ? undefined : tried.stderr.trim();
}

/** All `user.` attributes of a file, as getfattr prints them. */
const attributesOf = (path: string): string =>
  execFileSync('getfattr', ['--absolute-names', '--only-values', '-d', path], { encoding: 'utf8' });

describe('the swap of a file', () => {
  it.each([
    ['by renaming', {}],
    ['and back again, when it does not verify', { commands: commands({ verify: ['false'] }) }],
  ])('keeps its extended attributes, %s', async (_how, more) => {
    const target = files.path('f');
    put(target, 'old\n');
    const why = noAttributes(target);
    if (why !== undefined) {
      console.warn(`Skipped: extended attributes, for ${why}.`);
      return;
    }
    execFileSync('setfattr', ['-n', 'user.origin', '-v', 'packaged by hand', target]);
    const result = await run(spec(target, more), [host('a', 2)]);
    expect(outcomeOf(result)).toBe('commands' in more ? 'ERR_RENDER_ROLLED_BACK' : 'replaced');
    expect(result.notes).toEqual([]);
    expect(attributesOf(target)).toBe('packaged by handx');
  });

  it('keeps owner, group and mode, also through a roll-back; a check sees the new version with them', async () => {
    const target = files.path('f');
    put(target, 'old\n');
    if (isRoot) chownSync(target, 4_321, 4_322);
    chmodSync(target, 0o2640);
    const { uid, gid, mode } = statSync(target);
    const check = sh('stat -c "%u %g %a" "$REEVE_STAGED"');
    const failing = commands({ check, verify: ['false'] });
    const back = await run(spec(target, { commands: failing }), [host('a', 2)]);
    expect(back.commands[0]?.stdout).toBe(`${uid} ${gid} ${(mode & 0o7777).toString(8)}\n`);
    expect(statSync(target)).toMatchObject({ uid, gid, mode });
    expect(outcomeOf(await run(spec(target), [host('a', 2)]))).toBe('replaced');
    expect(statSync(target)).toMatchObject({ uid, gid, mode });
  });
});

describe('a file that a sandbox has closed again', () => {
  it('is told with the one step that opens it', () => {
    const system = (code: string) => Object.assign(new Error(`${code}: no`), { code });
    expect(whyNotWritten(system('EROFS'))).toMatch(/^EROFS: no; if a sandbox .* restart the unit$/);
    expect(whyNotWritten(system('EPERM'))).toBe('EPERM: no');
  });
});

describe.skipIf(NO_READ_ONLY !== undefined)('a target whose directory is read-only', () => {
  const etc = (): string => files.path('etc');
  const target = (): string => files.path('etc/hosts');
  afterEach(() => setWritable(etc(), true));

  function readOnly(content: string | undefined): void {
    mkdirSync(etc());
    if (content !== undefined) put(target(), content);
    setWritable(etc(), false);
  }

  const rendered = (
    spare: string | undefined,
    more: Parameters<typeof spec>[1] = {},
  ): Promise<RenderResult> =>
    render({
      spec: spec(target(), more),
      template: compileTemplate('test', HOSTS_TEMPLATE),
      self: host('me', 1),
      members: [host('a', 2)],
      env: { PATH: process.env['PATH'] ?? '' },
      spare,
    });

  it('is an error that names the next step, and the file stays as it is', async () => {
    readOnly('theirs\n');
    const result = await rendered(undefined, {
      commands: commands({ reload: sh('touch "$REEVE_TARGET.ran"') }),
    });
    expect(outcomeOf(result)).toBe('ERR_RENDER_TARGET');
    expect('error' in result && result.error.message).toMatch(
      /etc\/hosts: nothing can be written in .*etc, .*let the agent's user write there, or give the agent a 'state_dir'/,
    );
    expect([text(target()), readdirSync(etc()), result.commands]).toEqual(['theirs\n', ['hosts'], []]);
  });

  it('where the file is not there either, it is an error that says what to make', async () => {
    readOnly(undefined);
    const result = await rendered(files.path('spare'));
    expect('error' in result && result.error.message).toMatch(
      /etc\/hosts: it is not there, and nothing can be made in .*etc; make it empty and let/,
    );
    expect(readdirSync(files.path('spare'))).toEqual([]);
  });

  it('is written in place with a state directory, which keeps the journal and everything else', async () => {
    readOnly('theirs\n');
    const { ino, mode } = statSync(target());
    const check = sh('test "$(dirname "$REEVE_STAGED")" = "$0"'.replace('$0', files.path('spare')));
    const result = await rendered(files.path('spare'), { commands: commands({ check, reload: ['true'] }) });
    expect(outcomeOf(result)).toBe('in-place');
    expect([text(target()), statSync(target()).ino, statSync(target()).mode]).toEqual([
      '10.0.0.2 a\n',
      ino,
      mode,
    ]);
    expect([readdirSync(etc()), readdirSync(files.path('spare'))]).toEqual([['hosts'], []]);
  });

  it('gets its old content back in place when the reload fails', async () => {
    readOnly('theirs\n');
    const result = await rendered(files.path('spare'), { commands: commands({ reload: ['false'] }) });
    expect(outcomeOf(result)).toBe('ERR_RENDER_ROLLED_BACK');
    expect([text(target()), readdirSync(files.path('spare'))]).toEqual(['theirs\n', []]);
  });

  it('is an error where the file is not there yet: no journal makes one', async () => {
    readOnly(undefined);
    const result = await rendered(files.path('spare'));
    expect(outcomeOf(result)).toBe('ERR_RENDER_TARGET');
    expect('error' in result && result.error.message).toContain(target());
    expect([existsSync(target()), readdirSync(files.path('spare'))]).toEqual([false, []]);
  });
});
