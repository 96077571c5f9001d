import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const examples = fileURLToPath(new URL('../../handlers-examples/scripts/', import.meta.url));
const FOREIGN =
  '127.0.0.1\tlocalhost\n::1 localhost ip6-localhost\n192.0.2.1 gateway GW  # db9 is no name here\n';

let folder = '';
let file = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'examples-'));
  file = join(folder, 'hosts');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
  readonly status: number | null;
  readonly stderr: string;
}

/** Runs a handler on one event, as an agent would. */
function handle(
  script: string,
  event: string,
  input: string,
  env: Record<string, string> = {},
): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', join(examples, script)], {
      env: { PATH: process.env['PATH'], HOSTS_FILE: file, SERF_EVENT: event, ...env },
      stdio: ['pipe', 'ignore', 'pipe'],
      timeout: 30_000,
    });
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stderr }));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

const hosts = (event: string, input: string, env?: Record<string, string>): Promise<Run> =>
  handle('hosts/hosts.mjs', event, input, env);

const line = (name: string, address: string): string => `${name}\t${address}\t\t\n`;
const text = (): string => readFileSync(file, 'latin1');

/** The lines between the markers. */
function block(): string[] {
  const lines = text().split('\n');
  return lines.slice(lines.indexOf('# BEGIN reeve members') + 1, lines.indexOf('# END reeve members'));
}

describe('hosts', () => {
  test('follows a stream of events: joins, failure kept, new address, leave, reap', async () => {
    writeFileSync(file, FOREIGN);
    await hosts('member-join', line('b', '10.0.0.2') + line('a', '10.0.0.1') + line('b1', '10.0.0.3'));
    expect(block()).toEqual(['10.0.0.1\ta', '10.0.0.2\tb', '10.0.0.3\tb1']);
    await hosts('member-failed', line('b', '10.0.0.2'));
    expect(block()).toContain('10.0.0.2\tb');
    await hosts('member-join', line('b', '10.0.0.9'));
    expect(block()).toEqual(['10.0.0.1\ta', '10.0.0.9\tb', '10.0.0.3\tb1']);
    await hosts('member-leave', line('b', '10.0.0.9'));
    await hosts('member-reap', line('a', '10.0.0.1'));
    expect(block()).toEqual(['10.0.0.3\tb1']);
    await hosts('member-leave', line('b1', '10.0.0.3'));
    expect(text()).toBe(`${FOREIGN}# BEGIN reeve members\n# END reeve members\n`);
  });

  test('keeps every foreign byte, before and after the block, also where it is no UTF-8', async () => {
    const before = '# caf\xe9\n1.2.3.4 x\t \n\n';
    const after = '\n9.9.9.9 y\n# no newline at the end';
    writeFileSync(file, `${before}# BEGIN reeve members\n# END reeve members\n${after}`, 'latin1');
    await hosts('member-join', line('a', '10.0.0.1'));
    expect(text()).toBe(`${before}# BEGIN reeve members\n10.0.0.1\ta\n# END reeve members\n${after}`);
  });

  test('ends an unfinished last line before its block', async () => {
    writeFileSync(file, '1.2.3.4 x');
    await hosts('member-join', line('a', '10.0.0.1'));
    expect(text()).toBe('1.2.3.4 x\n# BEGIN reeve members\n10.0.0.1\ta\n# END reeve members\n');
  });

  test('keeps mode and owner, and follows a symbolic link', async () => {
    const real = join(folder, 'real');
    writeFileSync(real, FOREIGN);
    if (process.getuid?.() === 0) chownSync(real, 1234, 1235);
    chmodSync(real, 0o640);
    symlinkSync(real, file);
    const before = statSync(real);
    expect((await hosts('member-join', line('a', '10.0.0.1'))).status).toBe(0);
    const after = statSync(real);
    expect([after.mode, after.uid, after.gid]).toEqual([before.mode, before.uid, before.gid]);
    expect(after.ino).not.toBe(before.ino);
    expect(readFileSync(real, 'utf8')).toContain('10.0.0.1\ta\n');
    expect(readdirSync(folder).sort()).toEqual(['hosts', 'real']);
  });

  test('does not write when nothing changes', async () => {
    await hosts('member-join', line('a', '10.0.0.1'));
    const before = statSync(file);
    await hosts('member-update', line('a', '10.0.0.1'));
    expect(statSync(file)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  });

  test('makes a missing file, readable by all', async () => {
    await hosts('member-join', line('a', 'fd00::7'));
    expect(block()).toEqual(['fd00::7\ta']);
    expect(statSync(file).mode & 0o777).toBe(0o644);
  });

  test.each([
    'localhost',
    'LOCALHOST',
    'localhost.localdomain',
    'localhost6',
    'x.localhost',
    'ip6-loopback',
    'gateway',
    'gw',
    'a b',
    'a#b',
    'a_b',
    '-a',
    'a..b',
    '10.0.0.8',
    'a\\nb',
    'é',
    '$(id)',
    'a'.repeat(64),
  ])('never lists the name %j, and says so', async (name) => {
    writeFileSync(file, FOREIGN);
    const run = await hosts('member-join', line(name, '10.0.0.7') + line('ok', '10.0.0.8'));
    expect(block()).toEqual(['10.0.0.8\tok']);
    expect(run).toMatchObject({ status: 0, stderr: expect.stringContaining('left out') });
  });

  test.each(['', '10.0.0', '<nil>', '0.0.0.0', '::', '1.2.3.4 evil', 'fe80::1%eth0'])(
    'never lists the address %j',
    async (address) => {
      await hosts('member-join', line('a', address) + line('ok', '10.0.0.8'));
      expect(block()).toEqual(['10.0.0.8\tok']);
    },
  );

  test('a name that a foreign line takes later loses its own line', async () => {
    await hosts('member-join', line('a', '10.0.0.1'));
    writeFileSync(file, `1.1.1.1 A\n${text()}`);
    await hosts('member-join', line('b', '10.0.0.2'));
    expect(block()).toEqual(['10.0.0.2\tb']);
  });

  test('names that differ in case alone have one line', async () => {
    await hosts('member-join', line('web', '10.0.0.1') + line('Web', '10.0.0.2'));
    expect(block()).toEqual(['10.0.0.2\tWeb']);
  });

  test.each([
    '# BEGIN reeve members\n10.0.0.1\ta\n',
    '# END reeve members\n# BEGIN reeve members\n',
    '# BEGIN reeve members\n# END reeve members\n# BEGIN reeve members\n# END reeve members\n',
  ])('leaves a file with broken markers alone and fails: %j', async (broken) => {
    writeFileSync(file, broken);
    const run = await hosts('member-join', line('z', '10.0.0.9'));
    expect(run).toMatchObject({ status: 1, stderr: expect.stringContaining('mend the file by hand') });
    expect(text()).toBe(broken);
  });

  test('runs at the same time lose nobody', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    await Promise.all(names.map((name, i) => hosts('member-join', line(name, `10.0.0.${i + 1}`))));
    expect(block()).toEqual(names.map((name, i) => `10.0.0.${i + 1}\t${name}`));
  });

  test('user events and queries change nothing', async () => {
    expect((await hosts('user', line('a', '10.0.0.1'))).status).toBe(0);
    expect((await hosts('query', '')).status).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('with an agent to ask, writes the whole list whatever was missed', async () => {
    const members = [
      { name: 'a', addr: '10.0.0.1:7946', status: 'alive' },
      { name: 'f', addr: '[fd00::7]:7946', status: 'failed' },
      { name: 'l', addr: '10.0.0.3:7946', status: 'left' },
    ].map((member) => ({ ...member, tags: {} }));
    const agent = join(folder, 'agent');
    writeFileSync(
      agent,
      `#!/bin/sh\n[ "$*" = "x members -format=json" ] && echo '${JSON.stringify({ members })}'\n`,
    );
    chmodSync(agent, 0o755);
    await hosts('member-join', line('ghost', '10.0.0.4'));
    await hosts('member-failed', line('f', '10.0.0.2'), { REEVE_AGENT: `${agent} x` });
    expect(block()).toEqual(['10.0.0.1\ta', 'fd00::7\tf']);
  });

  test.each(['/nowhere/agent', '/bin/false', '/bin/echo'])(
    'goes by the event when %s does not answer',
    async (agent) => {
      const run = await hosts('member-join', line('a', '10.0.0.1'), { REEVE_AGENT: agent });
      expect(run).toMatchObject({ status: 0, stderr: expect.stringContaining('did not answer') });
      expect(block()).toEqual(['10.0.0.1\ta']);
    },
  );

  const canMount = spawnSync('unshare', ['--mount', 'mount', '--bind', '/tmp', '/tmp']).status === 0;
  if (!canMount)
    process.stderr.write('no mount namespaces here: the bind-mounted hosts file is not tested\n');
  else {
    test('writes in place over a bind mount, mode kept and nothing left behind', () => {
      const source = join(folder, 'source');
      writeFileSync(source, FOREIGN);
      writeFileSync(file, '');
      chmodSync(source, 0o664);
      const inode = statSync(source).ino;
      const steps = [
        `mount --bind ${source} ${file}`,
        `printf '%s\\t10.0.0.1\\t\\t\\n' a | ${examples}hosts/hosts.mjs`,
      ];
      steps.push(`SERF_EVENT=member-leave; printf '%s\\t10.0.0.1\\t\\t\\n' a | ${examples}hosts/hosts.mjs`);
      for (const count of [2, 3]) {
        const run = spawnSync('unshare', ['--mount', 'sh', '-ec', steps.slice(0, count).join('\n')], {
          env: { PATH: process.env['PATH'], HOSTS_FILE: file, SERF_EVENT: 'member-join' },
          encoding: 'utf8',
        });
        expect(run).toMatchObject({ status: 0, stderr: '' });
        const lines = count === 2 ? '10.0.0.1\ta\n' : '';
        expect(readFileSync(source, 'utf8')).toBe(
          `${FOREIGN}# BEGIN reeve members\n${lines}# END reeve members\n`,
        );
      }
      expect(statSync(source)).toMatchObject({ ino: inode, mode: 0o100664 });
      expect(readdirSync(folder).sort()).toEqual(['hosts', 'source']);
    });
  }
});

describe('attendance', () => {
  test('writes a line for everyone who came or went, and none for a name that is none', async () => {
    const log = join(folder, 'log');
    const env = { ATTENDANCE_LOG: log };
    const script = '../attendance/attendance.sh';
    const first = await handle(
      script,
      'member-join',
      `a\t10.0.0.1\tweb\trole=web\nb\\tc\t10.0.0.2\t\t\n`,
      env,
    );
    expect(first.stderr).toBe('left out, a name that is none: b\\tc\n');
    await handle(script, 'member-update', line('a', '10.0.0.1'), env);
    await handle(script, 'member-failed', line('a', '10.0.0.1'), env);
    const lines = readFileSync(log, 'utf8').split('\n');
    expect(lines.map((one) => one.replace(/^\S{24} /, ''))).toEqual([
      'a joined 10.0.0.1',
      'a failed 10.0.0.1',
      '',
    ]);
  });
});
