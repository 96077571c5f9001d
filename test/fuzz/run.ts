/** `npm run fuzz -- [target…] [--seconds N] [--seed S] [--keep]`: coverage-guided fuzzing of everything that reads bytes. */
import { parseArgs } from 'node:util';
import { nearest } from '../../src/base/nearest.ts';
import { keep } from './corpus.ts';
import { Coverage } from './coverage.ts';
import { type FuzzResult, fuzz } from './engine.ts';
import { TARGETS } from './targets/index.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
  },
});

const seconds = Number(values.seconds);
const seed = Number(values.seed);
if (!(seconds > 0) || !Number.isInteger(seed)) {
  console.error('--seconds is how long each target runs, --seed a whole number.');
  process.exit(1);
}

const names = TARGETS.map(({ name }) => name);
const unknown = positionals.find((name) => !names.includes(name));
if (unknown !== undefined) {
  const near = nearest(unknown, names);
  console.error(
    `There is no target ${unknown}${near === undefined ? '' : `; did you mean ${near}?`}\nTargets: ${names.join(' ')}`,
  );
  process.exit(1);
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
