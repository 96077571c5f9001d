import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from './fake-context.ts';

const directory = mkdtempSync(join(tmpdir(), 'reeve-config-cli-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  chmodSync(path, 0o600);
  return path;
}

const KEY = Buffer.alloc(32, 7).toString('base64');

const GOOD = file(
  'good.json',
  `{\n  "node_name": "web-1",\n  "encrypt_key": "${KEY}",\n  "start_join": ["a"],\n  "retry_interval": "90s"\n}`,
);

describe('config check', () => {
  it('of a good configuration says so, exit 0', async () => {
    expect(await run(['config', 'check', GOOD, '-bind=127.0.0.1'])).toMatchObject({
      code: 0,
      stdout: 'ok: an agent would start with 4 keys from 1 file, 1 from flags\n',
      stderr: '',
    });
  });

  it('names every mistake with its lines, in order, and shows no secret, exit 1', async () => {
    const path = file(
      'bad.json',
      '{\n  "bind": "1.2.3.4:x",\n  "nodename": "a",\n  "retry_interval": "5",\n  "encrypt_key": "hunter2!"\n}',
    );
    const { code, stdout, stderr } = await run(['config', 'check', path, '-log-level=x']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(
      [
        `${path}:2:3: Invalid bind address: address tcp/x: unknown port`,
        '  1 | {',
        '  2 |   "bind": "1.2.3.4:x",',
        '    |   ^^^^^^',
        '',
        `${path}:3:3: unknown key 'nodename', did you mean 'node_name'?`,
        '  1 | {',
        '  2 |   "bind": "1.2.3.4:x",',
        '  3 |   "nodename": "a",',
        '    |   ^^^^^^^^^^',
        '',
        `${path}:4:3: 'retry_interval' is no duration: missing unit in duration "5", write it like '300ms', '5s' or '1h30m'`,
        '  2 |   "bind": "1.2.3.4:x",',
        '  3 |   "nodename": "a",',
        '  4 |   "retry_interval": "5",',
        '    |   ^^^^^^^^^^^^^^^^',
        '',
        `${path}:5:3: Invalid encryption key: illegal base64 data at input byte 7`,
        '  3 |   "nodename": "a",',
        '  4 |   "retry_interval": "5",',
        '  5 |   "encrypt_key": "********"',
        '    |   ^^^^^^^^^^^^^',
        '',
        '-log-level: Invalid log level: X. Valid log levels are: [TRACE DEBUG INFO WARN ERR]',
        '',
        '5 mistakes: an agent would not start with this configuration.',
        '',
      ].join('\n'),
    );
  });

  it('points at a syntax error and says what it may come from', async () => {
    const path = file('syntax.json', '{\n  "bind": "10.0.0.1"\n  "tags": {}\n}');
    expect((await run(['config', 'check', path])).stderr).toContain(
      `${path}:3:3: invalid character '"' after object key:value pair, is a comma missing before it?\n  1 | {\n`,
    );
  });

  it('finds what is wrong with files the configuration names', async () => {
    const path = file('files.json', `{\n"keyring_file": "${join(directory, 'none.json')}"\n}`);
    const { code, stderr } = await run(['config', 'check', path]);
    expect(code).toBe(1);
    expect(stderr).toContain(`${path}:2:1: stat ${join(directory, 'none.json')}: no such file or directory`);
  });

  it('tells a missing file and a bad flag', async () => {
    const { code, stderr } = await run(['config', 'check', join(directory, 'no'), '-tag=x']);
    expect(code).toBe(1);
    expect(stderr).toContain("the command line: Error: Invalid tag: 'x'\n\nError reading '");
    expect(stderr).toContain('no: no such file or directory\n\n2 mistakes');
  });

  it('tells programs the same as JSON', async () => {
    const path = file('json.json', '{"nodename": "a", "rejoin_after_leave": true}');
    const { code, stdout } = await run(['config', 'check', '-json', path]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      ok: false,
      files: [path],
      mistakes: [
        {
          code: 'ERR_CONFIG_DECODE',
          text: "unknown key 'nodename'",
          hint: "did you mean 'node_name'?",
          file: path,
          line: 1,
          column: 2,
        },
      ],
      warnings: ["Warning: 'RejoinAfterLeave' enabled without snapshot file"],
    });
  });
});

describe('config show', () => {
  it('shows each value and where it came from, secrets as stars', async () => {
    const { code, stdout } = await run(['config', 'show', '-origin', '-changed', GOOD, '-join=b', '-node=n']);
    expect(code).toBe(0);
    const from = (text: string): string => text.padEnd(`${GOOD}:4, -join`.length);
    expect(stdout.split('\n')).toEqual([
      `node_name       ${from('-node')}  "n"`,
      `encrypt_key     ${from(`${GOOD}:3`)}  "***"`,
      `start_join      ${from(`${GOOD}:4, -join`)}  ["a","b"]`,
      `retry_interval  ${from(`${GOOD}:5`)}  "1m30s"`,
      '',
    ]);
    expect(stdout).not.toContain(KEY);
  });

  it('shows defaults too, and the name of the host', async () => {
    const { stdout } = await run(['config', 'show', '-json', '-origin']);
    const shown = JSON.parse(stdout) as Record<string, unknown>;
    expect(shown['profile']).toEqual({ value: 'lan', origin: [{ source: 'default' }] });
    expect(shown['node_name']).not.toMatchObject({ value: '' });
  });

  it('of a configuration that would not start says why, exit 1', async () => {
    const outcome = await run(['config', 'show', '-profile=moon']);
    expect(outcome).toMatchObject({ code: 1, stdout: '', stderr: '-profile: Unknown profile: moon\n\n' });
  });
});

it('config schema prints the schema', async () => {
  const { code, stdout } = await run(['config', 'schema']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ type: 'object', additionalProperties: false });
});
