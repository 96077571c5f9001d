import { drift, type Errors, heightShares, median, settle, TOPOLOGIES } from '../support/coordinate-space.ts';

/**
 * Errors of coordinates on the networks of Serf's own performance tests, over many seeds, beside what those tests
 * demand of the one seed they run and what Serf's own client reaches over a hundred. Run:
 * `npx tsx test/bench/coordinates.ts [seeds]`
 */

const SEEDS = Array.from({ length: Number(process.argv[2] ?? 100) }, (_, i) => i + 1);

const line = (...cells: readonly string[]): void => void process.stdout.write(`| ${cells.join(' | ')} |\n`);
const shown = ({ mean, max }: Errors): string => `${figure(mean)} / ${figure(max)}`;
const figure = (value: number): string => Number(value.toPrecision(2)).toString();
const percent = (share: number): string => `${Math.round(100 * share)} %`;

function within(errors: readonly Errors[], limit: Errors): string {
  const good = errors.filter(({ mean, max }) => mean <= limit.mean && max <= limit.max).length;
  return percent(good / errors.length);
}

line(
  'mean / max error',
  'ours, median',
  'ours, worst',
  "Serf's median",
  'limit 0.9.4',
  'ours in',
  "Serf's in",
  'newest',
  'ours in',
);
line('---', '---', '---', '---', '---', '---', '---', '---', '---');
for (const topology of TOPOLOGIES) {
  const runs = SEEDS.map((seed) => settle(topology, seed));
  const errors = runs.map((run) => run.errors);
  const by = (pick: (values: number[]) => number): Errors => ({
    mean: pick(errors.map((error) => error.mean)),
    max: pick(errors.map((error) => error.max)),
  });
  const { serf094, newest } = topology.limits;
  line(
    `${topology.name}: ${topology.layout}`,
    shown(by(median)),
    shown(by((values) => Math.max(...values))),
    shown(topology.serfsMedian),
    shown(serf094),
    within(errors, serf094),
    percent(topology.serfWithin / 100),
    shown(newest),
    within(errors, newest),
  );
  if (topology.name !== 'height') continue;
  const heights = runs.map(heightShares);
  const centre = Math.min(...heights.map((share) => share.centre));
  const others = heights.map((share) => share.others);
  line(
    'height of the centre, lowest (limit 97 %), and of others, median and largest (limit 3 %)',
    `${percent(centre)}; ${percent(median(others))}, ${percent(Math.max(...others))}`,
  );
}
const shares = SEEDS.map((seed) => drift(seed)).map(({ before, after }) => after / before);
line(
  'drift: distance of the centre after / before',
  figure(median(shares)),
  figure(Math.max(...shares)),
  '',
  '0.8',
);
