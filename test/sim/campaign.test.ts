import { describe, expect, it } from 'vitest';
import { boundMs, convergenceBound } from '../../src/sim/campaign/bound.ts';
import { scenarioOf } from '../../src/sim/campaign/generate.ts';
import { type RunResult, runScenario } from '../../src/sim/campaign/run.ts';
import type { Scenario } from '../../src/sim/campaign/scenario.ts';
import { brokenChecks, failsLike, shrink } from '../../src/sim/campaign/shrink.ts';
import { addCounts, FAULT_NAMES, type FaultCounts } from '../../src/sim/faults.ts';
import { PROFILES } from '../../src/swim/config.ts';
import { REGRESSIONS } from './regressions.ts';

/** A fixed band, so that a change in behaviour is a change of this file; open-ended: npm run sim:campaign. */
const BAND = Array.from({ length: 60 }, (_, i) => i + 1);
const CHUNK = 10;

function told({ violations }: RunResult): string[] {
  return violations.map(({ at, check, text }) => `${Math.round(at)} ${check}: ${text}`);
}

describe('chaos, then calm', () => {
  let faults: FaultCounts | undefined;
  const reached = { asked: 0, answered: 0 };

  it.each(BAND.filter((seed) => seed % CHUNK === 1))('seeds from %i break no rule', (from) => {
    for (let seed = from; seed < from + CHUNK; seed += 1) {
      const result = runScenario(scenarioOf(seed));
      expect(told(result), `npm run sim -- --seed ${seed}`).toEqual([]);
      faults = faults === undefined ? result.faults : addCounts(faults, result.faults);
      reached.asked += result.reached.asked;
      reached.answered += result.reached.answered;
    }
  });

  it('every kind of fault happened', () => {
    const silent = FAULT_NAMES.filter((name) => (faults?.[name] ?? 0) === 0);
    expect(silent).toEqual([]);
  });

  it('queries in the calm are answered by nearly everybody', () => {
    expect(reached.asked).toBeGreaterThan(0);
    expect(reached.answered / reached.asked).toBeGreaterThan(0.97);
  });

  it('a seed gives the same run to the last byte', () => {
    const first = runScenario(scenarioOf(7));
    expect(runScenario(scenarioOf(7)).hash).toBe(first.hash);
    expect(runScenario(scenarioOf(8)).hash).not.toBe(first.hash);
  });
});

describe('faults of old', () => {
  it.each(REGRESSIONS)('seed $scenario.seed: $what', ({ scenario }) => {
    expect(told(runScenario(scenario))).toEqual([]);
  });
});

describe('the bound of convergence', () => {
  it('is made of the configuration, and grows with the names there ever were', () => {
    const small = convergenceBound(PROFILES.lan, 30_000, 3);
    expect(small).toEqual({
      streamsOver: 30_000,
      found: 2 * 16_000 + 10_000 + 10_000,
      probed: 5 * 8_000,
      condemned: 2 * 24_000,
      reclaimed: 30_000,
      told: 4 * 30_000,
    });
    expect(boundMs(convergenceBound(PROFILES.lan, 30_000, 40))).toBeGreaterThan(boundMs(small));
  });
});

describe('shrinking', () => {
  it('finds the one step that matters, in the smallest cluster that shows it', () => {
    const full = { ...scenarioOf(3), size: 6 } satisfies Scenario;
    const culprit = { at: 5_000, action: { type: 'tags', node: 'n2', tags: { a: 'b' } } } as const;
    const steps = [...full.steps, culprit].sort((a, b) => a.at - b.at);
    const small = shrink(
      { ...full, steps },
      ({ steps: kept, size }) => size >= 2 && kept.some(({ action }) => action === culprit.action),
    );
    expect(small.steps).toEqual([culprit]);
    expect([small.size, small.finale]).toEqual([2, []]);
  });

  it('keeps to the rule that was broken', () => {
    const { scenario } = REGRESSIONS[0] as (typeof REGRESSIONS)[number];
    expect(failsLike(['convergence'])(scenario)).toBe(false);
    const violations = [
      { at: 1, check: 'b', text: '' },
      { at: 2, check: 'a', text: '' },
      { at: 3, check: 'b', text: '' },
    ];
    expect(brokenChecks({ violations })).toEqual(['a', 'b']);
  });
});
