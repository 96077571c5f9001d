import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runAgent } from '../../src/agent/agent.ts';
import { runArguments } from '../../src/agent/config/flags.ts';
import { systemHost } from '../../src/agent/config/host.ts';
import { SignalQueue } from '../../src/agent/signals.ts';

/** What becomes of handlers when the agent that runs them ends. */

const IP = '127.86.3.1';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'reeve-agent-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** An agent inside this process with one handler for its own join, which writes its id to `pid`. */
async function runWithHandler(script: string) {
  const signals = new SignalQueue();
  const silent = { line: () => true, flush: () => Promise.resolve() };
  const handler = `member-join=${script.replaceAll('DIR', directory)}`;
  const words = [
    '-node=n',
    `-bind=${IP}`,
    `-rpc-addr=${IP}:7373`,
    '-profile=local',
    `-event-handler=${handler}`,
  ];
  const code = runAgent(runArguments(words), {
    env: { XDG_RUNTIME_DIR: directory },
    uid: process.getuid?.() ?? -1,
    out: silent,
    err: silent,
    host: systemHost,
    now: () => new Date(),
    signals: () => signals,
    sleep: (ms, until) => sleep(ms, undefined, { ref: false, signal: until }).catch(() => undefined),
  });
  const pid = join(directory, 'pid');
  const giveUpAt = performance.now() + 10_000;
  while (!existsSync(pid) || !readFileSync(pid, 'utf8').endsWith('\n')) {
    if (performance.now() > giveUpAt) throw new Error('the handler did not start within 10 s');
    await sleep(10);
  }
  return { signals, code, pid: Number(readFileSync(pid, 'utf8')) };
}

function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('a handler that runs when its agent ends', () => {
  const endless = 'echo $$ > DIR/pid; while :; do sleep 0.05; done';

  it('is ended at once with an agent that does not leave', async () => {
    const agent = await runWithHandler(endless);
    const start = performance.now();
    agent.signals.push('SIGTERM');
    expect(await agent.code).toBe(1);
    expect(performance.now() - start).toBeLessThan(2_500);
    expect(isRunning(agent.pid)).toBe(false);
  });

  it('is ended at once by a second signal while the agent waits for it after its leave', async () => {
    const agent = await runWithHandler(endless);
    agent.signals.push('SIGINT');
    // The leave itself takes a second; the wait for handlers five.
    await sleep(2_500);
    const start = performance.now();
    agent.signals.push('SIGINT');
    expect(await agent.code).toBe(1);
    expect(performance.now() - start).toBeLessThan(2_500);
    expect(isRunning(agent.pid)).toBe(false);
  });

  it('may finish after a leave', async () => {
    const agent = await runWithHandler('echo $$ > DIR/pid; sleep 2; echo done > DIR/done');
    agent.signals.push('SIGINT');
    expect(await agent.code).toBe(0);
    expect(readFileSync(join(directory, 'done'), 'utf8')).toBe('done\n');
  });

  it('leaves daemons alone that it started earlier', async () => {
    const agent = await runWithHandler('sleep 30 > /dev/null 2>&1 & echo $! > DIR/pid');
    await sleep(300);
    agent.signals.push('SIGTERM');
    expect(await agent.code).toBe(1);
    expect(isRunning(agent.pid)).toBe(true);
    process.kill(agent.pid);
  });
});
