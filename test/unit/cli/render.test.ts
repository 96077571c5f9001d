import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readMembers } from '../../../src/render/listed-members.ts';
import type { PreviewRecord, RendererRecord, RenderRunRecord } from '../../../src/rpc/render-records.ts';
import { run } from './fake-context.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'reeve-cli-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Writes a file and returns its path. */
function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const PREVIEW: PreviewRecord = {
  target: '/etc/hosts',
  same: false,
  members: 1,
  leftOut: [{ name: 'a b', why: 'no host name' }],
  holds: [{ guard: 'settle', text: 'too early' }],
  diff: '--- /etc/hosts\n+++ /etc/hosts\n@@ -0,0 +1 @@\n+x',
  isPublic: true,
};

const preview = (more: Partial<PreviewRecord>, ...words: readonly string[]) =>
  run(['render', 'hosts', '-dry-run', ...words], {
    client: { previewRenderer: async () => ({ ...PREVIEW, ...more }) },
  });

describe('render -dry-run', () => {
  it('exits with 2 when the file would change, and shows how', async () => {
    const { code, stdout } = await preview({}, '-diff');
    expect(code).toBe(2);
    expect(stdout).toBe(`${PREVIEW.diff}\n# left out "a b": no host name\n# held by settle: too early\n`);
  });

  it('exits with 0 when the file is right, and shows no difference', async () => {
    const same = { same: true, diff: '', leftOut: [], holds: [] };
    expect(await preview(same, '-diff')).toMatchObject({ code: 0, stdout: '' });
    expect((await preview(same)).stdout).toBe('hosts: /etc/hosts is right (1 member)\n');
  });

  it('says when the difference is kept from whoever asks', async () => {
    expect((await preview({ diff: '', leftOut: [], holds: [] }, '-diff')).stdout).toContain(
      'use the unix socket',
    );
  });

  it('exits with 1 when something is wrong', async () => {
    const client = { previewRenderer: () => Promise.reject(new Error('No renderer')) };
    const outcome = await run(['render', 'x', '-dry-run'], { client });
    expect(outcome).toMatchObject({ code: 1, stderr: 'Error asking the agent: No renderer\n' });
  });

  it('prints JSON for programs', async () => {
    expect(JSON.parse((await preview({}, '--json')).stdout)).toEqual(PREVIEW);
  });
});

describe('render -dry-run -members', () => {
  const config = (target: string) =>
    file(
      'c.json',
      JSON.stringify({
        renderers: {
          r: {
            template: file('t', '{% for m in members %}\n{{ m.name }} {{ m.addr }}\n{% endfor %}\n'),
            target,
          },
        },
      }),
    );
  const MEMBERS = JSON.stringify({
    members: [
      { name: 'b', addr: '[fd00::7]:7946', port: 7946, status: 'alive', tags: { role: 'web' } },
      { name: 'a', addr: '10.0.0.1:7946', status: 'alive' },
      { name: 'c', addr: '10.0.0.3:7946', status: 'failed' },
    ],
  });

  it('asks no agent, writes nothing, and exits as with one', async () => {
    const target = join(directory, 'out');
    const words = [
      'render',
      'r',
      '-dry-run',
      '-diff',
      '-members',
      file('m', MEMBERS),
      '-config-file',
      config(target),
    ];
    const connect = () => Promise.reject(new Error('no agent was to be asked'));
    const before = await run(words, { connect });
    expect(before).toMatchObject({ code: 2, stderr: '' });
    expect(before.stdout).toContain('+a 10.0.0.1\n+b fd00::7\n');
    writeFileSync(target, 'a 10.0.0.1\nb fd00::7\n');
    expect(await run(words, { connect })).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  it.each([
    ['no JSON', '{', 'members'],
    ['no list', '{"members":1}', "no list 'members'"],
    ['an entry without a name', '[{}]', "members[0]: 'name' must be a text"],
    ['a bad address', '[{"name":"a","addr":"x:1"}]', 'which is no address'],
    ['a bad status', '[{"name":"a","addr":"","status":"up"}]', "'status' must be one of"],
    ['bad tags', '[{"name":"a","addr":"","tags":{"x":1}}]', 'object of texts'],
  ])('refuses %s', async (_what, content, expected) => {
    const words = [
      'render',
      'r',
      '-dry-run',
      '-members',
      file('members', content),
      '-config-file',
      config('/t'),
    ];
    const { code, stderr } = await run(words);
    expect([code, stderr]).toEqual([1, expect.stringContaining(expected)]);
  });

  it('reads what agents print: an empty list is null', () => {
    expect(readMembers(file('m', '{"members":null}'))).toEqual([]);
  });

  it('names the renderers there are', async () => {
    const words = ['render', 'x', '-dry-run', '-members', file('m', '[]'), '-config-file', config('/t')];
    expect((await run(words)).stderr).toContain('no renderer of this name: it has r');
  });
});

describe('render', () => {
  const runOf = (result: RenderRunRecord, ...words: readonly string[]) =>
    run(['render', 'hosts', ...words], { client: { runRenderer: async () => result } });
  const ATTEMPT = { at: '', durationMs: 5, reason: 'reload', outcome: 'replaced', members: 2, commands: [] };

  it('exits with 0 when the file is right', async () => {
    const outcome = await runOf({ attempt: ATTEMPT, holds: [] });
    expect(outcome).toMatchObject({ code: 0, stdout: 'hosts: replaced (2 members, 5 ms)\n' });
  });

  it('exits with 1 when it failed, with the output of the command that did', async () => {
    const check = {
      step: 'check',
      argv: ['x'],
      ok: false,
      outcome: 'exit 1',
      durationMs: 2,
      stdout: 'a\n',
      stderr: 'b\n',
    };
    const attempt = { ...ATTEMPT, outcome: 'failed', error: 'check failed', commands: [check] };
    const outcome = await runOf({ attempt, holds: [] });
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toContain('  check: exit 1 (2 ms)\n  check failed\n    | a\n    | b\n');
  });

  it('exits with 1 when a guard holds it', async () => {
    const outcome = await runOf({ holds: [{ guard: 'min_members', text: 'too few' }] });
    expect(outcome).toMatchObject({
      code: 1,
      stdout: 'hosts: held, nothing was written\n  min_members: too few\n',
    });
  });

  it('says what a Serf agent lacks', async () => {
    const client = { runRenderer: () => Promise.reject(new Error('Unsupported command')) };
    const outcome = await run(['render', 'hosts'], { client });
    expect([outcome.code, outcome.stderr]).toEqual([1, expect.stringContaining('needs a reeve agent')]);
  });

  it.each([
    [[], 'Give the name of a renderer, or -list.'],
    [['a', 'b'], 'Too many arguments'],
    [['-list', 'a'], '-list takes no name'],
    [['a', '-diff'], '-diff and -members go with -dry-run'],
  ])('refuses the arguments %j', async (words, expected) => {
    const { code, stderr } = await run(['render', ...words]);
    expect([code, stderr]).toEqual([1, expect.stringContaining(expected)]);
  });
});

describe('render -list', () => {
  const RENDERER: RendererRecord = {
    name: 'hosts',
    template: '/t',
    target: '/etc/hosts',
    block: true,
    commands: [],
    state: 'held',
    members: 2,
    generation: 3,
    leftOut: [{ name: 'x', why: 'bad' }],
    damped: ['y'],
    holds: [{ guard: 'max_removed', text: '3 of 4 members would be gone' }],
    counters: {},
    attempts: [],
  };

  it('shows where they stand, and below what needs an eye', async () => {
    const { code, stdout } = await run(['render', '-list'], {
      client: { renderers: async () => [RENDERER] },
    });
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      'NAME   STATE  MEMBERS    TARGET      LAST',
      'hosts  held   2 members  /etc/hosts  nothing yet',
      '',
      'hosts: HELD by max_removed: 3 of 4 members would be gone',
      "hosts: 'agent handlers approve hosts' lets it write once",
      'hosts: left out "x": bad',
      'hosts: kept out for flapping: "y"',
      '',
    ]);
  });

  it('says what to do where there are none', async () => {
    const { stdout } = await run(['render', '-list'], { client: { renderers: async () => [] } });
    expect(stdout).toContain("add 'renderers' to the configuration");
  });
});
