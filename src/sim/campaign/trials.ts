import { hostPort } from '../../base/address.ts';
import type { Millis } from '../../base/machine.ts';
import type { Random } from '../../base/random.ts';
import { PROFILES } from '../../swim/config.ts';
import type { SwimStatus } from '../../swim/delegate.ts';
import { suspicionBounds } from '../../swim/scaling.ts';
import type { Complain } from '../checks/check.ts';
import type { SimNode } from '../node.ts';
import type { Scenario } from './scenario.ts';
import type { Stage } from './stage.ts';

/**
 * What a calm cluster owes within a time of its own, much shorter than the one for convergence: the same view of
 * everybody's tags, a false accusation taken back before it does harm, a death told early because several confirm it, and
 * queues that run empty. Gossip is a matter of chance: a member may miss one message, so what depends on a single one may
 * fail, but not again and again.
 */

/** Nodes in the trials of suspicion; in the local profile about one message in nine misses one of so many. */
const FEW_NODES = 5;
/** Tries of what one missed message spoils. */
const TRIES = 5;
/** Health scores have recovered, and gossip has passed, after this long. */
const SETTLED_MS = 60_000;
/** From the last probe or message until everybody has published it: a few gossip intervals. */
const GOSSIP_MS = 3_000;
/** Probe intervals beyond the worst round, in which failed probes stretch the prober's own (Lifeguard, LHA Probe). */
const STRETCHED_PROBES = 6;
/** Gossip, and everything it starts, runs dry within this. */
const DRAINED_MS = 60_000;
const LOOK_EVERY_MS = 50;

export interface TrialParts {
  readonly scenario: Scenario;
  readonly stage: Stage;
  readonly random: Random;
  /** How long what gossip missed may take to come by state exchanges. */
  readonly toldMs: Millis;
  readonly complain: (check: string) => Complain;
}

/** Everybody sees the tags and the address that each member gives itself. */
export function sameView({ stage, toldMs, complain }: TrialParts): void {
  const differing = (): string[] => {
    const stories = new Map(stage.wanted.map((node) => [node.name, storyOf(node, node.name)]));
    return stage.wanted.flatMap((node) =>
      [...stories].flatMap(([name, story]) => {
        const seen = storyOf(node, name);
        return seen === story ? [] : [`${node.name} sees ${name} as ${seen}, it is ${story}`];
      }),
    );
  };
  const took = stage.cluster.world.runUntil(() => differing().length === 0, toldMs, LOOK_EVERY_MS * 5);
  if (took === undefined) complain('same-view')(differing().join('; '));
}

/**
 * A node that stands still until somebody suspects it, and then goes on, hears of it and refutes: nobody reports it
 * failed, and within a suspicion's time nobody suspects it any more (SWIM §4.2).
 */
export function falseAccusation(parts: TrialParts): void {
  const { stage, random, complain } = parts;
  const nodes = stage.wanted;
  if (nodes.length < 3 || nodes.length > FEW_NODES) return;
  const victim = nodes[random.below(nodes.length)] as SimNode;
  let why: string | undefined;
  for (let tries = 0; tries < TRIES; tries += 1) {
    if (!isSettled(parts)) return;
    why = accuse(parts, victim);
    if (why === undefined) return;
  }
  complain('refutation')(`${victim.name} ${why}, ${TRIES} times in a row`);
}

/** What went wrong with one false accusation, or undefined. */
function accuse({ scenario, stage }: TrialParts, victim: SimNode): string | undefined {
  const { world } = stage.cluster;
  const others = stage.wanted.filter((node) => node !== victim);
  const failures = (): number =>
    others.reduce((sum, node) => sum + publishedOf(node, 'member-failed', victim.name), 0);
  const before = failures();
  const { minMs, maxMs } = suspicionBounds(PROFILES[scenario.profile], others.length + 1);
  victim.pause();
  const isSuspected = (): boolean => others.some((node) => statusOf(node, victim.name) === 'suspect');
  world.runUntil(isSuspected, maxMs, LOOK_EVERY_MS);
  victim.resume();
  const isRefuted = (): boolean => others.every((node) => statusOf(node, victim.name) === 'alive');
  const took = world.runUntil(isRefuted, maxMs + minMs, LOOK_EVERY_MS);
  if (failures() > before) return 'was reported failed though it went on in time';
  return took === undefined ? 'is suspected for ever though it lives' : undefined;
}

/**
 * A node that dies is reported failed by somebody long before the longest suspicion is over: everybody probes it within
 * 2n − 1 intervals (SWIM §4.3), and enough accusers shorten the suspicion to its minimum (Lifeguard §IV.B).
 */
export function confirmedDeath(parts: TrialParts): void {
  const { scenario, stage, random, complain } = parts;
  const nodes = stage.wanted;
  const profile = PROFILES[scenario.profile];
  if (nodes.length < 4 || nodes.length > FEW_NODES) return;
  const victim = nodes[random.below(nodes.length)] as SimNode;
  const others = nodes.filter((node) => node !== victim);
  const size = Math.max(...others.map((node) => [...node.swim.members.values()].length));
  const { minMs, maxMs, wanted } = suspicionBounds(profile, size);
  const probedMs = (2 * nodes.length - 1 + STRETCHED_PROBES) * profile.probeIntervalMs;
  const limitMs = Math.max(minMs, probedMs) + GOSSIP_MS;
  if (limitMs >= maxMs || wanted === 0 || wanted >= others.length || !isSettled(parts)) return;
  const { world } = stage.cluster;
  stage.perform({ type: 'crash', node: victim.name, disk: 'kept', powerLoss: false, newAddress: false });
  const suspected = world.runUntil(
    () => others.some((node) => statusOf(node, victim.name) === 'suspect'),
    2 * probedMs,
    LOOK_EVERY_MS,
  );
  if (suspected === undefined) {
    complain('detection')(
      `${victim.name} is dead, and after ${Math.round(2 * probedMs)} ms nobody suspects it`,
    );
    return;
  }
  const isTold = (): boolean =>
    others.some((node) =>
      node.members().some(({ name, status }) => name === victim.name && status === 'failed'),
    );
  if (world.runUntil(isTold, limitMs, LOOK_EVERY_MS) !== undefined) return;
  const views = others.map((node) => `${node.name}: ${statusOf(node, victim.name) ?? 'unknown'}`).join(', ');
  complain('detection')(
    `${victim.name} is dead and failed for nobody ${Math.round(limitMs)} ms after the suspicion: ${views}`,
  );
}

/** When nothing happens any more, nothing waits to be told any more (memberlist.md 4.7), unless there is nobody to tell. */
export function quietQueues({ stage, complain }: TrialParts): void {
  if (stage.cluster.running.length < 2) return;
  const waiting = (): string[] =>
    stage.cluster.running.flatMap((node) =>
      node.serf
        .loads()
        .flatMap(({ what, size }) =>
          GOSSIPED.has(what) && size > 0 ? [`${node.name}: ${size} in ${what}`] : [],
        ),
    );
  const took = stage.cluster.world.runUntil(() => waiting().length === 0, DRAINED_MS, LOOK_EVERY_MS * 5);
  if (took === undefined) complain('queues-drain')(waiting().join('; '));
}

/** Queues that gossip empties; the names of their loads. */
const GOSSIPED: ReadonlySet<string> = new Set(['intent queue', 'query queue', 'event queue', 'broadcasts']);

/** Lets the cluster come to rest; false when somebody is not well by then. */
function isSettled({ stage }: TrialParts): boolean {
  const well = (): boolean =>
    stage.wanted.every(
      (node) =>
        node.isRunning &&
        node.swim.healthScore === 0 &&
        stage.wanted.every(({ name }) => statusOf(node, name) === 'alive'),
    );
  return stage.cluster.world.runUntil(well, SETTLED_MS, LOOK_EVERY_MS * 5) !== undefined;
}

function statusOf(node: SimNode, name: string): SwimStatus | undefined {
  return node.swim.members.get(name)?.status;
}

function storyOf(node: SimNode, name: string): string {
  const member = node.members().find((each) => each.name === name);
  if (member === undefined) return 'unknown';
  const tags = [...member.tags].map(([key, value]) => `${key}=${value}`).sort();
  const swim = node.swim.members.get(name);
  return `${swim === undefined ? '?' : hostPort(swim.facts.address)} ${tags.join(',')}`;
}

function publishedOf(node: SimNode, type: string, name: string): number {
  return node.history.filter(
    ({ event }) =>
      event.type === type && 'members' in event && event.members.some((member) => member.name === name),
  ).length;
}
