import { readFileSync } from 'node:fs';
import { messageOf } from '../src/base/errors.ts';
import { scenarioOf } from '../src/sim/campaign/generate.ts';
import { narrate } from '../src/sim/campaign/narrate.ts';
import { runScenario } from '../src/sim/campaign/run.ts';
import type { Scenario } from '../src/sim/campaign/scenario.ts';
import { misused, readArguments, wholeNumber } from './lib/arguments.ts';

/** Replays one run of a campaign, or a scenario in a file. Ends with 1 when a rule was broken. */

const USAGE = `npm run sim -- --seed 7                     a run of the campaign again
npm run sim -- --seed 7 --nodes 1000        the same steps in a cluster of another size
npm run sim -- --scenario small.json        a scenario from a file
               --trace                      tells what happens, line by line
               --log                        and what the nodes log`;

const { values } = readArguments(USAGE, {
  seed: { type: 'string', default: '1' },
  nodes: { type: 'string' },
  scenario: { type: 'string' },
  trace: { type: 'boolean', default: false },
  log: { type: 'boolean', default: false },
});

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function fromFile(path: string): Scenario {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Scenario;
  } catch (error) {
    return misused(USAGE, `--scenario ${path} cannot be read: ${messageOf(error)}`);
  }
}

function chosen(): Scenario {
  const { seed, nodes, scenario: path } = values;
  const scenario = path === undefined ? scenarioOf(wholeNumber(USAGE, 'seed', seed, 0)) : fromFile(path);
  return nodes === undefined ? scenario : { ...scenario, size: wholeNumber(USAGE, 'nodes', nodes, 1) };
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
