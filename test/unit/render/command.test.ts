import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type CommandRequest, OUTPUT_TAIL_BYTES, runCommand } from '../../../src/render/command.ts';
import { scratch, sh } from './samples.ts';

const files = scratch();
const PATH = process.env['PATH'] ?? '';

const run = (argv: readonly string[], more: Partial<CommandRequest> = {}) =>
  runCommand({ step: 'check', argv, env: { PATH }, timeoutMs: 10_000, ...more });

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

describe('a command', () => {
  it.each([
    [['true'], true, 'ok'],
    [['false'], false, 'exit 1'],
    [sh('kill -9 $$'), false, 'signal SIGKILL'],
    [['no-such-program'], false, "'no-such-program' is not installed or not on the PATH"],
    [['/etc/passwd'], false, 'cannot start: spawn /etc/passwd EACCES'],
  ])('%j ends as %s: %s', async (argv, ok, outcome) => {
    expect(await run(argv)).toMatchObject({ step: 'check', argv, ok, outcome });
  });

  it('keeps its two outputs apart, and of each the end', async () => {
    const record = await run(sh('yes | head -c 100000; echo end; echo oops >&2'));
    expect([record.stdout.length, record.stdout.endsWith('\nend\n'), record.stderr]).toEqual([
      OUTPUT_TAIL_BYTES,
      true,
      'oops\n',
    ]);
  });

  it('sees the environment it is given, and nothing else', async () => {
    const record = await run(['env'], { env: { PATH, A: '1' } });
    expect(record.stdout.trim().split('\n').sort()).toEqual(['A=1', `PATH=${PATH}`]);
  });

  it('that takes too long is ended with all it started', async () => {
    const pid = files.path('pid');
    const record = await run(sh(`sleep 60 & echo $! > ${pid}; wait`), { timeoutMs: 300 });
    expect([record.ok, record.outcome]).toEqual([false, 'timeout after 0.3s']);
    await sleep(50);
    expect(isRunning(Number(readFileSync(pid, 'utf8')))).toBe(false);
  });

  it('that ignores TERM is killed', async () => {
    const record = await run(sh("trap '' TERM; while :; do sleep 0.1; done"), { timeoutMs: 100 });
    expect(record.outcome).toBe('timeout after 0.1s');
  });

  it('may leave a service running, whose output nobody waits for', async () => {
    const pid = files.path('pid');
    const record = await run(sh(`sleep 60 & echo $! > ${pid}`));
    const service = Number(readFileSync(pid, 'utf8'));
    expect([record.ok, isRunning(service)]).toEqual([true, true]);
    process.kill(service, 'SIGKILL');
  });

  it('is ended when the agent stops', async () => {
    const controller = new AbortController();
    const record = run(['sleep', '60'], { signal: controller.signal });
    controller.abort();
    expect(await record).toMatchObject({ ok: false, outcome: 'stopped with the agent' });
  });
});
