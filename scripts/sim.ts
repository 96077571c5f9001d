import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { scenarioOf } from '../src/sim/campaign/generate.ts';
import { narrate } from '../src/sim/campaign/narrate.ts';
import { runScenario } from '../src/sim/campaign/run.ts';
import type { Scenario } from '../src/sim/campaign/scenario.ts';

/**
 * Replays one run of a campaign: npm run sim -- --seed 7 [--nodes 1000] [--trace] [--log], or a scenario in a file with
 * --scenario FILE. Ends with 1 when a rule was broken.
 */

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    nodes: { type: 'string' },
    scenario: { type: 'string' },
    trace: { type: 'boolean', default: false },
    log: { type: 'boolean', default: false },
  },
});

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function chosen(): Scenario {
  const scenario =
    values.scenario === undefined
      ? scenarioOf(Number(values.seed))
      : (JSON.parse(readFileSync(values.scenario, 'utf8')) as Scenario);
  return values.nodes === undefined ? scenario : { ...scenario, size: Number(values.nodes) };
}

const scenario = chosen();
const { steps, ...rest } = scenario;
say(JSON.stringify(rest));
for (const { at, action } of steps) say(`${(at / 1000).toFixed(3).padStart(9)} ${JSON.stringify(action)}`);
const result = runScenario(scenario, {
  log: values.log,
  prepare: (stage) => {
    if (values.trace || values.log) narrate(stage, say, values.log);
  },
});
const { convergedMs, boundMs, violations, hash, virtualMs } = result;
const converged = convergedMs === undefined ? 'never' : `${(convergedMs / 1000).toFixed(1)} s after calm`;
say(
  `\nconverged ${converged} (bound ${(boundMs / 1000).toFixed(0)} s), ${(virtualMs / 1000).toFixed(0)} virtual seconds`,
);
say(`digest ${hash}`);
for (const { at, check, text } of violations) say(`${(at / 1000).toFixed(3).padStart(9)} ${check}: ${text}`);
say(violations.length === 0 ? 'no rule broken' : `${violations.length} violations`);
process.exitCode = violations.length === 0 ? 0 : 1;
