import { randomInt } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { scenarioOf } from '../src/sim/campaign/generate.ts';
import { brokenChecks, failsLike, shrink } from '../src/sim/campaign/shrink.ts';
import { addCounts, FAULT_NAMES, FAULTS, type FaultCounts } from '../src/sim/faults.ts';
import { readArguments, wholeNumber } from './lib/arguments.ts';
import { runSeeds } from './lib/sim-fleet.ts';
import type { SeedReport } from './lib/sim-seed.ts';

/**
 * A campaign of as many seeds as wanted, or until it is stopped. Ends with 1 when a rule was broken or a fault of the table
 * never fired. INT and TERM end it after the seeds that are under way, and what was found is told.
 */

const USAGE = `npm run sim:campaign                            1,000 seeds from 1, on two processors
npm run sim:campaign -- --seeds 10000 --from 1  as many, from that one on
                        --seeds forever         until Ctrl-C
                        --from fresh            seeds nobody has run yet
                        --jobs 2                processes that run seeds
                        --failures FILE         where failing seeds are added (sim-failures.jsonl)
                        --no-shrink             failing scenarios are not made small`;

const { values } = readArguments(USAGE, {
  seeds: { type: 'string', default: '1000' },
  from: { type: 'string', default: '1' },
  jobs: { type: 'string', default: '2' },
  failures: { type: 'string', default: 'sim-failures.jsonl' },
  'no-shrink': { type: 'boolean', default: false },
});

const count =
  values.seeds === 'forever' ? Number.POSITIVE_INFINITY : wholeNumber(USAGE, 'seeds', values.seeds, 1);
/** Fresh seeds begin at a random one of so many. */
const FRESH_SEEDS = 2 ** 40;
const from = values.from === 'fresh' ? randomInt(FRESH_SEEDS) : wholeNumber(USAGE, 'from', values.from, 0);
const jobs = wholeNumber(USAGE, 'jobs', values.jobs, 1);

const PROGRESS_MS = 5_000;
/** Failing seeds made smaller at the end. */
const SHRINK_LIMIT = 5;
/** A query in the calm is not repeated, so gossip may miss a few. */
const REACHED_SHARE = 0.98;

const started = performance.now();
const failures: SeedReport[] = [];
const takes: number[] = [];
let done = 0;
let isStopped = false;
let nodes = 0;
let virtualMs = 0;
let cpuMs = 0;
let asked = 0;
let answered = 0;
let faults: FaultCounts | undefined;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function take(report: SeedReport): void {
  done += 1;
  nodes += report.size;
  virtualMs += report.virtualMs;
  cpuMs += report.cpuMs;
  asked += report.reached.asked;
  answered += report.reached.answered;
  faults = faults === undefined ? report.faults : addCounts(faults, report.faults);
  if (report.convergedMs !== undefined) takes.push(report.convergedMs);
  if (report.violations.length === 0) return;
  failures.push(report);
  appendFileSync(
    values.failures,
    `${JSON.stringify({ seed: report.seed, violations: report.violations })}\n`,
  );
  const [first] = report.violations;
  say(`seed ${report.seed} (${report.size} nodes): ${first?.check}: ${first?.text.slice(0, 300)}`);
}

function percentile(sorted: readonly number[], share: number): string {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return value === undefined ? '-' : `${(value / 1000).toFixed(1)} s`;
}

function* seeds(): Generator<number, undefined> {
  for (let seed = from; seed < from + count && !isStopped; seed += 1) yield seed;
}

/** npm passes on a signal that the terminal has sent already: a second one means nothing. */
function stop(): void {
  if (isStopped) return;
  isStopped = true;
  say('ending with the seeds under way');
}

/** How long the rest takes at this rate. */
function rest(rate: number): string {
  if (count === Number.POSITIVE_INFINITY) return 'until Ctrl-C';
  return rate === 0 ? 'time to go unknown' : `${Math.round((count - done) / rate)} s to go`;
}

/** Every fault and how often it fired; returns those that never did. */
function tellFaults(counts: FaultCounts): string[] {
  say('\nfault              fired        what it is');
  for (const name of FAULT_NAMES) {
    say(`${name.padEnd(17)} ${String(counts[name]).padStart(8)}        ${FAULTS[name]}`);
  }
  return FAULT_NAMES.filter((name) => counts[name] === 0);
}

function tellSmall(report: SeedReport): void {
  const small = shrink(scenarioOf(report.seed), failsLike(brokenChecks(report)));
  say(
    `\nseed ${report.seed} in short: ${small.size} nodes, ${small.steps.length} steps. Replay: npm run sim -- --seed ${report.seed}`,
  );
  say(JSON.stringify(small));
  appendFileSync(values.failures, `${JSON.stringify({ seed: report.seed, small })}\n`);
}

async function main(): Promise<void> {
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const progress = setInterval(() => {
    const rate = (1000 * done) / (performance.now() - started);
    const share = count === Number.POSITIVE_INFINITY ? `${done}` : `${done} of ${count}`;
    process.stderr.write(
      `${share} seeds, ${failures.length} failed, ${rate.toFixed(1)} a second, ${rest(rate)}\n`,
    );
  }, PROGRESS_MS);
  await runSeeds(seeds(), jobs, take).finally(() => clearInterval(progress));
  takes.sort((a, b) => a - b);
  const seconds = (performance.now() - started) / 1000;
  say(
    `\n${done} seeds from ${from}, ${failures.length} failed; ${nodes} nodes, ${(virtualMs / 3_600_000).toFixed(1)} virtual hours ` +
      `in ${seconds.toFixed(0)} s (${(cpuMs / done / 1000).toFixed(3)} CPU s a seed)`,
  );
  say(
    `convergence after chaos: median ${percentile(takes, 0.5)}, 99 % ${percentile(takes, 0.99)}, ` +
      `longest ${percentile(takes, 1)}; queries in the calm answered: ${answered} of ${asked}`,
  );
  const silent = faults === undefined ? ['every fault'] : tellFaults(faults);
  if (silent.length > 0) say(`\nnever fired: ${silent.join(', ')}; a longer campaign is needed`);
  if (answered < REACHED_SHARE * asked)
    say(`\ntoo few queries in the calm were answered: ${answered} of ${asked}`);
  if (!values['no-shrink']) for (const report of failures.slice(0, SHRINK_LIMIT)) tellSmall(report);
  if (failures.length > 0) say(`\nfailing seeds: ${failures.map(({ seed }) => seed).join(' ')}`);
  const isGood = failures.length === 0 && silent.length === 0 && answered >= REACHED_SHARE * asked;
  process.exitCode = isGood ? 0 : 1;
}

await main();
