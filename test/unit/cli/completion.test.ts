import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Command, CommandContext } from '../../../src/cli/command.ts';
import { COMMANDS } from '../../../src/cli/commands/index.ts';
import { flagCandidates } from '../../../src/cli/completion/model.ts';
import { placeAfter, rejoined, unquoted } from '../../../src/cli/completion/words.ts';
import { type FakeWorld, member, run } from './fake-context.ts';

/** What bash is offered at the end of a line: a trailing blank begins a new word. */
async function offered(line: string, world: FakeWorld = {}): Promise<string[]> {
  const { stdout } = await run(['completion', 'bash', '--', ...line.split(' ')], world);
  return stdout.split('\n').slice(0, -1);
}

const MEMBERS: FakeWorld = {
  client: { members: async () => [member('web1'), member('db1', { status: 'failed' })] },
};

describe('what is offered', () => {
  it('first: every command by its first word, and help', async () => {
    const words = Object.keys(COMMANDS).map((name) => name.split(' ')[0]);
    expect(await offered('')).toEqual([...new Set([...words, 'help'])]);
    expect(await offered('help re')).toEqual(['reachability', 'recipe', 'render']);
    expect(await offered('--')).toEqual(['--help', '--version']);
  });

  it.each([
    ['mem', ['members']],
    ['members', ['members']],
    ['config ', ['check', 'schema', 'show']],
    ['help config s', ['schema', 'show']],
    ['config nonsense ', []],
    ['nonsense ', []],
    ['keys -i', ['-install']],
    ['keys --i', ['--install']],
    ['keys -list -l', []],
    ['agent -tags', ['-tags-file']],
    ['tags -set a=b -s', ['-set']],
    ['event deploy -', []],
    ['event -- -', []],
    ['query -format ', ['text', 'json', 'jsonl']],
    ['query -format=js', ['-format=json', '-format=jsonl']],
    ['query --format = js', ['--format=json', '--format=jsonl']],
    ['run -profile w', ['wan']],
    ['run -log-level ', ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERR']],
    ['monitor -log-level n', ['none']],
    ['members -status ', ['alive', 'leaving', 'left', 'failed']],
    ['event -coalesce=', ['-coalesce=true', '-coalesce=false']],
    ['sim -scenario ', [':files']],
    ['sim -report=o', [':files']],
    ['run -event-handler ', [':files']],
    ['run -state-dir ', [':directories']],
    ['config check ', [':files']],
    ['config check one.json t', [':files']],
    ['recipe show ha', ['haproxy']],
    ['recipe show ./m', [':directories']],
    ['recipe test hosts ha', ['haproxy']],
    ['recipe show hosts ha', []],
    ['completion ', ['bash', 'zsh', 'fish']],
    ['handlers r', ['rerun']],
  ])('%j: %j', async (line, words) => {
    expect(await offered(line)).toEqual(words);
  });

  it('names of members, where an agent answers', async () => {
    expect(await offered('force-leave ', MEMBERS)).toEqual(['web1', 'db1']);
    expect(await offered('rtt web1 d', MEMBERS)).toEqual(['db1']);
    expect(await offered('rtt web1 db1 ', MEMBERS)).toEqual([]);
    expect(await offered('query -node=w', MEMBERS)).toEqual(['-node=web1']);
    expect(await offered('query -node web1 -node ', MEMBERS)).toEqual(['web1', 'db1']);
  });

  it('zsh and fish are told what each means, in a sentence', async () => {
    const { stdout } = await run(['completion', 'zsh', '--', 'force-leave', ''], MEMBERS);
    expect(stdout).toBe('web1\talive\ndb1\tfailed\n');
    const flags = await run(['completion', 'fish', '--', 'keys', '-rpc-a']);
    expect(flags.stdout.split('\n')[0]).toBe('-rpc-addr\tRPC address of the agent: host:port, or unix:path');
  });

  it('no name that a shell could take for more than a name', async () => {
    const names = [
      '$(reboot)',
      'a b',
      "it's",
      '-rf',
      ':files',
      'a\tb',
      '~',
      'good-1.example',
      '*',
      'a;b',
      '`x`',
    ];
    const client = { members: async () => names.map((name) => member(name)) };
    expect(await offered('force-leave ', { client })).toEqual(['good-1.example']);
  });

  it('the agent that was named is asked, and one that cannot be is no error', async () => {
    const asked: unknown[] = [];
    const connect: CommandContext['connect'] = async (flags) => {
      asked.push(flags);
      throw new Error('nobody there');
    };
    expect(await offered('force-leave -rpc-addr=10.0.0.9:7373 -rpc-auth k ', { connect })).toEqual([]);
    expect(asked).toEqual([{ 'rpc-addr': '10.0.0.9:7373', 'rpc-auth': 'k' }]);
  });

  describe('by an agent that does not answer', () => {
    afterEach(() => vi.useRealTimers());

    it('nothing after half a second', async () => {
      vi.useFakeTimers();
      const line = offered('force-leave ', { connect: () => new Promise(() => undefined) });
      await vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThan(0));
      await vi.advanceTimersByTimeAsync(500);
      expect(await line).toEqual([]);
    });
  });
});

describe('the scripts', () => {
  it.each(['bash', 'zsh', 'fish'])('%s completes both names of the program', async (shell) => {
    const { code, stdout } = await run(['completion', shell]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/(?:complete -F \S+|#compdef|complete -c) agent/);
    expect(stdout).toMatch(/reeve$|-c reeve /m);
    expect(stdout).not.toMatch(/\beval\b|compgen -W/);
  });

  it.each([
    [[], 'Name a shell: bash, zsh or fish.'],
    [['tcsh'], 'Unknown shell: tcsh'],
    [['bash', 'x'], 'Unexpected argument: x'],
  ])('%j is a usage error', async (words, message) => {
    const { code, stdout, stderr } = await run(['completion', ...words]);
    expect([code, stderr]).toEqual([1, `${message}\n`]);
    expect(stdout).toContain('Usage: agent completion');
  });
});

describe('words of a shell', () => {
  it('that bash took apart are as they were typed', () => {
    expect(rejoined(['query', '-format', '=', 'js'])).toEqual(['query', '-format=js']);
    expect(rejoined(['-rpc-addr', '=', '10.0.0.1', ':', '7373', ''])).toEqual([
      '-rpc-addr=10.0.0.1:7373',
      '',
    ]);
    expect(rejoined(['-format', '='])).toEqual(['-format=']);
    expect(rejoined([])).toEqual([]);
  });

  it('lose their quotes', () => {
    expect([`'a b'`, `"it's"`, 'a\\ b'].map(unquoted)).toEqual(['a b', 'its', 'a b']);
  });

  it('are read as a command would, mistakes passed over', () => {
    const table = { n: { kind: 'int', doc: '' }, b: { kind: 'bool', doc: '' } } as const;
    expect(placeAfter(['-b', '-n=x', '-zz', 'arg', '-n'], table, 'anywhere')).toMatchObject({
      args: ['arg'],
      pending: 'n',
      isPastFlags: false,
    });
    expect(placeAfter(['arg', '-n'], table, 'go')).toMatchObject({ args: ['arg', '-n'], isPastFlags: true });
  });
});

it.each(Object.keys(COMMANDS))('%s: every flag that help shows is offered, and no other', async (name) => {
  const { flags }: Command = await COMMANDS[name as keyof typeof COMMANDS].load();
  const shown = Object.entries(flags).filter(([, flag]) => flag.hidden !== true);
  expect((await flagCandidates(flags, [])).map(({ word }) => word)).toEqual(shown.map(([flag]) => flag));
});
