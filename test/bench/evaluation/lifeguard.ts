import { seededRandom, shuffle } from '../../../src/base/random.ts';
import { SimCluster } from '../../../src/sim/cluster.ts';
import { formConverged } from '../../../src/sim/converged.ts';
import type { SimNode } from '../../../src/sim/node.ts';
import { type Arm, armOf, settingsOf } from './arms.ts';

/** Anomalies of one run: `c` members stop for `d` milliseconds and run for `i`, in step, again and again. */
export interface Cyclic {
  readonly kind: 'cyclic';
  readonly arm: string;
  readonly members: number;
  readonly c: number;
  readonly d: number;
  readonly i: number;
  /** What stops: the members' messages while their timers go on, or their processes whole. */
  readonly blocks: boolean;
  /** How long anomalies go on; the last one begins before that. */
  readonly forMs: number;
  readonly seed: number;
}

/** Failure events of a run. */
export interface FalsePositives {
  /** About members that never stopped, at all agents. */
  readonly fp: number;
  /** Of these, at agents that never stopped. */
  readonly fpMinus: number;
  /** About members that stopped, and are alive, at agents that never stopped. */
  readonly stopped: number;
}

/** Batches of members that die at once and for good. */
export interface Deaths {
  readonly kind: 'deaths';
  readonly arm: string;
  readonly members: number;
  readonly c: number;
  readonly batches: number;
  readonly seed: number;
}

/** Milliseconds from death, one per dead member. */
export interface Latencies {
  readonly first: readonly number[];
  readonly all: readonly number[];
  /** Members whose death some survivor did not report within the limit. */
  readonly unreported: number;
}

/** After the last anomaly: what it has set off may still come. */
const AFTERWARDS_MS = 12_000;
const REJOIN_LIMIT_MS = 120_000;
const DEATH_LIMIT_MS = 180_000;
/** Rounds go on before anything happens, so that nobody is still passing on the news of the joins. */
const SETTLE_MS = 4_000;

/** Runs cyclic anomalies and counts false failure events. */
export function runCyclic(job: Cyclic): FalsePositives {
  const arm = armOf(job.arm);
  const cluster = formed(arm, job.members, job.seed);
  const { world } = cluster;
  const anomalous = pickNodes(cluster, job.c, job.seed);
  const names = new Set(anomalous.map((node) => node.name));
  let [fp, fpMinus, stopped] = [0, 0, 0];
  cluster.watch({
    published(node, event) {
      if (event.type !== 'member-failed') return;
      for (const { name } of event.members) {
        if (names.has(name)) stopped += names.has(node.name) ? 0 : 1;
        else {
          fp += 1;
          fpMinus += names.has(node.name) ? 0 : 1;
        }
      }
    },
  });
  const { blocks } = job;
  const stop = (node: SimNode): void => (blocks ? world.setBlocked(node.address, true) : node.pause());
  const goOn = (node: SimNode): void => (blocks ? world.setBlocked(node.address, false) : node.resume());
  for (const end = world.now + job.forMs; world.now < end; ) {
    for (const node of anomalous) stop(node);
    world.run(job.d);
    for (const node of anomalous) goOn(node);
    world.run(job.i);
  }
  world.run(AFTERWARDS_MS);
  return { fp, fpMinus, stopped };
}

/** Kills batches of members, each at once and without a word, and times how the others come to report it. */
export function runDeaths(job: Deaths): Latencies {
  const cluster = formed(armOf(job.arm), job.members, job.seed);
  const first: number[] = [];
  const all: number[] = [];
  let unreported = 0;
  let watched: DeathWatch | undefined;
  cluster.watch({
    published(node, event) {
      if (event.type !== 'member-failed') return;
      for (const { name } of event.members) watched?.reported(node.name, name, cluster.world.now);
    },
  });
  for (let batch = 0; batch < job.batches; batch += 1) {
    const victims = pickNodes(cluster, job.c, job.seed + batch + 1);
    const names = victims.map((node) => node.name);
    const killedAt = cluster.world.now;
    const watch = deathWatch(names, job.members - job.c);
    watched = watch;
    for (const node of victims) node.crash({ powerLoss: true });
    cluster.world.runUntil(() => watch.isOver(), DEATH_LIMIT_MS, 250);
    for (const name of names) {
      const times = watch.times(name);
      if (times.first !== undefined) first.push(times.first - killedAt);
      if (times.all === undefined) unreported += 1;
      else all.push(times.all - killedAt);
    }
    watched = undefined;
    rejoin(cluster, victims);
  }
  return { first: first.map(Math.round), all: all.map(Math.round), unreported };
}

interface DeathWatch {
  reported(by: string, about: string, at: number): void;
  isOver(): boolean;
  times(name: string): { readonly first: number | undefined; readonly all: number | undefined };
}

/** Notes who reports which of the dead; over when each is reported by so many survivors. */
function deathWatch(names: readonly string[], survivors: number): DeathWatch {
  const reports = new Map(names.map((name) => [name, new Map<string, number>()]));
  return {
    reported(by, about, at) {
      const seen = reports.get(about);
      if (seen !== undefined && !seen.has(by)) seen.set(by, at);
    },
    isOver: () => [...reports.values()].every((seen) => seen.size === survivors),
    times(name) {
      const at = [...(reports.get(name)?.values() ?? [])];
      const first = at.length === 0 ? undefined : Math.min(...at);
      return { first, all: at.length === survivors ? Math.max(...at) : undefined };
    },
  };
}

/** The dead come back, so that every batch dies in a whole cluster. */
function rejoin(cluster: SimCluster, dead: readonly SimNode[]): void {
  const through = cluster.running[0];
  if (through === undefined) throw new Error('everybody died');
  for (const node of dead) {
    node.boot();
    node.join([through]);
  }
  converge(cluster);
}

/** A cluster of an arm whose members know each other from the start. */
function formed(arm: Arm, members: number, seed: number): SimCluster {
  const cluster = new SimCluster({ seed, settings: settingsOf(arm), keepsHistory: false });
  formConverged(cluster, members);
  cluster.world.run(SETTLE_MS);
  return cluster;
}

function converge(cluster: SimCluster): void {
  const took = cluster.world.runUntil(() => cluster.hasConverged(), REJOIN_LIMIT_MS, 500);
  if (took === undefined) throw new Error(`${cluster.nodes.length} nodes were not one cluster in 2 minutes`);
  cluster.world.run(SETTLE_MS);
}

function pickNodes(cluster: SimCluster, count: number, seed: number): SimNode[] {
  const nodes = [...cluster.nodes];
  shuffle(nodes, seededRandom(seed, 'schedule'));
  return nodes.slice(0, count);
}
