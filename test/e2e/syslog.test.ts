import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { Syslog } from '../../src/agent/syslog.ts';

/** The real `logger`, and a socket that stands for the syslog daemon's; perl can listen on one, Node.js cannot. */

const LISTEN =
  'socket(S,PF_UNIX,SOCK_DGRAM,0); bind(S,sockaddr_un($ARGV[0])) or die; $|=1; print "$b\\n" while defined recv(S,$b,65536,0)';

const available = ['logger', 'perl'].every((name) => spawnSync(name, ['--version']).status === 0);
const describeWithLogger = available ? describe : describe.skip;

const directory = mkdtempSync(join(tmpdir(), 'reeve-syslog-'));
afterAll(() => rmSync(directory, { recursive: true }));

describeWithLogger('syslog through the real logger (skipped without logger or perl)', () => {
  it.each([
    ['as Serf sends them: priority, program, process and text', ''],
    ['also from root without capabilities, as in a sandbox', 'setpriv --bounding-set=-all --inh-caps=-all'],
  ])('gets lines %s', async (what, prefix) => {
    const socket = join(directory, what.slice(0, 4));
    const command = join(directory, 'logger');
    const isRoot = process.getuid?.() === 0;
    writeFileSync(command, `#!/bin/sh\nexec ${isRoot ? prefix : ''} logger "$@"\n`, { mode: 0o755 });
    const daemon = spawn('perl', ['-MSocket', '-e', LISTEN, socket]);
    let heard = '';
    daemon.stdout.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
    });
    await vi.waitFor(() => expect(existsSync(socket)).toBe(true), 5_000);
    const syslog = await Syslog.start({ facility: 'daemon', socket, command, onTrouble: () => undefined });
    syslog.write('INFO', 'serf: EventMemberJoin: a 127.0.0.1');
    syslog.write('ERR', `agent: ${'x'.repeat(3_000)}`);
    await syslog.close();
    await vi.waitFor(() => expect(heard).toContain('xxx'), 5_000);
    daemon.kill();
    const [first = '', second = ''] = heard.split('\n');
    expect(first).toMatch(
      new RegExp(
        `^<29>\\w{3} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d serf\\[${process.pid}\\]: serf: EventMemberJoin: a 127\\.0\\.0\\.1$`,
      ),
    );
    expect(second).toMatch(/^<27>.*: agent: x{2041}…$/);
  });
});
