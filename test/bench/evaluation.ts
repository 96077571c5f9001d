import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { keyOf } from './evaluation/jobs.ts';
import { FULL, jobsOf, QUICK } from './evaluation/plan.ts';
import { doAll } from './evaluation/pool.ts';
import { publish } from './evaluation/publish.ts';
import { Store } from './evaluation/store.ts';

/**
 * Runs the experiments of the literature in virtual time and writes their tables and curves into docs/evaluation.md.
 *
 *     npm run evaluation                     everything, from the start, on two processors
 *     npm run evaluation -- --resume         only what docs/evaluation/results.ndjson does not have yet
 *     npm run evaluation -- --quick          a small plan, into /tmp: does it still work?
 *     npm run evaluation -- --jobs 1         one child process
 *     npm run evaluation -- --minutes 10     starts nothing new after that, and publishes what there is
 *     npm run evaluation -- --report         runs nothing, writes the pages again
 */
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    resume: { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '2' },
    minutes: { type: 'string', default: 'Infinity' },
    out: { type: 'string' },
  },
});

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = values.out ?? (values.quick ? '/tmp/evaluation' : `${root}docs/evaluation`);
mkdirSync(folder, { recursive: true });
const results = `${folder}/results.ndjson`;
const plan = values.quick ? QUICK : FULL;
const jobs = jobsOf(plan);
const store = new Store(results, values.resume || values.report);
const missing = values.report ? [] : jobs.filter((job) => store.get(job) === undefined);

let finished = jobs.length - missing.length;
await doAll(missing, Number(values.jobs), 60_000 * Number(values.minutes), (one) => {
  store.add(one);
  store.write(jobs);
  finished += 1;
  process.stderr.write(`${finished}/${jobs.length}  ${one.cpuSeconds.toFixed(1)} s  ${keyOf(one.job)}\n`);
});
const page =
  values.quick || values.out !== undefined ? `${folder}/evaluation.md` : `${root}docs/evaluation.md`;
publish({ plan, store, folder, page });
process.stdout.write(`${page}\n`);
