import { describe, expect, it } from 'vitest';
import { retryJoin } from '../../../src/agent/retry-join.ts';

function harness(failures: number, maxAttempts: number) {
  const log: string[] = [];
  const slept: number[] = [];
  const controller = new AbortController();
  let tries = 0;
  const outcome = retryJoin({
    addresses: ['a', 'b'],
    intervalMs: 30_000,
    maxAttempts,
    replay: false,
    join: () => {
      tries += 1;
      return tries > failures ? Promise.resolve(1) : Promise.reject(new Error('nobody there'));
    },
    sleep: (ms) => {
      slept.push(ms);
      if (slept.length === 10) controller.abort();
      return Promise.resolve();
    },
    log: (level, text) => void log.push(`${level} ${text}`),
    signal: controller.signal,
  });
  return { outcome, log, slept, tries: () => tries };
}

describe('retry join', () => {
  it('stops at the first success', async () => {
    const run = harness(2, 0);
    expect(await run.outcome).toBe('joined');
    expect(run.tries()).toBe(3);
    expect(run.slept).toEqual([30_000, 30_000]);
    expect(run.log).toEqual([
      'INFO Joining cluster...(replay: false)',
      'WARN Join failed: nobody there, retrying in 30s',
      'INFO Joining cluster...(replay: false)',
      'WARN Join failed: nobody there, retrying in 30s',
      'INFO Joining cluster...(replay: false)',
      'INFO Join completed. Synced with 1 initial agents',
    ]);
  });

  it('with a limit of 1 tries twice, then gives up', async () => {
    const run = harness(9, 1);
    expect(await run.outcome).toBe('gave-up');
    expect(run.tries()).toBe(2);
    expect(run.log.at(-1)).toBe('ERR maximum retry join attempts made, exiting');
  });

  it('without a limit goes on until the agent ends', async () => {
    const run = harness(99, 0);
    expect(await run.outcome).toBe('aborted');
    expect(run.tries()).toBe(10);
  });

  it('with sources pauses short at first, and never longer than the interval', async () => {
    const slept: number[] = [];
    const controller = new AbortController();
    await retryJoin({
      addresses: ['file:/seeds'],
      intervalMs: 5_000,
      maxAttempts: 0,
      backoff: { firstMs: 1_000, random: () => 1 },
      replay: false,
      join: () => Promise.reject(new Error('nobody there')),
      sleep: (ms) => {
        slept.push(ms);
        if (slept.length === 5) controller.abort();
        return Promise.resolve();
      },
      log: () => {},
      signal: controller.signal,
    });
    expect(slept).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
  });
});
