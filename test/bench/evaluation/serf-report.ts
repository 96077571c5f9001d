import { lineChart, type Series } from '../../../src/sim/report/line-chart.ts';
import { markdownTable } from '../../../src/sim/report/markdown.ts';
import { PROFILES } from '../../../src/swim/config.ts';
import { SHARE_STEP_MS } from './curves.ts';
import { count, seconds } from './figures.ts';
import { type GossipSettings, serfShare, serfTimeMs } from './formulas.ts';
import { LOSSY_MEMBERS, type Plan } from './plan.ts';
import type { Section } from './publish.ts';
import type { Store } from './store.ts';
import { meanHeard, type Size, sizesOf } from './swim-report.ts';

const GOSSIP: GossipSettings = {
  fanout: PROFILES.lan.gossipNodes,
  intervalMs: PROFILES.lan.gossipIntervalMs,
  loss: 0,
  failed: 0,
};
const PERCENT = (share: number): string => `${Math.round(100 * share)} %`;

/** The section of Serf's convergence simulator. */
export function serfSection(plan: Plan, store: Store): Section {
  const lossless = sizesOf(plan, store, 0);
  const example = lossless.filter(({ job }) => job.members === LOSSY_MEMBERS);
  const lossy = plan.losses.flatMap((loss) => sizesOf(plan, store, loss));
  const body = [
    "## Serf's convergence simulator",
    '',
    `Serf's documentation estimates how news spread: after x rounds the share 1 / (1 + (N+1) · e^(−x · fanout · (1−loss) · (1−failed) / 2))
has them; a round is a gossip interval. Here the formula with Serf's defaults (fanout ${GOSSIP.fanout}, ${GOSSIP.intervalMs} ms) stands beside user events measured
in clusters of the lan profile, ${LOSSY_MEMBERS} members where datagrams are lost (streams lose nothing). The formula is a cautious estimate: it
counts half of the fan-out and whole rounds from standing still, and does not know that every member gossips several times.`,
    '',
    '![Share of members that have an event, measured and by formula](evaluation/serf-convergence.svg)',
    '',
    table([...lossless, ...lossy]),
  ];
  const chart = lineChart({
    title: 'Measured propagation and Serf’s convergence simulator',
    subtitle: `user events among ${LOSSY_MEMBERS} members, lan profile; dashed: the simulator's formula`,
    x: { label: 'seconds since the event', min: 0, max: 2.5 },
    y: { label: 'members that have it, %', min: 0, max: 100 },
    series: [...example, ...lossy].flatMap(curvesOf),
  });
  return { body: body.join('\n'), charts: { 'serf-convergence.svg': chart } };
}

function curvesOf({ job, result }: Size, color: number): Series[] {
  const gossip = { ...GOSSIP, loss: job.loss };
  const at = (i: number): number => (i * SHARE_STEP_MS) / 1_000;
  const shown = result.shares.slice(0, 1 + 2_500 / SHARE_STEP_MS);
  return [
    { label: `${PERCENT(job.loss)} lost`, color, points: shown.map((share, i) => [at(i), 100 * share]) },
    {
      label: 'formula',
      style: 'dashed',
      color,
      points: shown.map((_, i) => [at(i), 100 * serfShare(i * SHARE_STEP_MS, job.members, gossip)]),
    },
  ];
}

function table(sizes: readonly Size[]): string {
  const rows = sizes.map(({ job, result }) => {
    const gossip = { ...GOSSIP, loss: job.loss };
    const formula = (share: number): string => seconds(serfTimeMs(share, job.members, gossip));
    const reached = result.heardMs.filter(([, , all]) => all !== null).length;
    return [
      count(job.members),
      PERCENT(job.loss),
      seconds(meanHeard(result, 0)),
      formula(0.5),
      seconds(meanHeard(result, 1)),
      formula(0.99),
      seconds(meanHeard(result, 2)),
      formula(0.9999),
      `${reached} of ${result.heardMs.length}`,
    ];
  });
  const head = [
    'members',
    'lost',
    '50 %, s',
    'formula',
    '99 %, s',
    'formula',
    'all, s',
    'formula, 99.99 %',
    'events that reached all',
  ];
  return markdownTable(head, rows, ['right']);
}
