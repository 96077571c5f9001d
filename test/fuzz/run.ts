import { misused, readArguments, wholeNumber } from '../../scripts/lib/arguments.ts';
import { nearest } from '../../src/base/nearest.ts';
import { keep } from './corpus.ts';
import { Coverage } from './coverage.ts';
import { type FuzzResult, fuzz } from './engine.ts';
import { TARGETS } from './targets/index.ts';

/** Coverage-guided fuzzing of everything that reads bytes. Ends with 1 when an input broke something. */

const USAGE = `npm run fuzz                                 every target, ten seconds each
npm run fuzz -- envelope rpc-session         these targets only
                --seconds 60                 how long each runs
                --seed 7                     other inputs
                --keep                       what reached something new joins the corpus`;

const { values, positionals } = readArguments(
  USAGE,
  {
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
  },
  true,
);

const seconds = wholeNumber(USAGE, 'seconds', values.seconds, 1);
const seed = wholeNumber(USAGE, 'seed', values.seed, 0);
const names = TARGETS.map(({ name }) => name);
const unknown = positionals.find((name) => !names.includes(name));
if (unknown !== undefined) {
  const near = nearest(unknown, names);
  const advice = near === undefined ? '' : `; did you mean ${near}?`;
  misused(`Targets: ${names.join(' ')}`, `There is no target ${unknown}${advice}`);
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

function line({ target, executions, seconds: took, corpus, blocks, breaks }: FuzzResult): string {
  const rate = Math.round(executions / took).toLocaleString('en');
  return row([
    target,
    executions.toLocaleString('en'),
    rate,
    String(corpus),
    String(blocks),
    String(breaks.length),
  ]);
}

const chosen = TARGETS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
process.stdout.write(`${row(['target', 'inputs', 'per second', 'corpus', 'blocks reached', 'broken'])}\n`);
process.stdout.write(`${row(['---', '---:', '---:', '---:', '---:', '---:'])}\n`);
let total = 0;
let broken = 0;
for (const target of chosen) {
  const coverage = new Coverage((url) => url.includes('/src/'));
  coverage.start();
  const until = performance.now() + seconds * 1000;
  const result = await fuzz(target, { seed, coverage, goesOn: () => performance.now() < until });
  coverage.stop();
  process.stdout.write(`${line(result)}\n`);
  for (const { input, why } of result.breaks) {
    console.error(`\n${target.name}: ${Buffer.from(input).toString('hex')}\n${why}\n`);
  }
  if (values.keep || result.breaks.length > 0) {
    keep(
      target,
      values.keep ? result.found : [],
      result.breaks.map(({ input }) => input),
    );
  }
  total += result.executions;
  broken += result.breaks.length;
}
process.stdout.write(`\n${total.toLocaleString('en')} inputs, ${broken} broke something.\n`);
process.exitCode = broken === 0 ? 0 : 1;
