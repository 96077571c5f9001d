import { describe, expect, it } from 'vitest';
import {
  type AgentSignal,
  SignalQueue,
  type SupervisorOptions,
  supervise,
} from '../../../src/agent/signals.ts';
import { deferred, memoryAnnouncer, settled } from './fakes.ts';

function harness(overrides: Partial<SupervisorOptions> = {}) {
  const signals = new SignalQueue();
  const ui = memoryAnnouncer();
  const ended = deferred<number>();
  const leave = deferred<void>();
  const alarm = deferred<void>();
  const slept: number[] = [];
  const calls: string[] = [];
  let code: number | undefined;
  void supervise({
    signals,
    ui,
    ended: ended.promise,
    leaveOnTerminate: () => false,
    skipLeaveOnInterrupt: () => false,
    leave: () => {
      calls.push('leave');
      return leave.promise;
    },
    reload: () => {
      calls.push('reload');
      return Promise.resolve();
    },
    dumpMetrics: () => void calls.push('metrics'),
    sleep: (ms) => {
      slept.push(ms);
      return alarm.promise;
    },
    ...overrides,
  }).then((result) => {
    code = result;
  });
  const send = async (...names: AgentSignal[]) => {
    for (const name of names) {
      signals.push(name);
      await settled();
    }
    return code;
  };
  return { signals, ui, ended, leave, alarm, slept, calls, send, code: () => code };
}

describe('signals', () => {
  it('INT leaves gracefully and exits 0 once that is done', async () => {
    const run = harness();
    expect(await run.send('SIGINT')).toBeUndefined();
    expect(run.ui.lines).toEqual(['==> Caught signal: interrupt', '==> Gracefully shutting down agent...']);
    run.leave.resolve();
    await settled();
    expect(run.code()).toBe(0);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const)(
    '%s during a graceful leave exits 1 at once',
    async (second) => {
      const run = harness();
      expect(await run.send('SIGINT', second)).toBe(1);
      expect(run.calls).toEqual(['leave']);
    },
  );

  it('a graceful leave that takes three seconds exits 1', async () => {
    const run = harness();
    await run.send('SIGINT');
    expect(run.slept).toEqual([3_000]);
    run.alarm.resolve();
    await settled();
    expect(run.code()).toBe(1);
  });

  it('a leave that fails is told, and the three seconds still pass', async () => {
    const run = harness();
    await run.send('SIGINT');
    run.leave.reject(new Error('Leave already in progress'));
    await settled();
    expect(run.code()).toBeUndefined();
    expect(run.ui.lines.at(-1)).toBe('!!! Error: Leave already in progress');
    run.ended.resolve(0);
    await settled();
    expect(run.code()).toBe(0);
  });

  it('INT exits 1 at once with skip_leave_on_interrupt', async () => {
    const run = harness({ skipLeaveOnInterrupt: () => true });
    expect(await run.send('SIGINT')).toBe(1);
    expect(run.calls).toEqual([]);
  });

  it('TERM exits 1 at once, without a leave', async () => {
    const run = harness();
    expect(await run.send('SIGTERM')).toBe(1);
    expect(run.ui.lines).toEqual(['==> Caught signal: terminated']);
  });

  it('TERM leaves gracefully with leave_on_terminate', async () => {
    const run = harness({ leaveOnTerminate: () => true });
    await run.send('SIGTERM');
    expect(run.calls).toEqual(['leave']);
    run.leave.resolve();
    await settled();
    expect(run.code()).toBe(0);
  });

  it('QUIT exits 1 at once, whatever is set', async () => {
    const run = harness({ leaveOnTerminate: () => true });
    expect(await run.send('SIGQUIT')).toBe(1);
    expect([run.calls, run.ui.lines]).toEqual([[], ['==> Caught signal: quit']]);
  });

  it('HUP reloads, any number of times, and the leave rules of the reload count', async () => {
    let leaveOnTerminate = false;
    const run = harness({
      leaveOnTerminate: () => leaveOnTerminate,
      reload: () => {
        leaveOnTerminate = true;
        return Promise.resolve();
      },
    });
    await run.send('SIGHUP', 'SIGHUP', 'SIGTERM');
    expect(run.ui.lines.slice(0, 3)).toEqual([
      '==> Caught signal: hangup',
      '==> Caught signal: hangup',
      '==> Caught signal: terminated',
    ]);
    expect(run.calls).toEqual(['leave']);
  });

  it('USR1 shows the figures and changes nothing', async () => {
    const run = harness();
    run.signals.askForFigures();
    expect(run.calls).toEqual(['metrics']);
    expect(run.ui.lines).toEqual([]);
  });

  it('USR1 during a graceful leave shows the figures and does not cut the leave short', async () => {
    const run = harness();
    await run.send('SIGINT');
    run.signals.askForFigures();
    await settled();
    expect(run.calls).toEqual(['leave', 'metrics']);
    expect(run.code()).toBeUndefined();
    run.leave.resolve();
    await settled();
    expect(run.code()).toBe(0);
  });

  it('an agent that ends of itself gives its own exit code', async () => {
    for (const code of [0, 1]) {
      const run = harness();
      run.ended.resolve(code);
      await settled();
      expect(run.code()).toBe(code);
    }
  });
});

describe('a queue of signals', () => {
  it('keeps what came before anyone asked, in order, and no more than four', async () => {
    const queue = new SignalQueue();
    for (const name of ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGINT', 'SIGTERM'] as const) queue.push(name);
    await queue.arrived();
    const taken = [1, 2, 3, 4, 5].map(() => queue.take());
    expect(taken).toEqual(['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGINT', undefined]);
  });

  it('holds one reload however many are asked for, so that they never cost an INT', () => {
    const queue = new SignalQueue();
    for (let i = 0; i < 10; i += 1) queue.push('SIGHUP');
    queue.push('SIGINT');
    expect([queue.take(), queue.take(), queue.take()]).toEqual(['SIGHUP', 'SIGINT', undefined]);
  });

  it('is not emptied by waiting for it', async () => {
    const queue = new SignalQueue();
    const both = Promise.all([queue.arrived(), queue.arrived()]);
    queue.push('SIGINT');
    await both;
    expect(queue.take()).toBe('SIGINT');
  });
});
