import { scenarioOf } from '../../src/sim/campaign/generate.ts';
import { type RunResult, runScenario } from '../../src/sim/campaign/run.ts';

/** One in so many seeds runs twice, and must come out the same to the last byte. */
const REPEAT_ONE_IN = 10;

/** What a worker says of a seed; one JSON line each. */
export interface SeedReport extends Omit<RunResult, 'hash'> {
  readonly seed: number;
  readonly size: number;
  readonly cpuMs: number;
}

/** Runs one seed as the campaign does. */
export function runSeed(seed: number): SeedReport {
  const before = process.cpuUsage();
  const scenario = scenarioOf(seed);
  const { hash, ...result } = runScenario(scenario);
  const violations = [...result.violations];
  if (seed % REPEAT_ONE_IN === 0) {
    const again = runScenario(scenario);
    if (again.hash !== hash) {
      const text = `two runs of one seed differ: ${hash} and ${again.hash}`;
      violations.push({ at: result.virtualMs, check: 'determinism', text });
    }
  }
  const { user, system } = process.cpuUsage(before);
  return { ...result, violations, seed, size: scenario.size, cpuMs: (user + system) / 1000 };
}
