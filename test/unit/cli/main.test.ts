import { describe, expect, it } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import type { Command } from '../../../src/cli/command.ts';
import { ALIASES, COMMANDS, findCommand } from '../../../src/cli/commands/index.ts';
import { programName } from '../../../src/cli/main.ts';
import { VERSION } from '../../../src/cli/version.ts';
import { run } from './fake-context.ts';

const USAGE = 'Usage: agent [--version] [--help] <command> [<args>]';

describe('the command line', () => {
  it('without a command shows the list on stderr, exit 127', async () => {
    const outcome = await run([]);
    expect(outcome).toMatchObject({ code: 127, stdout: '' });
    expect(outcome.stderr).toContain(USAGE);
  });

  it.each([['-h'], ['--help'], ['-help'], ['help']])('%s shows the list on stdout, exit 0', async (word) => {
    const outcome = await run([word]);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toContain(USAGE);
  });

  it('an unknown command names the nearest, exit 127', async () => {
    expect(await run(['membrs', '-x'])).toMatchObject({
      code: 127,
      stdout: '',
      stderr:
        "Unknown command 'membrs'. Did you mean 'agent members'? Run 'agent --help' for the list of commands.\n",
    });
  });

  it('an unknown command near to none says where the list is, exit 127', async () => {
    const outcome = await run(['constructor']);
    expect(outcome).toMatchObject({ code: 127, stdout: '' });
    expect(outcome.stderr).toBe(
      "Unknown command 'constructor'. Run 'agent --help' for the list of commands.\n",
    );
  });

  it.each([[['-v']], [['--version']], [['version']], [['event', 'x', '-v']], [['run', '--version', '-h']]])(
    '%j prints the version',
    async (words) => {
      expect(await run(words)).toMatchObject({
        code: 0,
        stdout: `reeve v${VERSION}\nAgent Protocol: 5 (Understands back to: 2)\n`,
        stderr: '',
      });
    },
  );

  it('the version as JSON', async () => {
    expect(JSON.parse((await run(['version', '--json'])).stdout)).toEqual({
      name: 'reeve',
      version: VERSION,
      protocol: { max: 5, min: 2 },
      node: process.versions.node,
    });
  });

  it('the version is that of the package', () => {
    expect(VERSION).toBe(packageJson.version);
  });

  it('a bad flag is named on stderr with the nearest, help follows on stdout, exit 1', async () => {
    const outcome = await run(['members', '-detaild']);
    expect(outcome).toMatchObject({
      code: 1,
      stderr: 'flag provided but not defined: -detaild; did you mean -detailed?\n',
    });
    expect(outcome.stdout).toMatch(/^Usage: agent members \[options\]\n/);
  });

  it('a bad value is refused before anything is contacted', async () => {
    const outcome = await run(['query', '-timeout', '5', 'x'], {
      connect: () => Promise.reject(new Error()),
    });
    expect(outcome).toMatchObject({
      code: 1,
      stderr:
        'invalid value "5" for flag -timeout: parse error; give a number with its unit, such as 500ms, 5s or 1m30s\n',
    });
  });

  it('Serf calls the command run agent', () => {
    expect(findCommand(['agent', '-node=x'])).toEqual({
      type: 'command',
      name: 'run',
      entry: COMMANDS.run,
      words: 1,
    });
    expect(Object.keys(ALIASES)).toEqual(['agent']);
  });

  it('a fault of the program is reported as one, exit 1', async () => {
    const outcome = await run(['leave'], { connect: () => Promise.reject(new TypeError('oops')) });
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('Internal error, please report it: TypeError: oops');
  });

  it.each([
    ['/usr/bin/serf', 'serf'],
    ['/usr/bin/reeve', 'reeve'],
    ['/srv/dist/bin/agent.js', 'agent'],
    ['/srv/bin/agent.ts', 'agent'],
    ['/tmp/bundle.mjs', 'agent'],
    [undefined, 'agent'],
  ])('started as %s it calls itself %s', (path, name) => {
    expect(programName(path)).toBe(name);
  });
});

describe('commands of two words', () => {
  const entry = { synopsis: 'Rotate', load: () => Promise.reject(new Error()) };
  const table = { 'keys rotate': entry, 'keys age': entry, version: entry };

  it('are found by both words', () => {
    expect(findCommand(['keys', 'rotate', '-x'], table)).toMatchObject({ name: 'keys rotate', words: 2 });
  });

  it('make their first word a group', () => {
    const group = { type: 'group', name: 'keys', commands: ['keys rotate', 'keys age'] };
    expect(findCommand(['keys'], table)).toEqual(group);
    expect(findCommand(['keys', 'rotat'], table)).toEqual(group);
  });

  it('let a command of the first word alone take what is none of them', () => {
    expect(findCommand(['keys', '-list'], { ...table, keys: entry })).toMatchObject({
      name: 'keys',
      words: 1,
    });
  });

  it('are not looked for among the names every object has', () => {
    expect(findCommand(['constructor'], table)).toBeUndefined();
    expect(findCommand([], table)).toBeUndefined();
  });
});

it.each([['--help'], ['recipe -h'], ['config -h']])('agent %s fits 80 columns', async (words) => {
  const { stdout } = await run(words.split(' '));
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
});

describe.each(Object.keys(COMMANDS))('help of %s', (name) => {
  it('has examples before options, explains every option and fits 80 columns', async () => {
    const { code, stdout, stderr } = await run([...name.split(' '), '-h']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(new RegExp(`^Usage: agent ${name}`));
    expect(lines[lines.indexOf('') + 1]).toBe('Examples:');
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    const command: Command = await COMMANDS[name as keyof typeof COMMANDS].load();
    for (const [flag, { doc, hidden }] of Object.entries(command.flags)) {
      expect(doc, flag).not.toBe('');
      if (hidden !== true) expect(stdout).toContain(`\n  -${flag}`);
    }
  });
});
