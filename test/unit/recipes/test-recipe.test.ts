import { chmodSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LOADER } from '../../../src/cli/commands/recipe-world.ts';
import { REQUIRED_FIXTURES } from '../../../src/recipes/fixtures.ts';
import { fragmentOf, NO_CHOICE } from '../../../src/recipes/options.ts';
import { readRecipe } from '../../../src/recipes/recipe.ts';
import { testInstalled, testRecipe } from '../../../src/recipes/test-recipe.ts';
import { scratch, TINY, TINY_TEMPLATE } from './samples.ts';

const files = scratch();
const path = process.env['PATH'];

const MEMBERS = [
  { name: 'b', addr: '10.0.0.2:7946', tags: { role: 'web' } },
  { name: 'a', addr: '10.0.0.1:7946', tags: { role: 'web' } },
  { name: 'x y', addr: '10.0.0.3:7946', tags: { role: 'web' } },
  { name: 'db', addr: '10.0.0.4:7946', tags: { role: 'db' } },
];
const GOOD = { what: 'two', members: MEMBERS, leftOut: { 'x y': 'name is' } };

/** A recipe whose every required fixture is the same. */
function recipe(more: object = {}, fixture: object = GOOD, expected = 'names\na\nb\n') {
  files.put('tiny/recipe.json', JSON.stringify({ ...TINY, ...more }));
  files.put('tiny/tiny.liquid', TINY_TEMPLATE);
  for (const name of REQUIRED_FIXTURES) {
    files.put(`tiny/fixtures/${name}.json`, JSON.stringify(fixture));
    files.put(`tiny/fixtures/${name}.expected`, expected);
  }
  return readRecipe(files.path('tiny'));
}

const tested = async (...given: Parameters<typeof recipe>) =>
  await testRecipe({ recipe: recipe(...given), load: LOADER, path });

const problems = async (...given: Parameters<typeof recipe>): Promise<string> =>
  (await tested(...given)).fixtures.find(({ fixture }) => fixture === 'many')!.problems.join('\n');

describe('testing a recipe', () => {
  test('that does what its fixtures say is good', async () => {
    expect(await tested()).toMatchObject({
      name: 'tiny',
      ok: true,
      checker: { status: 'none' },
      differences: [],
    });
  });

  test('shows the difference when something else comes out', async () => {
    expect(await problems({}, GOOD, 'names\na\n')).toContain('+b');
    expect((await tested({}, GOOD, 'names\na\n')).ok).toBe(false);
  });

  test('with fewer members than it wants keeps its file away, and asks no program about it', async () => {
    const more = {
      unchecked: undefined,
      renderer: { ...TINY.renderer, guards: { min_members: 3 } },
      checker: { argv: ['false'], package: 'coreutils' },
    };
    const report = await tested(more, { ...GOOD, held: true }, '');
    expect(report).toMatchObject({ ok: true, checker: { text: 'false accepted 0 of 0 files' } });
  });

  test.each([
    [{ leftOut: {} }, '"x y" is left out, and should not be'],
    [{ leftOut: { 'x y': 'addr is' } }, 'is left out for another reason'],
    [{ leftOut: { 'x y': 'name is', a: '' } }, '"a" is not left out'],
    [{ held: true }, 'no guard holds, and one should'],
    [{ members: [] }, '-a'],
  ])('notices %j', async (more, problem) => {
    expect(await problems({}, { ...GOOD, ...more })).toContain(problem);
  });

  test('notices a guard that holds', async () => {
    const one = recipe({}, { what: 'nobody', members: [] }, 'names\n');
    files.put('tiny/fixtures/none.before', 'names\na\n');
    const report = await testRecipe({ recipe: one, load: LOADER, path });
    expect(report.fixtures[0]!.problems[0]).toBe('a guard holds, which was not expected');
  });

  test('asks for every fixture that is required, and of one’s own recipe only names them', async () => {
    files.put('tiny/recipe.json', JSON.stringify(TINY));
    files.put('tiny/tiny.liquid', TINY_TEMPLATE);
    const report = await testRecipe({ recipe: readRecipe(files.path('tiny')), load: LOADER, path });
    expect(report.ok).toBe(false);
    expect(report.fixtures.map(({ fixture }) => fixture)).toEqual(REQUIRED_FIXTURES);
    const own = await testRecipe({ recipe: readRecipe(files.path('tiny')), load: LOADER, path, isOwn: true });
    expect(own).toMatchObject({ ok: true, fixtures: [], lacks: REQUIRED_FIXTURES });
  });

  test.each([
    [{ what: '' }, "'what' must say what it shows"],
    [{ what: 'x', member: [] }, "unknown key 'member'"],
    [{ what: 'x', members: [{ name: 'a', addr: 'web' }] }, 'which is no address'],
    [{ what: 'x', events: [{}] }, "events[0]: 'event' must be a text"],
  ])('names the fixture that is wrong: %j', async (fixture, why) => {
    await expect(tested({}, fixture)).rejects.toThrow(why);
  });

  test('reports a template that fails instead of ending', async () => {
    expect(await problems({ renderer: { ...TINY.renderer, vars: {} } })).toContain(
      'undefined variable: vars.head',
    );
  });

  test('writes the expected files when asked', async () => {
    const one = recipe({}, GOOD, 'wrong\n');
    await testRecipe({ recipe: one, load: LOADER, path, update: true });
    expect(files.text('tiny/fixtures/many.expected')).toBe('names\na\nb\n');
  });
});

describe('the program that reads the file', () => {
  const checker = (argv: readonly string[], more: object = {}) => ({
    unchecked: undefined,
    checker: { argv, package: 'some-package', ...more },
  });

  test('is asked about every result', async () => {
    const report = await tested(checker(['grep', '-q', '^b$', '{staged}']));
    expect(report).toMatchObject({
      ok: true,
      checker: { status: 'accepted', text: 'grep accepted 9 of 9 files' },
    });
  });

  test('that refuses a file fails the recipe, with what it said', async () => {
    expect(await problems(checker(['ls', '{staged}', '/no/such/file']))).toContain('/no/such/file');
  });

  test('finds the file through another one, and by the name it insists on', async () => {
    files.put('tiny/wrap.conf', '{staged} {work}\n');
    const script = 'read staged work < "$1"; test "$staged" = "$work/list.txt" && cmp "$staged" "$2"';
    const more = checker(['sh', '-c', script, 'sh', '{wrap}', '{staged}'], {
      wrap: 'wrap.conf',
      name: 'list.txt',
    });
    expect((await tested(more)).fixtures[0]!.problems).toEqual([]);
  });

  test('that is not installed is skipped, and how to install it is said', async () => {
    const report = await tested(checker(['no-such-program', '{staged}']));
    expect(report).toMatchObject({ ok: true, checker: { status: 'skipped' } });
    expect(report.checker.text).toContain('apt-get install --no-install-recommends some-package');
  });
});

describe('testing an installed copy', () => {
  function copy(
    template: string,
    tags?: Record<string, string>,
    edit: (text: string) => string = (text) => text,
  ) {
    const one = recipe();
    const choice = { ...NO_CHOICE, tags: tags && new Map(Object.entries(tags)) };
    const fragment = fragmentOf({ recipe: one, name: 'mine', directory: '/c', choice });
    const installed = { name: 'mine', recipe: 'tiny', choice, target: '/nowhere/names', files: new Map() };
    return testInstalled(
      { recipe: one, load: LOADER, path },
      { ...installed, directory: '/c', fragment: JSON.parse(edit(JSON.stringify(fragment))), template },
    );
  }

  test('as it was installed is good and no different, whatever its tags', async () => {
    expect(await copy(TINY_TEMPLATE)).toMatchObject({
      name: 'mine',
      installed: 'tiny',
      ok: true,
      differences: [],
    });
    expect(await copy(TINY_TEMPLATE, { zone: 'a' })).toMatchObject({ ok: true, differences: [] });
  });

  test('that was edited is good as long as it renders, and shows what is different', async () => {
    const report = await copy(`${TINY_TEMPLATE}# mine\n`);
    expect(report.ok).toBe(true);
    expect(report.differences).toHaveLength(REQUIRED_FIXTURES.length);
    expect(report.differences[0]).toContain('+# mine');
  });

  test('that no longer renders fails', async () => {
    expect((await copy('{{ membres }}')).fixtures[0]!.problems[0]).toContain('membres');
  });

  test('that lists whom the recipe leaves out fails', async () => {
    const report = await copy(TINY_TEMPLATE, undefined, (text) =>
      text.replace('"name":"name"', '"name":"line"'),
    );
    expect(report.fixtures[0]!.problems[0]).toContain('it lists "x y", which the recipe leaves out');
  });
});

describe('testing a recipe with a handler', () => {
  const HANDLER = {
    files: { script: 'tiny.sh' },
    renderer: undefined,
    handler: {
      command: ['$script', 'arrived'],
      events: ['member-join'],
      environment: { set: { LOG: '$target' } },
    },
  };
  const EVENTS = {
    what: 'who came',
    events: [
      { event: 'member-join', members: [MEMBERS[0]] },
      { event: 'member-failed', members: [MEMBERS[0]] },
      { event: 'member-join', members: [MEMBERS[1]] },
    ],
    mask: '^[0-9]+',
  };
  const script = (text: string): void => chmodSync(files.put('tiny/tiny.sh', `#!/bin/sh\n${text}\n`), 0o755);
  const run = (expected: string) => tested(HANDLER, EVENTS, expected);

  test('runs it on each event it wants, in order, and compares the file it keeps', async () => {
    script('read -r name rest; echo "$(date +%s) $name $1 $SERF_EVENT" >> "$LOG"');
    const report = await run('… b arrived member-join\n… a arrived member-join\n');
    expect(report.fixtures[0]!.problems).toEqual([]);
    expect(report.ok).toBe(true);
  });

  test('that fails says so', async () => {
    script('echo no >&2; exit 3');
    expect((await run('')).fixtures[0]!.problems).toEqual(['the handler failed on member-join: exit 3: no']);
  });

  test('that reads nothing of what it is told is judged by its end, however soon that comes', async () => {
    script('exit 0');
    for (let i = 0; i < 4; i += 1) expect((await run('')).fixtures[0]!.problems).toEqual([]);
  });
});
