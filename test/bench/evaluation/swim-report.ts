import { type LineChart, lineChart } from '../../../src/sim/report/line-chart.ts';
import { markdownTable } from '../../../src/sim/report/markdown.ts';
import { ascending, mean, quantile } from '../../../src/sim/report/quantiles.ts';
import { PROFILES } from '../../../src/swim/config.ts';
import type { Curve, CurveResult } from './curves.ts';
import { count, NOTHING, seconds } from './figures.ts';
import { FIRST_DETECTION_PERIODS, swimPiggyback, transmissions } from './formulas.ts';
import { jobsOf, type Plan } from './plan.ts';
import type { Section } from './publish.ts';
import type { Store } from './store.ts';

const { probeIntervalMs, gossipIntervalMs, gossipNodes, retransmitMult } = PROFILES.lan;

/** What a cluster size gave. */
export interface Size {
  readonly job: Curve;
  readonly result: CurveResult;
}

/** The sizes that have been run at this loss, smallest first. */
export function sizesOf(plan: Plan, store: Store, loss: number): readonly Size[] {
  return jobsOf(plan)
    .flatMap((job) => {
      const done = job.kind === 'curve' && job.loss === loss ? store.get(job) : undefined;
      return done === undefined ? [] : [{ job: job as Curve, result: done.result as CurveResult }];
    })
    .sort((a, b) => a.job.members - b.job.members);
}

/** Mean of when this share had an event, of the events it reached; `at` 0 is half, 1 is 99 %, 2 is all. */
export function meanHeard({ heardMs }: CurveResult, at: 0 | 1 | 2): number | undefined {
  return mean(heardMs.flatMap((times) => times[at] ?? []));
}

/** Mean of the protocol periods until the first unanswered ping: as they are, and counted in whole ones. */
export function periodsOf({
  firstPingMs,
}: CurveResult): { readonly mean: number; readonly whole: number } | undefined {
  const periods = firstPingMs.map((ms) => ms / probeIntervalMs);
  const [plain, whole] = [mean(periods), mean(periods.map(Math.ceil))];
  return plain === undefined || whole === undefined ? undefined : { mean: plain, whole };
}

/** The SWIM section. */
export function swimSection(plan: Plan, store: Store): Section {
  const sizes = sizesOf(plan, store, 0);
  const body = [
    '## SWIM: detection, load and dissemination',
    '',
    `What *SWIM* (Das, Gupta, Motivala, DSN 2002) expects, beside clusters of the whole Serf machine, lan profile (a probe each ${probeIntervalMs / 1_000} s,
gossip to ${gossipNodes} members each ${gossipIntervalMs} ms, push/pull on as configured), Lifeguard on, 1 ms one way, nothing lost. Clusters begin converged. ${missing(plan, sizes)}`,
    '',
    `- **First detection.** Members stop at random moments; the time runs to the first ping that goes unanswered. SWIM counts protocol
  periods: e/(e−1) = ${FIRST_DETECTION_PERIODS.toFixed(2)} whole ones, whatever the size. Our members do not probe in step, so that the time itself is
  about exponential with mean 1 period, and counted in whole periods ${FIRST_DETECTION_PERIODS.toFixed(2)} again. Suspicion follows a period later. After n stops a mean is good to about
  1/√n periods.`,
    '- **Load.** Datagrams a member sends per second while nothing happens: a ping and an ack, constant in N.',
    `- **Dissemination.** A user event from a random member, by gossip alone: it grows with log N. Each member sends a broadcast at most
  ${retransmitMult} · ⌈log10(N+1)⌉ times; SWIM's bound for piggybacked ones is 3 · ⌈log(N+1)⌉.`,
    '',
    '![Protocol periods to the first detection, by cluster size](evaluation/swim-detection.svg)',
    '',
    '![Datagrams per member and second, by cluster size](evaluation/swim-load.svg)',
    '',
    '![Seconds until members have an event, by cluster size](evaluation/swim-dissemination.svg)',
    '',
    table(sizes),
  ];
  const charts = {
    'swim-detection.svg': lineChart(detectionChart(sizes)),
    'swim-load.svg': lineChart(loadChart(sizes)),
    'swim-dissemination.svg': lineChart(disseminationChart(sizes)),
  };
  return { body: body.join('\n'), charts };
}

function missing(plan: Plan, sizes: readonly Size[]): string {
  const without = plan.sizes
    .map(([members]) => members)
    .filter((n) => !sizes.some(({ job }) => job.members === n));
  return without.length === 0 ? '' : `**Not run yet: ${without.map(count).join(', ')} members.**`;
}

function table(sizes: readonly Size[]): string {
  const rows = sizes.map(({ job, result }) => {
    const periods = periodsOf(result);
    const longest = quantile(ascending(result.firstPingMs), 1);
    return [
      count(job.members),
      count(result.firstPingMs.length),
      periods === undefined ? NOTHING : periods.mean.toFixed(2),
      periods === undefined ? NOTHING : periods.whole.toFixed(2),
      longest === undefined ? NOTHING : (longest / probeIntervalMs).toFixed(1),
      result.datagramsPerSecond.toFixed(2),
      result.bytesPerSecond.toFixed(0),
      ...([0, 1, 2] as const).map((at) => seconds(meanHeard(result, at))),
      String(transmissions(retransmitMult, job.members)),
      String(swimPiggyback(job.members)),
    ];
  });
  const head = [
    'members',
    'stops',
    'first ping, mean periods',
    `in whole periods (${FIRST_DETECTION_PERIODS.toFixed(2)})`,
    'longest',
    'datagrams/s',
    'bytes/s',
    'event at 50 %, s',
    '99 %',
    'all',
    'sendings at most',
    "SWIM's bound",
  ];
  return markdownTable(head, rows, ['right']);
}

type Points = readonly (readonly [number, number])[];

function pointsOf(sizes: readonly Size[], value: (size: Size) => number | undefined): Points {
  return sizes.flatMap((size) => {
    const y = value(size);
    return y === undefined ? [] : [[size.job.members, y] as const];
  });
}

const MEMBERS = { label: 'members', scale: 'log2' } as const;

function detectionChart(sizes: readonly Size[]): LineChart {
  return {
    title: 'First detection does not depend on the cluster’s size',
    subtitle: 'a member stops: protocol periods to the first ping that goes unanswered, mean',
    x: MEMBERS,
    y: { label: 'protocol periods', min: 0, max: 2.5 },
    series: [
      {
        label: 'measured, whole periods',
        style: 'dots',
        color: 0,
        points: pointsOf(sizes, (s) => periodsOf(s.result)?.whole),
      },
      { label: 'e/(e−1)', style: 'dashed', color: 0, points: pointsOf(sizes, () => FIRST_DETECTION_PERIODS) },
      {
        label: 'measured, as it is',
        style: 'dots',
        color: 1,
        points: pointsOf(sizes, (s) => periodsOf(s.result)?.mean),
      },
      { label: '1 period', style: 'dashed', color: 1, points: pointsOf(sizes, () => 1) },
    ],
  };
}

function loadChart(sizes: readonly Size[]): LineChart {
  return {
    title: 'A quiet member sends the same in every cluster',
    subtitle: 'datagrams sent per member and second while nothing happens',
    x: MEMBERS,
    y: { label: 'datagrams per second', min: 0, max: 4 },
    series: [
      {
        label: 'measured',
        style: 'dots',
        color: 0,
        points: pointsOf(sizes, (s) => s.result.datagramsPerSecond),
      },
      {
        label: 'one ping and one ack each period',
        style: 'dashed',
        color: 0,
        points: pointsOf(sizes, () => 2_000 / probeIntervalMs),
      },
    ],
  };
}

function disseminationChart(sizes: readonly Size[]): LineChart {
  const at = (share: 0 | 1 | 2): Points =>
    pointsOf(sizes, ({ result }) => {
      const ms = meanHeard(result, share);
      return ms === undefined ? undefined : ms / 1_000;
    });
  return {
    title: 'News spread in logarithmic time',
    subtitle:
      'user events: seconds until members have them, mean; a straight line here is a logarithm of the size',
    x: MEMBERS,
    y: { label: 'seconds', min: 0 },
    series: [
      { label: 'all members', style: 'dots', points: at(2) },
      { label: '99 %', style: 'dots', points: at(1) },
      { label: 'half of them', style: 'dots', points: at(0) },
    ],
  };
}
