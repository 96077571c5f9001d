import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands, host, outcomeOf, put, run, scratch, sh, spec, text } from './samples.ts';

const files = scratch();
const A = host('a', 2);
const B = host('b', 3);
const FILE_OF_A = '10.0.0.2 a\n';

/** What is beside a file: nothing of ours may stay. */
const beside = (path: string) => readdirSync(dirname(path)).sort();

describe('a render', () => {
  it('creates a file with its mode, and its parts are gone afterwards', async () => {
    const target = files.path('f');
    expect(outcomeOf(await run(spec(target, { mode: 0o600 }), [A]))).toBe('created');
    expect([text(target), statSync(target).mode & 0o777, beside(target)]).toEqual([FILE_OF_A, 0o600, ['f']]);
  });

  it('touches nothing when the bytes are equal, and reloads nothing', async () => {
    const target = files.path('f');
    put(target, FILE_OF_A);
    utimesSync(target, 1, 1);
    const all = commands({ check: sh('false'), reload: sh('false'), verify: sh('false') });
    const result = await run(spec(target, { commands: all }), [A]);
    expect([outcomeOf(result), result.commands, statSync(target).mtimeMs]).toEqual(['unchanged', [], 1_000]);
  });

  it('keeps mode and owner, and is a new file of its own', async () => {
    const target = files.path('f');
    put(target, 'old');
    if (process.getuid?.() === 0) chownSync(target, 1234, 1235);
    chmodSync(target, 0o4751);
    const before = statSync(target);
    expect(outcomeOf(await run(spec(target), [A]))).toBe('replaced');
    const { mode, uid, gid, ino, mtimeMs } = statSync(target);
    expect([mode, uid, gid]).toEqual([before.mode, before.uid, before.gid]);
    expect(ino).not.toBe(before.ino);
    expect(mtimeMs).toBeGreaterThanOrEqual(before.mtimeMs);
  });

  it('follows links, also to a file that is not there yet, and leaves them be', async () => {
    const target = files.path('link');
    symlinkSync('second', target);
    symlinkSync(files.path('real'), files.path('second'));
    expect(outcomeOf(await run(spec(target), [A]))).toBe('created');
    expect(outcomeOf(await run(spec(target), [A, B]))).toBe('replaced');
    expect([readlinkSync(target), lstatSync(files.path('second')).isSymbolicLink()]).toEqual([
      'second',
      true,
    ]);
    expect(text(files.path('real'))).toBe('10.0.0.2 a\n10.0.0.3 b\n');
  });

  it('keeps the other names of a file: one with hard links is written in place', async () => {
    const target = files.path('f');
    put(target, 'old\n');
    linkSync(target, files.path('other'));
    expect(outcomeOf(await run(spec(target), [A]))).toBe('in-place');
    expect([text(files.path('other')), beside(target)]).toEqual([FILE_OF_A, ['f', 'other']]);
  });

  it('is refused by its check before anything is touched', async () => {
    const target = files.path('f');
    put(target, 'old');
    const check = sh('cat "$REEVE_STAGED" > "$REEVE_TARGET.seen"; echo "line 1: bad" >&2; exit 3');
    const result = await run(spec(target, { commands: commands({ check }) }), [A]);
    expect(outcomeOf(result)).toBe('ERR_RENDER_CHECK');
    expect('error' in result && result.error.message).toContain('/bin/sh: exit 3: line 1: bad');
    expect([text(target), text(`${target}.seen`), beside(target)]).toEqual([
      'old',
      FILE_OF_A,
      ['f', 'f.seen'],
    ]);
  });

  it('gives the check the staged file with the mode of the target', async () => {
    const target = files.path('f');
    put(target, 'old');
    chmodSync(target, 0o640);
    const check = ['/bin/sh', '-c', 'test "$(stat -c %a "$0")" = 640', '{staged}'];
    expect(outcomeOf(await run(spec(target, { commands: commands({ check }) }), [A]))).toBe('replaced');
  });

  it('reloads and verifies after the swap, and tells how each went', async () => {
    const target = files.path('f');
    const reload = sh('cat "$REEVE_TARGET"; echo "$REEVE_RENDERER $REEVE_SELF_NAME $REEVE_STEP" >&2');
    const result = await run(spec(target, { commands: commands({ reload, verify: ['true'] }) }), [A]);
    expect(result.commands).toMatchObject([
      { step: 'reload', ok: true, outcome: 'ok', stdout: FILE_OF_A, stderr: 'hosts me reload\n' },
      { step: 'verify', ok: true },
    ]);
    expect(beside(target)).toEqual(['f']);
  });

  it.each([
    ['reload', commands({ reload: sh('grep -q old "$REEVE_TARGET"') }), ['reload', 'reload']],
    [
      'verify',
      commands({ reload: ['true'], verify: sh('grep -q old "$REEVE_TARGET"') }),
      ['reload', 'verify', 'reload'],
    ],
  ] as const)('goes back when its %s fails, and reloads what is back', async (_step, its, steps) => {
    const target = files.path('f');
    put(target, 'old\n');
    chmodSync(target, 0o640);
    const { ino } = statSync(target);
    const result = await run(spec(target, { commands: its }), [A]);
    expect(outcomeOf(result)).toBe('ERR_RENDER_ROLLED_BACK');
    expect(result.commands.map(({ step }) => step)).toEqual(steps);
    expect([text(target), statSync(target).ino, beside(target)]).toEqual(['old\n', ino, ['f']]);
  });

  it('removes a file that was not there before when it goes back', async () => {
    const target = files.path('f');
    const result = await run(spec(target, { commands: commands({ verify: ['false'] }) }), [A]);
    expect([outcomeOf(result), existsSync(target)]).toEqual(['ERR_RENDER_ROLLED_BACK', false]);
  });

  it('finishes what an earlier run left: reload and verify, though the bytes are right', async () => {
    const target = files.path('f');
    put(target, FILE_OF_A);
    put(files.path('.f.reeve-old'), 'old\n');
    put(files.path('.f.reeve-pending'), '');
    const done = await run(spec(target, { commands: commands({ reload: ['true'] }) }), [A]);
    expect([outcomeOf(done), done.commands.length, beside(target)]).toEqual(['confirmed', 1, ['f']]);
  });

  it('goes back to the last version that was good, not to one that never was', async () => {
    const target = files.path('f');
    put(target, 'never verified\n');
    put(files.path('.f.reeve-old'), 'good\n');
    put(files.path('.f.reeve-pending'), '');
    const result = await run(spec(target, { commands: commands({ verify: ['false'] }) }), [A]);
    expect([outcomeOf(result), text(target)]).toEqual(['ERR_RENDER_ROLLED_BACK', 'good\n']);
  });

  it('starts anew when others change the file while it is checked', async () => {
    const target = files.path('f');
    put(target, '# mine\n');
    const check = sh(
      'test -e "$REEVE_TARGET.once" || { : > "$REEVE_TARGET.once"; echo "# yours" >> "$REEVE_TARGET"; }',
    );
    const block = { begin: '# BEGIN x', end: '# END x', comment: '#', unique: undefined };
    const result = await run(spec(target, { block, commands: commands({ check }) }), [A]);
    expect([outcomeOf(result), result.commands.length]).toEqual(['replaced', 2]);
    expect(text(target)).toBe(`# mine\n# yours\n# BEGIN x\n${FILE_OF_A}# END x\n`);
  });

  it('does not replace something by nothing', async () => {
    const target = files.path('f');
    put(target, 'old\n');
    expect(outcomeOf(await run(spec(target), []))).toBe('ERR_RENDER_EMPTY');
    expect(text(target)).toBe('old\n');
  });

  it('of names that differ in case only lists one, where it is told that they are the same', async () => {
    const target = files.path('f');
    const members = ['DB1', 'db1'].map((name, index) => host(name, index + 1));
    const result = await run(spec(target, { unique: 'name' }), members);
    expect(text(target)).toBe('10.0.0.2 db1\n');
    expect('leftOut' in result && result.leftOut.map(({ name }) => name)).toEqual(['DB1']);
    await run(spec(target), members);
    expect(text(target)).toBe('10.0.0.1 DB1\n10.0.0.2 db1\n');
  });

  it.each([
    ['is a directory', () => files.path('')],
    ['is in no directory', () => files.path('nowhere/f')],
    ['is a device', () => '/dev/null'],
  ])('says so when its target %s', async (_title, target) => {
    const result = await run(spec(target()), [A]);
    expect(outcomeOf(result)).toBe('ERR_RENDER_TARGET');
  });
});

describe('a managed block', () => {
  const block = { begin: '# BEGIN x', end: '# END x', comment: '#', unique: 'name' };

  it('keeps foreign bytes, and leaves out whom a foreign line has', async () => {
    const target = files.path('f');
    put(target, '1.2.3.4 B # a\n\xff\n');
    const result = await run(spec(target, { block }), [A, B]);
    expect(text(target)).toBe(`1.2.3.4 B # a\n\xff\n# BEGIN x\n${FILE_OF_A}# END x\n`);
    expect('leftOut' in result && result.leftOut).toEqual([
      { name: 'b', why: 'a line outside the block already has "b"' },
    ]);
  });

  it('lists one of members whose names differ in case only, the one in small letters or else the first', async () => {
    const target = files.path('f');
    const names = ['DB1', 'Db1', 'db1', 'WEB', 'Web'];
    const result = await run(
      spec(target, { block }),
      names.map((name, index) => host(name, index + 1)),
    );
    expect(text(target)).toBe('# BEGIN x\n10.0.0.3 db1\n10.0.0.4 WEB\n# END x\n');
    expect('leftOut' in result && result.leftOut.map(({ name, why }) => `${name}: ${why}`)).toEqual([
      'DB1: another member has the same name: "db1"',
      'Db1: another member has the same name: "db1"',
      'Web: another member has the same name: "WEB"',
    ]);
  });

  it('is refused where its markers are damaged', async () => {
    const target = files.path('f');
    put(target, '# BEGIN x\n');
    expect(outcomeOf(await run(spec(target, { block }), [A]))).toBe('ERR_RENDER_BLOCK');
    expect(text(target)).toBe('# BEGIN x\n');
  });

  it('is not emptied, but may be made empty', async () => {
    const target = files.path('f');
    put(target, 'x\n');
    expect(outcomeOf(await run(spec(target, { block }), []))).toBe('replaced');
    await run(spec(target, { block }), [A]);
    expect(outcomeOf(await run(spec(target, { block }), []))).toBe('ERR_RENDER_EMPTY');
  });
});
