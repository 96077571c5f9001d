import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Syslog } from '../../../src/agent/syslog.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'reeve-syslog-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const path = (name: string): string => join(directory, name);

/** A program that stands in for `logger`: writes its arguments and what it reads, then does `last`. */
function command(first: string): string {
  const file = path('logger');
  writeFileSync(file, `#!/bin/sh\necho "$@" >> ${path('args')}\n${first}\nexec cat >> ${path('lines')}\n`);
  chmodSync(file, 0o755);
  return file;
}

const read = (name: string): string => (existsSync(path(name)) ? readFileSync(path(name), 'utf8') : '');

const start = (program: string, onTrouble: (text: string) => void = () => undefined) => {
  writeFileSync(path('socket'), '');
  return Syslog.start({
    facility: 'local0',
    command: program,
    socket: path('socket'),
    onTrouble,
    firstPauseMs: 10,
  });
};

describe('syslog', () => {
  it('gets every line through one program, with the priority of facility and level', async () => {
    const syslog = await start(command(''));
    for (const level of ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERR'] as const)
      syslog.write(level, `serf: ${level}`);
    syslog.write('INFO', 'agent: two\nlines');
    await syslog.close();
    expect(read('lines')).toBe(
      '<135>serf: TRACE\n<134>serf: DEBUG\n<133>serf: INFO\n<132>serf: WARN\n<131>serf: ERR\n<133>agent: two\\nlines\n',
    );
    expect(read('args')).toBe(
      `--tag serf[${process.pid}] --prio-prefix --socket-errors=on --size 8192 --socket ${path('socket')}\n`,
    );
  });

  it('says what to do where the program or the socket is missing', async () => {
    await expect(start(path('none'))).rejects.toThrow(
      `Syslog setup failed: there is no '${path('none')}' command; install it (bsdutils on Debian, util-linux elsewhere), or leave out 'enable_syslog'`,
    );
    await expect(
      Syslog.start({ facility: 'user', socket: path('no-socket'), onTrouble: () => undefined }),
    ).rejects.toThrow(
      `Syslog setup failed: Unix syslog delivery error: no ${path('no-socket')}; start a syslog daemon, or leave out 'enable_syslog'`,
    );
  });

  it('starts a program that died again, tells of it once, and keeps the lines of the meantime', async () => {
    const told: string[] = [];
    const once = path('once');
    let syslog: Syslog | undefined;
    const tell = (text: string): void => {
      told.push(text);
      if (told.length === 1) syslog?.write('INFO', 'agent: meanwhile');
    };
    syslog = await start(command(`[ -e ${once} ] || { touch ${once}; echo no >&2; exit 1; }`), tell);
    await vi.waitFor(() => expect(told).toHaveLength(2), 5_000);
    expect(told).toEqual([
      "syslog: 'logger' ended (no); up to 1024 lines are kept, next try in 0.01s",
      "syslog: 'logger' runs again",
    ]);
    syslog.write('INFO', 'agent: later');
    await syslog.close();
    expect(read('lines')).toBe('<133>agent: meanwhile\n<133>agent: later\n');
  });

  it('tells of lines that a living program could not send', async () => {
    const told: string[] = [];
    writeFileSync(path('socket'), '');
    const syslog = await Syslog.start({
      facility: 'local0',
      command: command('echo "send message failed: no" >&2; echo again >&2'),
      socket: path('socket'),
      onTrouble: (text) => told.push(text),
      complaintWaitMs: 10,
    });
    await vi.waitFor(() => expect(told).not.toEqual([]), 5_000);
    await syslog.close();
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(
      /^syslog: 'logger' could not send a line \(send message failed: no.*\); such lines are lost$/,
    );
  });

  it('of a program that reads nothing costs a bounded number of lines and ends all the same', async () => {
    const syslog = await start(command('sleep 0.2'));
    const line = `agent: ${'x'.repeat(1_000)}`;
    for (let i = 0; i < 3_000; i += 1) syslog.write('INFO', line);
    expect(syslog.lost).toBeGreaterThan(1_000);
    await syslog.close();
    const lines = read('lines').split('\n');
    expect(lines.length - 1).toBeLessThan(3_000);
    expect(read('lines')).not.toContain('undefined');
  });
});
