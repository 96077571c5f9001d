import { lineChart, type Mark, type Series } from '../report/line-chart.ts';
import { ascending, mean } from '../report/quantiles.ts';
import type { News } from './news.ts';
import type { Rehearsal } from './rehearsal.ts';
import { actionText } from './step-text.ts';

/** Points of a curve at most; a page of thousands is slow and shows no more. */
const POINTS_MAX = 500;

type Point = readonly [x: number, y: number];

/** The plots of a rehearsal, as SVG; those that would be empty are left out. */
export function chartsOf(rehearsal: Rehearsal): string[] {
  return [
    membersChart(rehearsal),
    eventsChart(rehearsal),
    newsChart(rehearsal),
    bandwidthChart(rehearsal),
  ].filter((chart) => chart !== '');
}

function membersChart(rehearsal: Rehearsal): string {
  const zero = rehearsal.zero ?? 0;
  const { known } = rehearsal.observer;
  const curve = (of: (point: (typeof known)[number]) => number): Point[] =>
    thinned(known.map((point): Point => [(point.at - zero) / 1000, of(point)]));
  if (known.length === 0) return '';
  return lineChart({
    title: 'Members believed alive',
    subtitle: 'What the running nodes think, and how many nodes really run; shaded while a step lasts',
    x: {
      label: 'seconds since the cluster had formed',
      min: (known[0]?.at ?? 0) / 1000 - zero / 1000,
      max: (rehearsal.now - zero) / 1000,
    },
    y: { label: 'members', min: 0 },
    marks: marksOf(rehearsal),
    series: [
      { label: 'fewest', points: curve(({ least }) => least), color: 1 },
      { label: 'mean', points: curve((point) => point.mean), color: 0 },
      { label: 'most', points: curve(({ most }) => most), color: 2 },
      { label: 'running', points: curve(({ running }) => running), style: 'dashed', color: 5 },
    ],
  });
}

function eventsChart({ observer }: Rehearsal): string {
  const { sent } = observer.events;
  const audience = mean(sent.map((event) => event.audience.size)) ?? 0;
  const all = sent.flatMap(({ learned }) => learned);
  if (all.length === 0 || audience === 0) return '';
  const slowest = sent.reduce((a, b) => ((a.learned.at(-1) ?? 0) >= (b.learned.at(-1) ?? 0) ? a : b));
  const total = sent.reduce((sum, event) => sum + event.audience.size, 0);
  return lineChart({
    title: 'User events on their way',
    subtitle: `${sent.length} ${sent.length === 1 ? 'event' : 'events'}; the share of the members that ran when one was sent`,
    x: { label: 'seconds since it was sent' },
    y: { label: 'members that have it, %', min: 0, max: 100 },
    series: [
      { label: 'all events together', points: shares(all, total), color: 0 },
      { label: 'the slowest one', points: shares(slowest.learned, slowest.audience.size), color: 1 },
    ],
  });
}

function newsChart({ observer, now }: Rehearsal): string {
  const deaths = observer.news.all.filter(({ kind }) => kind === 'death');
  const learned = deaths.flatMap((death) => death.learned);
  if (learned.length === 0) return '';
  const since = (of: (death: News) => number | undefined): number[] =>
    deaths.flatMap((death) => {
      const at = of(death);
      return at === undefined ? [] : [at - death.at];
    });
  const series: Series[] = [
    {
      label: 'the first member',
      points: shares(
        since(({ first }) => first),
        deaths.length,
      ),
      color: 2,
    },
    { label: 'every member', points: shares(learned, learned.length), color: 0 },
    {
      label: 'the last member',
      points: shares(
        since(({ all }) => all),
        deaths.length,
      ),
      color: 1,
    },
  ];
  const longest = Math.max(
    ...learned.slice(-1),
    ...series.flatMap(({ points }) => points.map(([x]) => x * 1000)),
  );
  return lineChart({
    title: 'Deaths found out',
    subtitle: `${deaths.length} ${deaths.length === 1 ? 'death' : 'deaths'}; the share that was known so long after it happened`,
    x: { label: 'seconds since the death', max: Math.min(longest, now) / 1000 },
    y: { label: 'known to …, %', min: 0, max: 100 },
    series,
  });
}

function bandwidthChart(rehearsal: Rehearsal): string {
  const { traffic, zero = 0 } = rehearsal;
  if (traffic === undefined || traffic.points.length === 0) return '';
  const { points } = traffic;
  const curve = (of: (point: (typeof points)[number]) => number): Point[] =>
    thinned(points.map((point): Point => [(point.at - zero) / 1000, of(point) / 1000]));
  return lineChart({
    title: 'Sent by a node',
    subtitle: 'Datagrams and streams together, without UDP and TCP headers; shaded while a step lasts',
    x: { label: 'seconds since the cluster had formed', min: 0, max: (rehearsal.now - zero) / 1000 },
    y: { label: 'kB/s', min: 0 },
    marks: marksOf(rehearsal),
    series: [
      { label: '99 % of the nodes send less', points: curve(({ p99 }) => p99), color: 1 },
      { label: 'mean', points: curve((point) => point.mean), color: 0 },
    ],
  });
}

/** Where steps begin, and how long they last. */
function marksOf({ stage, zero = 0, now }: Rehearsal): Mark[] {
  return stage.done
    .filter(({ step }) => step.action.type !== 'event')
    .map(({ at, until, step, members }) => ({
      from: (at - zero) / 1000,
      to: (Math.min(until, now) - zero) / 1000,
      label: actionText(step.action, members),
    }));
}

/** The percentage of `total` that has come by each time, in seconds, as a staircase. */
function shares(times: readonly number[], total: number): Point[] {
  const sorted = ascending(times);
  const every = Math.max(1, Math.ceil(sorted.length / POINTS_MAX));
  const points: Point[] = [[0, 0]];
  let before = 0;
  for (let i = every - 1; i < sorted.length + every - 1; i += every) {
    const place = Math.min(i, sorted.length - 1);
    const at = (sorted[place] ?? 0) / 1000;
    const share = (100 * (place + 1)) / Math.max(1, total);
    points.push([at, before], [at, share]);
    before = share;
  }
  return points;
}

/** At most so many points: of each stretch its lowest and its highest, so that no spike is lost. */
export function thinned(points: readonly Point[], most: number = POINTS_MAX): Point[] {
  if (points.length <= most) return [...points];
  const stretch = Math.ceil((2 * points.length) / most);
  const kept: Point[] = [];
  for (let i = 0; i < points.length; i += stretch) {
    const part = points.slice(i, i + stretch);
    const low = part.reduce((a, b) => (b[1] < a[1] ? b : a));
    const high = part.reduce((a, b) => (b[1] > a[1] ? b : a));
    kept.push(...(low[0] <= high[0] ? [low, high] : [high, low]));
  }
  return kept;
}
