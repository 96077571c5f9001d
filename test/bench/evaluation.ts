import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readArguments, wholeNumber } from '../../scripts/lib/arguments.ts';
import { keyOf } from './evaluation/jobs.ts';
import { FULL, jobsOf, QUICK } from './evaluation/plan.ts';
import { doAll } from './evaluation/pool.ts';
import { publish } from './evaluation/publish.ts';
import { Store } from './evaluation/store.ts';

/** Runs the experiments of the literature in virtual time and writes their tables and curves into docs/evaluation.md. */

const USAGE = `npm run evaluation                     everything, from the start, on two processors
npm run evaluation -- --resume         only what docs/evaluation/results.ndjson does not have yet
                      --quick          a small plan, into /tmp: does it still work?
                      --jobs 1         one child process
                      --minutes 10     starts nothing new after that, and publishes what there is
                      --report         runs nothing, writes the pages again
                      --out FOLDER     another place for results and pages`;

const { values } = readArguments(USAGE, {
  quick: { type: 'boolean', default: false },
  resume: { type: 'boolean', default: false },
  report: { type: 'boolean', default: false },
  jobs: { type: 'string', default: '2' },
  minutes: { type: 'string' },
  out: { type: 'string' },
});
const processes = wholeNumber(USAGE, 'jobs', values.jobs, 1);
const limitMs =
  values.minutes === undefined
    ? Number.POSITIVE_INFINITY
    : 60_000 * wholeNumber(USAGE, 'minutes', values.minutes, 1);

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = values.out ?? (values.quick ? '/tmp/evaluation' : `${root}docs/evaluation`);
mkdirSync(folder, { recursive: true });
const results = `${folder}/results.ndjson`;
const plan = values.quick ? QUICK : FULL;
const jobs = jobsOf(plan);
const store = new Store(results, values.resume || values.report);
const missing = values.report ? [] : jobs.filter((job) => store.get(job) === undefined);

let finished = jobs.length - missing.length;
await doAll(missing, processes, limitMs, (one) => {
  store.add(one);
  store.write(jobs);
  finished += 1;
  process.stderr.write(`${finished}/${jobs.length}  ${one.cpuSeconds.toFixed(1)} s  ${keyOf(one.job)}\n`);
});
const page =
  values.quick || values.out !== undefined ? `${folder}/evaluation.md` : `${root}docs/evaluation.md`;
publish({ plan, store, folder, page });
process.stdout.write(`${page}\n`);
