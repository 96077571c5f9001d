import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { shown } from '../../../src/cli/commands/recipe-show.ts';
import { recipeDirectory } from '../../../src/cli/commands/recipe-world.ts';
import { characters } from '../../../src/cli/format.ts';
import { findRecipe, recipeNames } from '../../../src/recipes/library.ts';
import { scratch } from '../recipes/samples.ts';
import { run } from './fake-context.ts';

const files = scratch();
const conf = (): readonly string[] => ['-config-dir', files.path('conf')];
const add = (...words: readonly string[]) =>
  run(['recipe', 'add', 'hosts', ...conf(), '-target', files.path('hosts'), ...words]);

describe('recipe', () => {
  it.each(['add', 'list', 'remove', 'show', 'test'])('%s has help with examples first', async (command) => {
    const { code, stdout } = await run(['recipe', command, '-h']);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: agent recipe ${command} .*\n(.*\n)?\nExamples:`));
  });

  it.each([
    [['add'], "Give the name of a recipe; 'recipe list' has them."],
    [['add', 'hosts', 'port=80'], "Too many arguments: 'port=80'. Options of the recipe go with -set."],
    [['add', 'hosts', '-set', 'port'], '-set port: write it as option=value, such as -set port=8080.'],
    [['add', 'hots'], "no recipe is called 'hots'; did you mean 'hosts'?"],
    [['add', 'hosts', '-set', 'tld=x'], "recipe hosts has no option 'tld'"],
    [['add', 'hosts', '-name', 'a/b'], "'a/b' is no name"],
    [['show'], 'Give the name of a recipe'],
    [['test', '-update'], '-update goes with the folder of a recipe'],
    [['remove', 'hosts'], "has no recipe 'hosts': no recipe is installed there"],
    [['list', 'hosts'], 'Too many arguments.'],
  ])('%j exits with 1 and says what next', async (words, message) => {
    const { code, stderr } = await run(['recipe', ...words, ...(words[0] === 'show' ? [] : conf())]);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });
});

describe('recipe add', () => {
  it('says what it wrote, what it keeps, and the one command that is left', async () => {
    const { code, stdout } = await add();
    expect(code).toBe(0);
    expect(stdout).toContain(`${files.path('conf/hosts.json')}    configuration, new`);
    expect(stdout).toContain(
      `It keeps ${files.path('hosts')}, with members that are alive, leaving, failed.`,
    );
    expect(stdout).toContain(`Next: agent run -config-dir=${files.path('conf')}`);
  });

  it('of a handler says no members that it lists, for it lists none', async () => {
    const log = files.path('who.log');
    const { stdout } = await run(['recipe', 'add', 'attendance', ...conf(), '-target', log]);
    expect(stdout).toContain(`It keeps ${log}.\n`);
    expect((await run(['recipe', 'show', 'attendance'])).stdout).toContain('Lists: events as they come.');
  });

  it('tells programs the same', async () => {
    expect(JSON.parse((await add('--json')).stdout)).toMatchObject({
      name: 'hosts',
      target: files.path('hosts'),
      files: expect.arrayContaining([
        { path: files.path('conf/hosts.json'), standing: 'new', written: true },
      ]),
      missing: [],
      next: `agent run -config-dir=${files.path('conf')}`,
    });
  });

  it('makes what the agent’s own check accepts', async () => {
    await add();
    expect((await run(['config', 'check', files.path('conf')])).code).toBe(0);
  });

  // Only shown: the drop-in's place is the system's.
  it.each([
    ['memcached', [], 'ReadWritePaths=-/etc/default'],
    ['hosts', [], 'ReadWritePaths=-/etc/hosts'],
    ['attendance', ['-target', '/srv/log/who.log'], 'ReadWritePaths=-/srv/log'],
    ['attendance', [], undefined],
    ['envfile', ['-set', 'restart=true', '-target', '/run/reeve/members'], undefined],
  ])('with -systemd opens for %s %j what the unit does not: %s', async (name, words, line) => {
    const given = ['recipe', 'add', '-dry-run', '-systemd', ...conf(), ...words, name];
    const { stdout } = await run(given);
    expect(/^\+(ReadWritePaths=.*)$/m.exec(stdout)?.[1]).toBe(line);
  });

  it('says that a sandboxed agent cannot make the one file that is opened to it', async () => {
    const given = ['-dry-run', '-systemd', '--json'];
    expect(JSON.parse((await add(...given)).stdout).missing).toEqual([
      `the file ${files.path('hosts')}, which a sandboxed agent cannot make (touch it)`,
    ]);
    files.put('hosts', '');
    expect(JSON.parse((await add(...given)).stdout).missing).toEqual([]);
  });

  it('with -dry-run shows the difference and writes nothing', async () => {
    const { stdout } = await add('-dry-run', '-set', 'domain=example.net');
    expect(stdout).toContain('+      "vars": { "domain": "example.net" },');
    expect(() => readdirSync(files.path('conf'))).toThrow();
  });

  it('again keeps the options of before and writes nothing', async () => {
    await add('-set', 'domain=example.net');
    const { code, stdout } = await run(['recipe', 'add', 'hosts', ...conf()]);
    expect([code, stdout]).toEqual([
      0,
      `hosts is installed in ${files.path('conf')} exactly so already; nothing was written.\n`,
    ]);
  });

  it('refuses to write over an edited file, and does so by force', async () => {
    await add();
    files.put('conf/hosts.liquid', 'mine\n');
    const refused = await add();
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('was edited since it was written');
    expect(files.text('conf/hosts.liquid')).toBe('mine\n');
    expect((await add('-force')).stdout).toContain(`the old one is ${files.path('conf/hosts.liquid.old')}`);
    expect(files.text('conf/hosts.liquid.old')).toBe('mine\n');
  });

  it.each([
    ['{', 'holds already is wrong'],
    [
      '{"renderers":{"hosts":{"template":"/t","target":"/f"}}}',
      'the configuration has renderers.hosts already',
    ],
  ])('writes nothing where the configuration is %j', async (text, why) => {
    files.put('conf/agent.json', text);
    const { code, stderr } = await add();
    expect(code).toBe(1);
    expect(stderr).toContain('nothing was written');
    expect(stderr).toContain(why);
    expect(readdirSync(files.path('conf'))).toEqual(['agent.json']);
  });

  it('writes nothing where another renderer keeps the whole file', async () => {
    const other = { renderers: { other: { template: '/t', target: files.path('hosts') } } };
    files.put('conf/agent.json', JSON.stringify(other));
    const { code, stderr } = await add();
    expect(code).toBe(1);
    expect(stderr).toContain("Renderers 'other' and 'hosts' both keep");
    expect(readdirSync(files.path('conf'))).toEqual(['agent.json']);
  });

  it('says what is missing on this host', async () => {
    const words = ['-target', files.path('none/f'), '-set', 'reload=no-such-program x'];
    const { code, stdout } = await run(['recipe', 'add', 'haproxy', ...conf(), ...words]);
    expect(code).toBe(0);
    expect(stdout).toContain(`Missing: the directory ${files.path('none')} does not exist;`);
    expect(stdout).toContain('Missing: no-such-program is not installed here;');
  });

  it('installs a recipe twice under two names', async () => {
    await add();
    const second = await add('-name', 'others', '-tag', 'role=db');
    expect(second.code).toBe(0);
    const { stdout } = await run(['recipe', 'list', ...conf()]);
    expect(stdout).toMatch(/^hosts .*hosts, others$/m);
  });
});

describe('recipe list, show, test and remove', () => {
  it('list shows which are installed, and which of those were edited', async () => {
    await add();
    files.put('conf/hosts.liquid', 'mine\n');
    expect((await run(['recipe', 'list', ...conf()])).stdout).toMatch(/^hosts .* hosts \(edited\)$/m);
    const record = JSON.parse((await run(['recipe', 'list', '--json', ...conf()])).stdout);
    expect(record.recipes.find(({ name }: { name: string }) => name === 'hosts')).toMatchObject({
      lists: ['alive', 'leaving', 'failed'],
      installed: [{ name: 'hosts', edited: true }],
    });
  });

  it('list says which copies a newer recipe would change', async () => {
    await add();
    const older = files.text('conf/hosts.liquid').replace('m.addr', ' m.addr');
    const record = JSON.parse(files.text('conf/hosts.recipe'));
    files.put('conf/hosts.liquid', older);
    record.files[files.path('conf/hosts.liquid')] = createHash('sha256').update(older).digest('hex');
    files.put('conf/hosts.recipe', JSON.stringify(record));
    const { stdout } = await run(['recipe', 'list', ...conf()]);
    expect(stdout).toMatch(/^hosts .*hosts \(add again for the newer one\)$/m);
    await add();
    expect((await run(['recipe', 'list', ...conf()])).stdout).toMatch(/^hosts .* hosts$/m);
  });

  it('test goes on when one copy cannot be read', async () => {
    await add();
    await add('-name', 'other', '-tag', 'role=db');
    files.put('conf/hosts.json', '{');
    const { code, stdout } = await run(['recipe', 'test', 'hosts', ...conf()]);
    expect(code).toBe(1);
    expect(stdout).toContain(`${files.path('conf/hosts.json')}: `);
    expect(stdout).toContain('ok    other (installed, from hosts)');
    expect(stdout).toContain('1 of 3 failed.');
  });

  it('show has the page, the states, the options and where the files are', async () => {
    const { stdout } = await run(['recipe', 'show', 'hosts']);
    for (const text of [
      '# hosts',
      'Lists: alive, leaving, failed.',
      '-target=PATH',
      '/etc/hosts',
      'hosts.liquid',
    ]) {
      expect(stdout).toContain(text);
    }
    expect(JSON.parse((await run(['recipe', 'show', '--json', 'hosts'])).stdout)).toMatchObject({
      name: 'hosts',
    });
    expect((await run(['recipe', 'show', '-config', 'hosts'])).stdout).toContain('{% for m in members %}');
  });

  it.each(recipeNames(recipeDirectory()))('show of %s fits a terminal of 80 columns', (name) => {
    const recipe = findRecipe(recipeDirectory(), name);
    const lines = shown(recipe, `agent recipe add ${name}`, 80).flatMap((text) => text.split('\n'));
    // Where the package is installed is nobody's choice here.
    const long = lines.filter((line) => characters(line) > 80 && !line.includes(recipe.folder));
    expect(long).toEqual([]);
    for (const { what } of recipe.options.values()) expect(lines.join(' ')).toContain(what.split(' ')[0]);
  });

  it('show says which options have to be given', async () => {
    const { stdout } = await run(['recipe', 'show', 'keepalived']);
    expect(stdout).toContain('Install: agent recipe add keepalived -set address=…');
  });

  it('test runs the recipe and its installed copies, and fails when a copy does', async () => {
    await add('-name', 'mine');
    const good = await run(['recipe', 'test', 'hosts', ...conf()]);
    expect(good).toMatchObject({ code: 0, stderr: '' });
    expect(good.stdout).toContain('mine (installed, from hosts)');
    files.put('conf/mine.liquid', '{{ nobody }}\n');
    const bad = await run(['recipe', 'test', 'mine', ...conf()]);
    expect(bad.code).toBe(1);
    expect(bad.stdout).toContain('undefined variable: nobody');
    expect(bad.stdout).toContain('1 of 1 failed.');
  });

  it('test breaks what it says for a terminal, and not for a pipe', async () => {
    const size = () => ({ columns: 60, rows: 24 });
    const words = ['recipe', 'test', 'hosts', ...conf()];
    const shown = (await run(words, { screen: { interactive: true, size } })).stdout;
    expect(shown).toMatch(/^ok {4}hosts: .*no program checks a\n {6}hosts file\n/);
    expect((await run(words)).stdout).toMatch(/^ok {4}hosts: .*no program checks a hosts file\n/);
  });

  it('remove takes away what add wrote, and says what stays of the file', async () => {
    await add();
    files.put('hosts', '127.0.0.1 localhost\n# BEGIN reeve hosts\n10.0.0.1\ta\n# END reeve hosts\n');
    const dry = await run(['recipe', 'remove', '-dry-run', 'hosts', ...conf()]);
    expect(dry.stdout).toContain('Would remove');
    const { code, stdout } = await run(['recipe', 'remove', 'hosts', ...conf()]);
    expect(code).toBe(0);
    expect(stdout).toContain(
      `${files.path('hosts')} stays as it is, with the block; -clean takes the block out.`,
    );
    expect(readdirSync(files.path('conf'))).toEqual([]);
  });

  it('remove -clean takes the block out, also one whose markers were changed', async () => {
    await add();
    const changed = files.text('conf/hosts.json').replace('"comment": "#"', '"begin": "# <", "end": "# >"');
    files.put('conf/hosts.json', changed);
    files.put('hosts', '127.0.0.1 localhost\n# <\n10.0.0.1\ta\n# >\n');
    expect((await run(['recipe', 'remove', '-clean', 'hosts', ...conf()])).code).toBe(1);
    expect(files.text('hosts')).toContain('10.0.0.1');
    expect((await run(['recipe', 'remove', '-clean', '-force', 'hosts', ...conf()])).code).toBe(0);
    expect(files.text('hosts')).toBe('127.0.0.1 localhost\n');
  });

  it('remove -clean says that an agent that runs would put the block back', async () => {
    await add();
    files.put('hosts', '# BEGIN reeve hosts\n10.0.0.1\ta\n# END reeve hosts\n');
    const words = [
      '-e',
      'console.log(1); setInterval(() => undefined, 1e6)',
      'run',
      `-config-dir=${files.path('conf')}`,
    ];
    const agent = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      await once(agent.stdout, 'data');
      const { stdout } = await run(['recipe', 'remove', '-clean', 'hosts', ...conf()]);
      expect(stdout).toContain(
        `Next: kill -HUP ${agent.pid}\n      (until then the agent keeps the file, and puts the block back when members change)`,
      );
    } finally {
      agent.kill();
    }
  });
});
