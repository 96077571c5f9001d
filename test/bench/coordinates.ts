import { readFileSync } from 'node:fs';
import { seededRandom } from '../../src/base/random.ts';
import {
  DRIFT,
  drift,
  driftWith,
  type Errors,
  heightShares,
  median,
  settle,
  settleWith,
  TOPOLOGIES,
  type Topology,
  truthOf,
} from '../support/coordinate-space.ts';
import { goRandom } from '../support/go-random.ts';

/**
 * Errors of coordinates on the networks of Serf's own performance tests: with the very draws of its tests, and over many
 * seeds of ours, beside what those tests demand of the one seed they run and what Serf's own client reaches over a
 * hundred. Run: `npm run bench:coordinates -- [seeds]`
 */

const SEEDS = Array.from({ length: Number(process.argv[2] ?? 100) }, (_, i) => i + 1);
const RECORDED: { readonly randomNs: readonly number[] } = JSON.parse(
  readFileSync(new URL('../vectors/data/coordinate-runs.json', import.meta.url), 'utf8'),
);

const line = (...cells: readonly string[]): void => void process.stdout.write(`| ${cells.join(' | ')} |\n`);
const figure = (value: number): string => Number(value.toPrecision(2)).toString();
const shown = ({ mean, max }: Errors): string => `${figure(mean)} / ${figure(max)}`;
const percent = (share: number): string => `${Math.round(100 * share)} %`;

function within(errors: readonly Errors[], limit: Errors): string {
  const good = errors.filter(({ mean, max }) => mean <= limit.mean && max <= limit.max).length;
  return percent(good / errors.length);
}

/** The same run as Serf's test: its network, its draws. */
function onSerfsSeed(topology: Topology) {
  let at = -1;
  const serfs = (): number => {
    at += 1;
    return (RECORDED.randomNs[at] as number) / 1e6;
  };
  const truth = topology.name === 'random' ? truthOf(25, serfs) : topology.truth(seededRandom(1));
  return settleWith(topology, truth, goRandom());
}

line(
  'layout',
  'limit 0.9.4',
  'limit newest',
  "ours on Serf's seed",
  'ours, median',
  'ours, worst',
  'within 0.9.4: ours',
  "Serf's",
  'within newest: ours',
  "Serf's",
);
line(...Array<string>(10).fill('---'));
const remarks: string[] = [];
for (const topology of TOPOLOGIES) {
  const runs = SEEDS.map((seed) => settle(topology, seed));
  const errors = runs.map((run) => run.errors);
  const by = (pick: (values: number[]) => number): Errors => ({
    mean: pick(errors.map((error) => error.mean)),
    max: pick(errors.map((error) => error.max)),
  });
  const { serf094, newest } = topology.limits;
  line(
    `**${topology.name}**: ${topology.layout}`,
    shown(serf094),
    shown(newest),
    shown(onSerfsSeed(topology).errors),
    shown(by(median)),
    shown(by((values) => Math.max(...values))),
    within(errors, serf094),
    `${topology.serfWithin.serf094} %`,
    within(errors, newest),
    `${topology.serfWithin.newest} %`,
  );
  if (topology.name !== 'height') continue;
  const heights = runs.map(heightShares);
  const centre = heights.map((share) => share.centre);
  const others = heights.map((share) => share.others);
  const serfs = heightShares(onSerfsSeed(topology));
  const flat = others.filter((share) => share <= 0.03).length / others.length;
  remarks.push(
    `Height of the centre, of the radius (limit at least 97 %): ${percent(serfs.centre)} on Serf's seed, lowest of all ${percent(Math.min(...centre))}. ` +
      `Of the others (limit at most 3 %): ${percent(serfs.others)} on Serf's seed, median ${percent(median(others))}, within in ${percent(flat)} of the runs (Serf's 62 %).`,
  );
}
const shares = SEEDS.map((seed) => drift(seed)).map(({ before, after }) => after / before);
const serfs = driftWith(goRandom(), goRandom());
const good = shares.filter((share) => share <= DRIFT.limit).length / shares.length;
line(
  '**drift**: 4 nodes on a 500 ms square, 2-d; centre after / before',
  String(DRIFT.limit),
  String(DRIFT.limit),
  (serfs.after / serfs.before).toFixed(3),
  median(shares).toFixed(3),
  Math.max(...shares).toFixed(3),
  percent(good),
  `${DRIFT.serfWithin} %`,
  percent(good),
  `${DRIFT.serfWithin} %`,
);
process.stdout.write(`\n${remarks.join('\n')}\n`);
process.stdout.write(
  `Serf's drift over its seeds: median ${DRIFT.serfsMedian}, worst ${DRIFT.serfsWorst}.\n`,
);
