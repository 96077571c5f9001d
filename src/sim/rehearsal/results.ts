import type { Millis } from '../../base/machine.ts';
import { FAULT_NAMES } from '../faults.ts';
import { ascending, mean, quantile } from '../report/quantiles.ts';
import type { AlarmCount } from './alarms.ts';
import type { News } from './news.ts';

import { type Rehearsal, timingsOf } from './rehearsal.ts';
import { actionText } from './step-text.ts';
import type { TrafficShare } from './traffic.ts';

/** How a number of times are spread, milliseconds; all undefined where there are none. */
export type Spread = {
  readonly count: number;
  readonly mean_ms: number | null;
  readonly p50_ms: number | null;
  readonly p90_ms: number | null;
  readonly p99_ms: number | null;
  readonly max_ms: number | null;
};

/** What a rehearsal found, as `--json` prints it; docs/sim.md documents every field. */
export type Results = ReturnType<typeof resultsOf>;

/** One step as it went. */
export type StepResult = Results['steps'][number];

/** What has been found so far; `isComplete` false says that the rehearsal was ended before its time. */
export function resultsOf(rehearsal: Rehearsal, isComplete: boolean) {
  const { plan, observer, cluster, now } = rehearsal;
  const zero = rehearsal.zero ?? now;
  const { all: news } = observer.news;
  return {
    format: 1,
    complete: isComplete,
    seed: plan.seed,
    nodes: plan.nodes,
    nodes_at_end: observer.beliefs.runningCount,
    profile: plan.settings.profile ?? 'lan',
    encrypted: (plan.settings.keys?.length ?? 0) > 0,
    weather: plan.weather,
    timings: timingResults(rehearsal),
    formed_ms: rounded(rehearsal.formedMs),
    start_ms: rounded(zero),
    duration_ms: rounded(now - zero),
    steps: stepResults(rehearsal, zero),
    converged: observer.beliefs.isAgreed,
    converged_ms: convergedMs(rehearsal),
    detection: newsResults(news.filter(({ kind }) => kind === 'death')),
    leaves: {
      ...newsResults(news.filter(({ kind }) => kind === 'leave')),
      called_failed: alarmResults(observer.alarms.leaver),
    },
    joins: newsResults(news.filter(({ kind }) => kind === 'join')),
    user_events: eventResults(rehearsal),
    false_positives: {
      quiet: alarmResults(observer.alarms.quiet),
      aftermath: alarmResults(observer.alarms.aftermath),
      unreachable: alarmResults(observer.alarms.unreachable),
    },
    bandwidth: bandwidthResults(rehearsal),
    faults: Object.fromEntries(
      FAULT_NAMES.map((name) => [name, cluster.world.faults[name]] as const).filter(([, count]) => count > 0),
    ),
    trace_hash: cluster.world.hash,
  };
}

function timingResults({ plan }: Rehearsal) {
  const timings = timingsOf(plan);
  return {
    probe_interval_ms: timings.probeIntervalMs,
    probe_timeout_ms: timings.probeTimeoutMs,
    indirect_checks: timings.indirectChecks,
    suspicion_mult: timings.suspicionMult,
    suspicion_max_timeout_mult: timings.suspicionMaxTimeoutMult,
    awareness_max_multiplier: timings.awarenessMaxMultiplier,
    gossip_interval_ms: timings.gossipIntervalMs,
    gossip_nodes: timings.gossipNodes,
    retransmit_mult: timings.retransmitMult,
    gossip_to_the_dead_time_ms: timings.gossipToTheDeadTimeMs,
    push_pull_interval_ms: timings.pushPullIntervalMs,
    tcp_timeout_ms: timings.tcpTimeoutMs,
  };
}

function stepResults({ stage }: Rehearsal, zero: Millis) {
  return stage.done.map((done) => {
    const { action } = done.step;
    const { type } = action;
    const isOpen = (type === 'partition' || type === 'pause') && action.forMs === undefined;
    const isAboutMembers = type !== 'event' && type !== 'weather' && !isOpen;
    return {
      at_ms: rounded(done.at - zero),
      until_ms: rounded(done.until - zero),
      action: type,
      text: actionText(action, done.members),
      members: done.members,
      asks_agreement: isAboutMembers,
      agreed_ms: isAboutMembers ? rounded(done.agreedMs) : null,
    };
  });
}

/** From the end of the last step until all agreed for good. */
function convergedMs({ stage, observer, zero }: Rehearsal): number | null {
  if (zero === undefined || !observer.beliefs.isAgreed) return null;
  const last = Math.max(zero, ...stage.done.map(({ until }) => until));
  return rounded(Math.max(0, (observer.agreedAt ?? last) - last));
}

function newsResults(news: readonly News[]) {
  const firsts = news.flatMap(({ at, first }) => (first === undefined ? [] : [first - at]));
  const alls = news.flatMap(({ at, all }) => (all === undefined ? [] : [all - at]));
  const since = news.flatMap(({ at, first, learned }) =>
    first === undefined ? [] : learned.map((ms) => at + ms - first),
  );
  return {
    count: news.length,
    unknown_to_some: news.filter(({ all }) => all === undefined).length,
    first: spreadOf(firsts),
    all: spreadOf(alls),
    each: spreadOf(news.flatMap(({ learned }) => learned)),
    dissemination: spreadOf(since),
  };
}

function eventResults({ observer, cluster }: Rehearsal) {
  const { sent } = observer.events;
  const nodes = cluster.nodes;
  const reach = sent.map(({ audience, reached }) => {
    const there = [...audience].filter(([node, life]) => {
      const one = nodes[node];
      return one?.isRunning === true && one.lives === life;
    });
    return { of: there.length, got: there.filter(([node]) => reached.has(node)).length };
  });
  const complete = sent.flatMap(({ learned }, i) => {
    const { of = 0, got = 0 } = reach[i] ?? {};
    return of > 0 && got === of ? [learned.at(-1) ?? 0] : [];
  });
  return {
    sent: sent.length,
    deliveries: reach.reduce((sum, { got }) => sum + got, 0),
    missed: reach.reduce((sum, { of, got }) => sum + of - got, 0),
    reached_all: complete.length,
    each: spreadOf(sent.flatMap(({ learned }) => learned)),
    all: spreadOf(complete),
  };
}

function alarmResults({ announcements, members }: AlarmCount) {
  return { announcements, members: members.size };
}

function bandwidthResults({ traffic, now }: Rehearsal) {
  if (traffic === undefined) return null;
  const sums = traffic.sums(now);
  return {
    datagram_bytes_per_second: shareResults(sums.datagramBytes),
    datagrams_per_second: shareResults(sums.datagrams),
    stream_bytes_per_second: shareResults(sums.streamBytes),
    streams_per_second: shareResults(sums.streams),
  };
}

function shareResults({ mean: average, p99, max }: TrafficShare) {
  return { mean: rounded(average), p99: rounded(p99), max: rounded(max) };
}

/** Percentiles by nearest rank. */
export function spreadOf(values: readonly Millis[]): Spread {
  const sorted = ascending(values);
  return {
    count: sorted.length,
    mean_ms: rounded(mean(sorted)),
    p50_ms: rounded(quantile(sorted, 0.5)),
    p90_ms: rounded(quantile(sorted, 0.9)),
    p99_ms: rounded(quantile(sorted, 0.99)),
    max_ms: rounded(sorted.at(-1)),
  };
}

/** To a thousandth; null for undefined, which JSON has not. */
function rounded(value: number): number;
function rounded(value: number | undefined): number | null;
function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * 1000) / 1000;
}
