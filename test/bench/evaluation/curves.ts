import { type Random, seededRandom } from '../../../src/base/random.ts';
import { SimCluster } from '../../../src/sim/cluster.ts';
import { formConverged } from '../../../src/sim/converged.ts';
import type { SimNode } from '../../../src/sim/node.ts';
import { PROFILES } from '../../../src/swim/config.ts';

/** One cluster size, quiet but for members that stop for a moment and user events. */
export interface Curve {
  readonly kind: 'curve';
  readonly members: number;
  /** Share of datagrams lost while events spread, 0..1. */
  readonly loss: number;
  /** Members that stop, one after the other; 0 measures no detection. */
  readonly stops: number;
  /** User events, one after the other. */
  readonly events: number;
  readonly seed: number;
}

/** What a size gives. Times are milliseconds. */
export interface CurveResult {
  /** From each stop to the first ping that goes unanswered for it. */
  readonly firstPingMs: readonly number[];
  /** Of a member and second while nothing happens: datagrams and bytes sent. */
  readonly datagramsPerSecond: number;
  readonly bytesPerSecond: number;
  /** For each user event, when half, 99 % and all of the members had it; null where they never had. */
  readonly heardMs: readonly (readonly (number | null)[])[];
  /** Mean share of members that had an event after 0, 1, 2 … times `SHARE_STEP_MS`. */
  readonly shares: readonly number[];
}

const { probeTimeoutMs, probeIntervalMs } = PROFILES.lan;
/** Steps of `shares`, and how many there are. */
export const SHARE_STEP_MS = 50;
const SHARE_STEPS = 61;
const SHARES_TOLD = [0.5, 0.99, 1];
/** From the start, at which all nodes know each other, to the first measurement. */
const WARM_MS = 3_000;
const QUIET_MS = 20_000;
const DETECTION_LIMIT_MS = 60_000;
/** Time in which a suspicion is refuted everywhere and nobody speaks of it any more. */
const RECOVERY_MS = 4 * probeIntervalMs;
const EVENT_LIMIT_MS = 10_000;

/** Measures load, first detection and propagation in one cluster of Serf's lan profile. */
export function runCurve(job: Curve): CurveResult {
  const settings = { profile: 'lan', snapshot: false, swim: { enableCompression: false } } as const;
  const cluster = new SimCluster({ seed: job.seed, settings, keepsHistory: false, log: true });
  const { world } = cluster;
  const nodes = formConverged(cluster, job.members);
  world.run(WARM_MS);
  const random = seededRandom(job.seed, 'schedule');
  const load = measureLoad(cluster);
  const firstPingMs = detections(cluster, job.stops, random);
  world.weather.loss = job.loss;
  const heard = Array.from({ length: job.events }, (_, i) => {
    return propagation(cluster, nodes[random.below(nodes.length)] as SimNode, `evaluation-${i}`);
  });
  const heardMs = heard.map((times) => {
    return SHARES_TOLD.map((share) => whole(times[Math.ceil(share * job.members) - 1]) ?? null);
  });
  const shares = Array.from({ length: SHARE_STEPS }, (_, i) => {
    const counted = heard.flat().filter((ms) => ms <= i * SHARE_STEP_MS).length;
    return Number((counted / Math.max(1, job.events * job.members)).toFixed(4));
  });
  return { firstPingMs: firstPingMs.map(Math.round), ...load, heardMs, shares };
}

function measureLoad(cluster: SimCluster): Pick<CurveResult, 'datagramsPerSecond' | 'bytesPerSecond'> {
  const total = (pick: (node: SimNode) => number): number =>
    cluster.nodes.reduce((sum, node) => sum + pick(node), 0);
  const sent = (): readonly [number, number] => [
    total((node) => node.traffic.datagramsOut),
    total((node) => node.traffic.datagramBytesOut),
  ];
  const [datagrams, bytes] = sent();
  cluster.world.run(QUIET_MS);
  const [datagramsNow, bytesNow] = sent();
  const memberSeconds = (cluster.nodes.length * QUIET_MS) / 1_000;
  return {
    datagramsPerSecond: (datagramsNow - datagrams) / memberSeconds,
    bytesPerSecond: (bytesNow - bytes) / memberSeconds,
  };
}

/** Stops one member after another until somebody's ping to it has gone unanswered. */
function detections(cluster: SimCluster, count: number, random: Random): number[] {
  const { world } = cluster;
  let victim: string | undefined;
  let noticedAt: number | undefined;
  cluster.watch({
    logged(_node, { message, fields }) {
      if (message === 'Failed UDP ping' && fields?.['node'] === victim) noticedAt ??= world.now;
    },
  });
  const found: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const node = cluster.nodes[random.below(cluster.nodes.length)] as SimNode;
    world.run(probeIntervalMs * random.float());
    const stoppedAt = world.now;
    victim = node.name;
    noticedAt = undefined;
    node.pause();
    if (world.runUntil(() => noticedAt !== undefined, DETECTION_LIMIT_MS) === undefined) {
      throw new Error(`nobody noticed that ${node.name} does not answer`);
    }
    // The log speaks when the ping has waited in vain. A ping that set out before the stop is no detection of it.
    const pingedAt = (noticedAt ?? 0) - probeTimeoutMs;
    if (pingedAt >= stoppedAt) found.push(pingedAt - stoppedAt);
    node.resume();
    victim = undefined;
    world.run(RECOVERY_MS);
  }
  return found;
}

/** When each member had the event, in order, from its being fired. */
function propagation(cluster: SimCluster, from: SimNode, name: string): number[] {
  const { world } = cluster;
  const heard: number[] = [];
  const start = world.now;
  let isOver = false;
  cluster.watch({
    published(_node, event) {
      if (!isOver && event.type === 'user' && event.name === name) heard.push(world.now - start);
    },
  });
  from.userEvent(name, new Uint8Array(32));
  world.runUntil(() => heard.length === cluster.nodes.length, EVENT_LIMIT_MS, 20);
  isOver = true;
  world.run(2_000);
  return heard;
}

function whole(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms);
}
