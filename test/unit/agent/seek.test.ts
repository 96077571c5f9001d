import { describe, expect, it } from 'vitest';
import { ANCHOR_INTERVAL_MS, backoffMs, COMPANY_CHECK_MS, seek } from '../../../src/agent/seek.ts';
import type { ReachReport } from '../../../src/runtime/cluster.ts';

interface Script {
  /** What each look finds; an error is thrown. The search ends after the last one. */
  readonly looks: readonly (ReachReport | Error)[];
  /** Whether somebody is wanted, look by look; always, if absent. */
  readonly wanted?: readonly boolean[];
  readonly firstMs?: number;
}

async function run({ looks, wanted, firstMs = 1_000 }: Script) {
  const controller = new AbortController();
  const slept: number[] = [];
  const log: string[] = [];
  const wants = [...(wanted ?? [])];
  const left = [...looks];
  await seek({
    what: 'anchors',
    wanted: () => wants.shift() ?? true,
    firstMs,
    capMs: 30_000,
    reach: () => {
      const next = left.shift();
      if (left.length === 0) controller.abort();
      return next instanceof Error
        ? Promise.reject(next)
        : Promise.resolve(next ?? { missing: [], contacted: 0 });
    },
    sleep: (ms) => {
      slept.push(ms);
      return Promise.resolve();
    },
    random: () => 1,
    log: (level, text) => void log.push(`${level} ${text}`),
    signal: controller.signal,
  });
  return { slept, log };
}

const missing = (...labels: string[]): ReachReport => ({ missing: labels, contacted: 0 });

describe('looking for members', () => {
  it('the first look comes at once; pauses double up to the cap', async () => {
    const { slept } = await run({ looks: Array.from({ length: 7 }, () => missing('a:1')) });
    expect(slept).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  it('pauses stay the same where the first is the cap', async () => {
    const { slept } = await run({ looks: [missing('a:1'), missing('a:1')], firstMs: 30_000 });
    expect(slept).toEqual([30_000, 30_000]);
  });

  it('nobody is contacted while nobody is wanted, and pauses begin short again afterwards', async () => {
    const looks = [missing('a:1'), missing('a:1'), missing('a:1')];
    const { slept } = await run({ looks, wanted: [true, true, false, false, true] });
    expect(slept).toEqual([1_000, 2_000, COMPANY_CHECK_MS, COMPANY_CHECK_MS, 1_000]);
  });

  it('the same absence is told once, another one and a success again', async () => {
    const found: ReachReport = { missing: ['b:1'], contacted: 1 };
    const { log } = await run({
      looks: [missing('b:1', 'a:1'), missing('a:1', 'b:1'), found, missing(), missing('b:1')],
    });
    expect(log).toEqual([
      'INFO looking for anchors: a:1, b:1',
      'DEBUG looking for anchors: a:1, b:1',
      'INFO looking for anchors: b:1',
      'INFO reached 1 of anchors',
      'INFO looking for anchors: b:1',
    ]);
  });

  it('an error is told and ends nothing', async () => {
    const { log, slept } = await run({ looks: [new Error('no file'), missing('a:1')] });
    expect(log).toEqual(['WARN cannot look for anchors: no file', 'INFO looking for anchors: a:1']);
    expect(slept).toHaveLength(2);
  });

  it.each([
    [1, 0, 500],
    [1, 1, 1_000],
    [3, 0.5, 3_000],
    [6, 0, 15_000],
    [10_000, 1, 30_000],
  ])('attempt %i with chance %f pauses %i ms', (attempt, chance, ms) => {
    expect(backoffMs(attempt, 1_000, 30_000, chance)).toBe(ms);
  });

  it('anchors are looked for often enough to heal within a minute', () => {
    expect(backoffMs(1, ANCHOR_INTERVAL_MS, ANCHOR_INTERVAL_MS, 1)).toBeLessThanOrEqual(30_000);
  });
});
