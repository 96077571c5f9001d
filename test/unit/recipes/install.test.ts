import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LOADER } from '../../../src/cli/commands/recipe-world.ts';
import { fragmentText, install, planInstall, refuseEdited } from '../../../src/recipes/install.ts';
import type { Choice } from '../../../src/recipes/options.ts';
import { readRecipe } from '../../../src/recipes/recipe.ts';
import { editedFiles, installedIn, readRecord } from '../../../src/recipes/record.ts';
import {
  cleanBlock,
  planRemoval,
  refuseEditedRemoval,
  remainsOf,
  remove,
} from '../../../src/recipes/remove.ts';
import { scratch, TINY, TINY_TEMPLATE } from './samples.ts';

const files = scratch();
const conf = (): string => files.path('conf');

function plan(values: Record<string, string> = {}, more: object = {}, template = TINY_TEMPLATE) {
  files.put('tiny/recipe.json', JSON.stringify({ ...TINY, ...more }));
  files.put('tiny/tiny.liquid', template);
  const choice: Choice = { values: new Map(Object.entries(values)), tags: undefined };
  const recipe = readRecipe(files.path('tiny'));
  return planInstall({ recipe, source: 'tiny', name: 'mine', directory: conf(), choice });
}

const add = (...given: Parameters<typeof plan>) => install(plan(...given));
const standings = (...given: Parameters<typeof plan>) => plan(...given).files.map(({ standing }) => standing);

describe('adding a recipe', () => {
  test('writes template, record and configuration, the configuration last, and nothing else', async () => {
    const written = await add();
    expect(written.map(({ path }) => path)).toEqual([
      files.path('conf/mine.liquid'),
      files.path('conf/mine.recipe'),
      files.path('conf/mine.json'),
    ]);
    expect(readdirSync(conf()).sort()).toEqual(['mine.json', 'mine.liquid', 'mine.recipe']);
    expect(files.text('conf/mine.liquid')).toBe(TINY_TEMPLATE);
    expect(JSON.parse(files.text('conf/mine.json'))).toMatchObject({
      renderers: { mine: { template: files.path('conf/mine.liquid') } },
    });
  });

  test('writes what everybody may read, and programs so that they can be run', async () => {
    const mask = process.umask(0o077);
    try {
      files.put('tiny/check.sh', '#!/bin/sh\n');
      await add({}, { files: { ...TINY.files, check: 'check.sh' } });
    } finally {
      process.umask(mask);
    }
    expect(statSync(files.path('conf/mine.sh')).mode & 0o777).toBe(0o755);
    expect(statSync(files.path('conf/mine.json')).mode & 0o777).toBe(0o644);
  });

  test('whose files are not all there is refused', () => {
    expect(() => plan({}, { files: { ...TINY.files, check: 'none.sh' } })).toThrow(/recipe tiny: .*none\.sh/);
  });

  test('again writes nothing', async () => {
    await add();
    expect(standings()).toEqual(['same', 'same', 'same']);
    expect(await add()).toEqual([]);
  });

  test('takes over another option and a newer template of files that nobody edited', async () => {
    await add();
    expect(standings({ head: 'x' })).toEqual(['same', 'ours', 'ours']);
    await add({ head: 'x' }, {}, `${TINY_TEMPLATE}# newer\n`);
    expect(files.text('conf/mine.liquid')).toContain('# newer');
    expect(files.text('conf/mine.json')).toContain('"head": "x"');
  });

  test('refuses to write over what was edited or came from elsewhere, and names it', async () => {
    await add();
    files.put('conf/mine.liquid', 'my own\n');
    const edited = plan();
    expect(() => refuseEdited(edited)).toThrow(`${files.path('conf/mine.liquid')} was edited since`);
    expect(() => refuseEdited(edited)).toThrow('-force');
    rmSync(files.path('conf/mine.recipe'));
    expect(() => refuseEdited(plan({ head: 'x' }))).toThrow('mine.json was not written by a recipe');
  });

  test('by force keeps the edited file beside it', async () => {
    await add();
    files.put('conf/mine.liquid', 'my own\n');
    await install(plan());
    expect(files.text('conf/mine.liquid')).toBe(TINY_TEMPLATE);
    expect(files.text('conf/mine.liquid.old')).toBe('my own\n');
  });

  test('that cannot be written says what to do', async () => {
    files.put('conf', 'a file where the directory should be');
    await expect(add()).rejects.toThrow(/cannot write .*mine\.liquid/);
  });

  test('keeps short lists on one line, and means the same', () => {
    const fragment = {
      renderers: { a: { check: ['a', '{staged}'], vars: { x: '[\n]', y: '"' }, list: [] } },
    };
    const text = fragmentText(fragment);
    expect(text).toContain('"check": ["a", "{staged}"]');
    expect(JSON.parse(text)).toEqual(fragment);
  });
});

describe('the record', () => {
  test('remembers what was chosen, and which files were edited', async () => {
    await add({ head: 'x' });
    const [record] = installedIn(conf());
    expect(record).toMatchObject({ name: 'mine', recipe: 'tiny', target: '/nowhere/names' });
    expect(record!.choice.values.get('head')).toBe('x');
    expect(editedFiles(record!)).toEqual([]);
    files.put('conf/mine.json', '{}');
    expect(editedFiles(record!)).toEqual([files.path('conf/mine.json')]);
  });

  test.each(['{', '{}', '{"recipe":"a","files":{"x":1}}'])('%s is refused with the way out', (text) => {
    files.put('conf/mine.recipe', text);
    expect(() => readRecord(conf(), 'mine')).toThrow(/mine\.recipe: .*-force/);
  });

  test('of nothing is none, also where there is no directory', () => {
    expect(installedIn(conf())).toEqual([]);
    expect(readRecord(conf(), 'mine')).toBeUndefined();
  });
});

describe('removing a recipe', () => {
  test('leaves nothing that add wrote, and everything else', async () => {
    files.put('conf/agent.json', '{}');
    await add();
    remove(planRemoval(conf(), readRecord(conf(), 'mine')!));
    expect(readdirSync(conf())).toEqual(['agent.json']);
  });

  test('keeps everything when one file was edited, and goes ahead by force', async () => {
    await add();
    files.put('conf/mine.liquid', 'my own\n');
    const removal = planRemoval(conf(), readRecord(conf(), 'mine')!);
    expect(() => refuseEditedRemoval(removal)).toThrow('mine.liquid was edited since it was written');
    expect(readdirSync(conf())).toHaveLength(3);
    remove(removal);
    expect(readdirSync(conf())).toEqual([]);
  });

  test('takes the configuration first, so that it never names what is gone', async () => {
    await add();
    const { files: order } = planRemoval(conf(), readRecord(conf(), 'mine')!);
    expect(order[0]).toBe(files.path('conf/mine.json'));
    await add({ head: 'x' });
    expect(planRemoval(conf(), readRecord(conf(), 'mine')!).files[0]).toBe(files.path('conf/mine.json'));
  });
});

describe('cleaning a block out of a file', () => {
  const block = () =>
    LOADER.renderer(
      { renderers: { mine: { template: '/t', target: '/f', block: { comment: '#' } } } },
      'mine',
    ).block!;

  test('leaves every other byte and the mode', async () => {
    const before = 'a\r\n\xff no newline: b\n';
    const file = files.put('file', '');
    writeFileSync(file, `${before}# BEGIN reeve mine\nx\n# END reeve mine\nlast`, 'latin1');
    chmodSync(file, 0o640);
    expect(remainsOf(file, block())).toBe('block');
    expect(await cleanBlock(file, block(), process.env['PATH'])).toBe(true);
    expect(readFileSync(file, 'latin1')).toBe(`${before}last`);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(files.path())).toEqual(['file']);
  });

  test('does nothing where there is none, and refuses damaged markers', async () => {
    const file = files.put('file', 'a\n');
    expect(await cleanBlock(file, block(), undefined)).toBe(false);
    expect(remainsOf(file, block())).toBe('no-block');
    expect(remainsOf(file, undefined)).toBe('whole-file');
    expect(remainsOf(files.path('none'), block())).toBe('no-file');
    expect(remainsOf(dirname(file), block())).toBe('damaged');
    files.put('file', '# BEGIN reeve mine\n');
    expect(remainsOf(file, block())).toBe('damaged');
    await expect(cleanBlock(file, block(), undefined)).rejects.toThrow('mend the file by hand');
  });
});
