import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ServiceManager } from '../../../src/agent/service-manager.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'reeve-manager-'));
  writeFileSync(said(), '');
});
afterEach(() => rmSync(directory, { recursive: true }));

const said = (): string => join(directory, 'said');
const words = (): string[] => readFileSync(said(), 'utf8').split('\n').slice(0, -1);

/** Stands in for `systemd-notify`: keeps what it was told, and where to say it. */
function command(exit: string): string {
  const file = join(directory, 'notify');
  writeFileSync(file, `#!/bin/sh\necho "$* $NOTIFY_SOCKET" >> ${said()}\n${exit}\n`, { mode: 0o755 });
  return file;
}

const manager = (exit: string, periodMs: number): ServiceManager =>
  new ServiceManager({
    socket: '/run/s',
    periodMs,
    searchPath: process.env['PATH'],
    command: command(exit),
    retryMs: 1,
  });

const never = (text: string): void => expect.unreachable(text);

describe('a service manager', () => {
  it('is there where systemd asks, and what it asks by is inherited by nobody', () => {
    const env: NodeJS.ProcessEnv = { NOTIFY_SOCKET: '/run/s', WATCHDOG_USEC: '1', WATCHDOG_PID: '1', A: 'b' };
    expect(ServiceManager.take(env)).toBeDefined();
    expect(env).toEqual({ A: 'b' });
    expect(ServiceManager.take(env)).toBeUndefined();
  });

  it('is told nothing, with a warning, where the system refuses to start the command at all', async () => {
    const options = { socket: '/run/s', periodMs: 0, searchPath: undefined, retryMs: 1 };
    const troubles: string[] = [];
    // Node.js throws at such a name, as it does where memory is short.
    const refused = new ServiceManager({ ...options, command: 'no\0command' });
    await refused.ready((text) => troubles.push(text), new AbortController().signal);
    expect(troubles).toEqual([expect.stringContaining('systemd was not told that this agent is up')]);
  });

  it('is told that the agent is up, and then that it works, until the end', async () => {
    const end = new AbortController();
    await manager('', 5).ready(never, end.signal);
    await vi.waitFor(() => expect(words().length).toBeGreaterThan(3), 5_000);
    end.abort();
    const [first, ...more] = words().sort();
    expect(first).toBe('READY=1 /run/s');
    expect(new Set(more)).toEqual(new Set(['WATCHDOG=1 /run/s']));
  });

  it('without a watchdog is told once', async () => {
    await manager('', 0).ready(never, new AbortController().signal);
    expect(words()).toEqual(['READY=1 /run/s']);
  });

  it('that does not hear is told again, and then the log', async () => {
    const told: string[] = [];
    await manager('exit 3', 0).ready((text) => told.push(text), new AbortController().signal);
    expect(words()).toHaveLength(3);
    expect(told).toEqual([
      `systemd was not told that this agent is up: '${join(directory, 'notify')}' ended with 3; Type=exec in the unit needs no such word`,
    ]);
  });

  it.each([
    ['half of its time', { WATCHDOG_USEC: '60000000' }, 30_000],
    [
      'half of its time, where this process is meant',
      { WATCHDOG_USEC: '60000000', WATCHDOG_PID: '7' },
      30_000,
    ],
    ['not at all, where a wrapper is meant', { WATCHDOG_USEC: '60000000', WATCHDOG_PID: '8' }, 0],
    ['not at all, where it has none', {}, 0],
    ['not at all, where the time is none', { WATCHDOG_USEC: 'x' }, 0],
    ['not all the time, where it wants that', { WATCHDOG_USEC: '10' }, 500],
  ])('watches %s', (_how, env, periodMs) => {
    expect(ServiceManager.take({ NOTIFY_SOCKET: '/run/s', ...env }, 7)?.periodMs).toBe(periodMs);
  });
});
