import { scenarioOf } from '../../../src/sim/campaign/generate.ts';
import { runScenario } from '../../../src/sim/campaign/run.ts';

/**
 * Runs seeds in order until one breaks a rule, and prints which, as one line of JSON; prints null when none of them did.
 * Started in a copy of the project whose source holds a deliberate bug: `hunt.ts FROM COUNT`.
 */
const [from, count] = process.argv.slice(2).map(Number);
if (from === undefined || count === undefined) throw new Error('usage: hunt.ts FROM COUNT');

let found: { readonly seed: number; readonly check: string; readonly text: string } | null = null;
for (let seed = from; seed < from + count && found === null; seed += 1) {
  const [first] = runScenario(scenarioOf(seed)).violations;
  if (first !== undefined) found = { seed, check: first.check, text: first.text };
}
process.stdout.write(`${JSON.stringify(found)}\n`);
