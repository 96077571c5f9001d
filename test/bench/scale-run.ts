import { SimCluster } from '../../src/sim/cluster.ts';
import { formConverged } from '../../src/sim/converged.ts';
import type { SimNode } from '../../src/sim/node.ts';
import type { NodeSettings } from '../../src/sim/settings.ts';

/**
 * One experiment of `scale.ts`, in a process of its own so that its memory is its own: nodes of the whole Serf machine,
 * profile lan, compression on as the agent has it, two tags each. Writes its result as a line of JSON.
 */

const SETTINGS: NodeSettings = { profile: 'lan', snapshot: false, tags: { role: 'web', dc: 'dc1' } };
/** Nodes of the staged formation that others join through. */
const SEEDS = 5;

export interface QuietResult {
  readonly realTime: number;
  readonly bestRealTime: number;
  readonly nodeSecondsPerCpuSecond: number;
  readonly tableBytesPerRecord: number;
  readonly allBytesPerRecord: number;
  readonly peakRssMiB: number;
}

export interface KillResult {
  readonly formedAfterMs: number | undefined;
  readonly killed: number;
  readonly firstMs: number | undefined;
  /** When 99 % of the reports were made, to a second. */
  readonly mostMs: number | undefined;
  readonly allMs: number | undefined;
  readonly falsePositives: number;
  readonly cpuSeconds: number;
  readonly peakRssMiB: number;
}

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const peakRssMiB = (): number => process.resourceUsage().maxRSS / 1024;

function usedBytes(): number {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('run with --expose-gc');
  gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function progress(text: string): void {
  process.stderr.write(`  ${cpuSeconds().toFixed(0)} CPU s: ${text}\n`);
}

const virtual = (ms: number): string => `${(ms / 1000).toFixed(0)} virtual s`;

function newCluster(): SimCluster {
  return new SimCluster({ seed: 7, keepsHistory: false, settings: SETTINGS });
}

/** A converged cluster in which nothing happens. */
function quiet(nodes: number, seconds: number): QuietResult {
  const empty = usedBytes();
  const cluster = newCluster();
  for (const node of formConverged(cluster, nodes))
    if (node.swim.members.size !== nodes) throw new Error('not converged');
  const loaded = usedBytes();
  const alone = aloneBytes(nodes);
  cluster.world.run(10_000);
  progress('warm');
  const chunks = 5;
  let best = Number.POSITIVE_INFINITY;
  const from = cpuSeconds();
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    const start = cpuSeconds();
    cluster.world.run((1000 * seconds) / chunks);
    best = Math.min(best, cpuSeconds() - start);
    progress(`${(((chunk + 1) * seconds) / chunks).toFixed(0)} of ${seconds} virtual seconds`);
  }
  const used = cpuSeconds() - from;
  return {
    realTime: seconds / used,
    bestRealTime: seconds / chunks / best,
    nodeSecondsPerCpuSecond: (nodes * seconds) / used,
    tableBytesPerRecord: (loaded - empty - alone) / nodes ** 2,
    allBytesPerRecord: (loaded - empty) / nodes ** 2,
    peakRssMiB: peakRssMiB(),
  };
}

/** What as many nodes take that know nobody, by a sample of a hundred. */
function aloneBytes(nodes: number): number {
  const sample = Math.min(nodes, 100);
  const before = usedBytes();
  const cluster = newCluster();
  for (let i = 1; i <= sample; i += 1) cluster.add(`n${i}`);
  const each = (usedBytes() - before) / sample;
  return cluster.nodes.length === sample ? each * nodes : Number.NaN;
}

/** The share of the reports that stands for most of them: the last ones wait for an exchange of states. */
const MOST = 0.99;
/** How often each joins again, and in what share of the time of the first joins. */
const REJOINS = 2;
const REJOIN_SHARE = 1 / 8;

/**
 * Adds nodes evenly over `spreadMs`, each joining through one of the first few; these join the first. Then each joins
 * through two more of them, as agents do that are given several addresses and repeat their joins: what gossip has not
 * brought by then comes with them, and not with the next exchange of states, which in a large cluster is minutes away.
 */
function formStaged(cluster: SimCluster, nodes: number, spreadMs: number): SimNode[] {
  const { world } = cluster;
  const made: SimNode[] = [];
  for (let i = 1; i <= nodes; i += 1) {
    const node = cluster.add(`n${i}`);
    const through = made[i <= SEEDS ? 0 : i % SEEDS];
    if (through !== undefined) node.join([through]);
    made.push(node);
    world.run(spreadMs / nodes);
    if (i % 500 === 0) progress(`${i} nodes joined, ${virtual(world.now)}`);
  }
  for (let round = 1; round <= REJOINS; round += 1) {
    for (const [i, node] of made.entries()) {
      const through = made[(i + 1 + round) % SEEDS] as SimNode;
      if (through !== node) node.join([through]);
      world.run((spreadMs * REJOIN_SHARE) / nodes);
      if ((i + 1) % 500 === 0) progress(`${i + 1} nodes joined again (${round}), ${virtual(world.now)}`);
    }
  }
  return made;
}

const knowsAll = (node: SimNode, all: number): boolean => node.swim.members.liveCount === all;

/** A cluster that loses 5 % of its nodes at one instant, until every survivor has reported every one of them failed. */
function kill(nodes: number, staged: boolean, spreadMs: number, limitMs: number): KillResult {
  const cluster = newCluster();
  const { world } = cluster;
  const all = staged ? formStaged(cluster, nodes, spreadMs) : formConverged(cluster, nodes);
  let formedAfterMs: number | undefined;
  if (staged) {
    const waited = world.runUntil(
      () => {
        const knowing = all.filter((node) => knowsAll(node, nodes)).length;
        progress(`${knowing} nodes know all, ${virtual(world.now)}`);
        return knowing === nodes;
      },
      limitMs,
      1000,
    );
    formedAfterMs = waited === undefined ? undefined : world.now;
    progress(`formed: ${formedAfterMs === undefined ? 'no' : `after ${virtual(formedAfterMs)}`}`);
  } else {
    world.run(10_000);
  }
  const victims = new Set<string>();
  // Every twentieth, but none of those that others joined through.
  for (let i = nodes - 1; i >= SEEDS && victims.size < nodes / 20; i -= 20)
    victims.add((all[i] as SimNode).name);
  let reports = 0;
  let falsePositives = 0;
  let firstMs: number | undefined;
  const killedAt = world.now;
  cluster.watch({
    published: (_node, event) => {
      if (event.type !== 'member-failed') return;
      for (const { name } of event.members) {
        if (victims.has(name)) reports += 1;
        else falsePositives += 1;
        firstMs ??= world.now - killedAt;
      }
    },
  });
  for (const name of victims) cluster.node(name).crash({ powerLoss: true });
  const wanted = victims.size * (nodes - victims.size);
  let mostMs: number | undefined;
  const done = (): boolean => {
    progress(`${virtual(world.now - killedAt)} after, ${wanted - reports} of ${wanted} reports missing`);
    if (reports >= MOST * wanted) mostMs ??= world.now - killedAt;
    return reports >= wanted;
  };
  const allMs = world.runUntil(done, limitMs, 1000);
  return {
    formedAfterMs,
    killed: victims.size,
    firstMs,
    mostMs,
    allMs,
    falsePositives,
    cpuSeconds: cpuSeconds(),
    peakRssMiB: peakRssMiB(),
  };
}

const [experiment, nodes = '100', argument = '10'] = process.argv.slice(2);
const size = Number(nodes);
const result =
  experiment === 'quiet'
    ? quiet(size, Number(argument))
    : kill(size, experiment === 'form', Number(argument) * 1000, 900_000);
process.stdout.write(`${JSON.stringify(result)}\n`);
