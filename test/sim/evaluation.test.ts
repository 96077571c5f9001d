import { describe, expect, it } from 'vitest';
import {
  FIRST_DETECTION_PERIODS,
  serfShare,
  serfTimeMs,
  swimPiggyback,
  transmissions,
} from '../bench/evaluation/formulas.ts';
import { type Done, keyOf, run } from '../bench/evaluation/jobs.ts';
import type { Cyclic, FalsePositives, Latencies } from '../bench/evaluation/lifeguard.ts';
import { sumOf, wholeCells } from '../bench/evaluation/lifeguard-report.ts';
import { jobsOf, QUICK } from '../bench/evaluation/plan.ts';
import { withSection } from '../bench/evaluation/sections.ts';
import { Store } from '../bench/evaluation/store.ts';
import { periodsOf } from '../bench/evaluation/swim-report.ts';

const SERF = { fanout: 3, intervalMs: 200, loss: 0, failed: 0 };

describe('the formulas', () => {
  it("give the times of Serf's convergence simulator", () => {
    const times = [8, 64, 1_000, 10_000].map((n) => [serfTimeMs(0.99, n, SERF), serfTimeMs(0.9999, n, SERF)]);
    expect(times).toEqual([
      [1_000, 1_600],
      [1_200, 1_800],
      [1_600, 2_200],
      [2_000, 2_600],
    ]);
    expect(serfShare(0, 99, SERF)).toBeCloseTo(1 / 101);
    expect(serfShare(600, 64, { ...SERF, loss: 0.2 })).toBeLessThan(serfShare(600, 64, SERF));
  });

  it("give SWIM's expectations and memberlist's limits", () => {
    expect(FIRST_DETECTION_PERIODS).toBeCloseTo(1.582, 3);
    expect([8, 100].map(swimPiggyback)).toEqual([9, 15]);
    expect([9, 10, 99, 100].map((n) => transmissions(4, n))).toEqual([4, 8, 8, 12]);
  });
});

describe('an experiment', () => {
  /** Four of 16 members stop for 12 s and run for a quarter of a second, twice. */
  const anomalies = (arm: string): Cyclic => {
    return {
      kind: 'cyclic',
      arm,
      members: 24,
      c: 6,
      d: 12_000,
      i: 250,
      blocks: true,
      forMs: 30_000,
      seed: 5,
    };
  };

  it('finds fewer false positives with all of Lifeguard than with SWIM alone, the same in every run', () => {
    const swim = run(anomalies('swim')) as FalsePositives;
    const whole = run(anomalies('lifeguard')) as FalsePositives;
    expect(swim.fpMinus).toBeGreaterThan(0);
    expect(whole.fp).toBeLessThan(swim.fp);
    expect(whole.fpMinus).toBeLessThan(swim.fpMinus);
    expect(run(anomalies('lifeguard'))).toEqual(whole);
  });

  it('times every death, the first report no later than the last', () => {
    const deaths = { kind: 'deaths', arm: 'lifeguard', members: 12, c: 2, batches: 2, seed: 1 } as const;
    const { first, all, unreported } = run(deaths) as Latencies;
    expect([first.length, all.length, unreported]).toEqual([4, 4, 0]);
    first.forEach((ms, i) => {
      expect(ms).toBeLessThanOrEqual(all[i] as number);
    });
  });

  it('counts whole protocol periods as SWIM does, and part ones beside them', () => {
    const result = {
      firstPingMs: [100, 1_200],
      datagramsPerSecond: 2,
      bytesPerSecond: 0,
      heardMs: [],
      shares: [],
    };
    expect(periodsOf(result)).toEqual({ mean: 0.65, whole: 1.5 });
  });
});

describe('the tables', () => {
  const cyclic = jobsOf(QUICK).filter((job): job is Cyclic => job.kind === 'cyclic' && job.blocks);
  const done = (job: Cyclic): Done => ({ job, result: { fp: 3, fpMinus: 2, stopped: 1 }, cpuSeconds: 0 });

  it('count a cell only when every arm has run it', () => {
    const store = new Store('', false);
    for (const job of cyclic.slice(1)) store.add(done(job));
    expect(wholeCells(QUICK, store)).toEqual([]);
    store.add(done(cyclic[0] as Cyclic));
    expect(wholeCells(QUICK, store)).toHaveLength(1);
    expect(sumOf(wholeCells(QUICK, store), 'swim')).toEqual({ fp: 3, fpMinus: 2, stopped: 1 });
  });

  it('tell jobs apart by everything that decides their result', () => {
    const all = jobsOf(QUICK);
    expect(new Set(all.map(keyOf)).size).toBe(all.length);
  });
});

describe('a page', () => {
  it('keeps everything outside the section that is written anew', () => {
    const page = '# Evaluation\n\nby hand\n';
    const once = withSection(page, 'swim', 'old');
    const more = `${once}\n## Scale\n`;
    expect(withSection(more, 'swim', 'new')).toBe(more.replace('old', 'new'));
    expect(withSection(withSection(more, 'serf', 'x'), 'swim', 'old')).toContain('by hand');
  });

  it('with one mark only is left alone', () => {
    expect(() => withSection('<!-- evaluation: swim -->', 'swim', 'x')).toThrow(/one of the marks/);
  });
});
