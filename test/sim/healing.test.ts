import { describe, expect, it } from 'vitest';
import type { Address } from '../../src/base/machine.ts';
import { LOST_LIMIT } from '../../src/serf/lost-members.ts';
import type { PreviousNode } from '../../src/serf/snapshot.ts';
import { World } from '../../src/sim/world.ts';
import { addSerf, type SerfNode, type SerfSettings } from '../support/serf-node.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** Two halves are one cluster again within this, whatever else was lost. */
const HEAL_MS = MINUTE;
/** Failed members are reaped after a minute, so that minutes of partition are a long one. */
const REAPS_SOON: SerfSettings = { reconnectTimeoutMs: MINUTE };
/** The network comes back at no particular moment of anybody's rounds. */
const AWAY_MS = 3 * MINUTE;

/** Members that an earlier run knew, and that are gone for good. */
function goneForGood(count: number): PreviousNode[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `gone${i}`,
    address: { ip: `127.1.${i >> 8}.${i & 255}`, port: 7946 },
  }));
}

/** A cluster of which every node knows, besides the others, so many members that are gone for good. */
function clusterWithMemory(world: World, count: number, gone: number, settings: SerfSettings): SerfNode[] {
  const previousNodes = { alive: [], failed: goneForGood(gone) };
  const nodes = Array.from({ length: count }, (_, i) =>
    addSerf(world, `n${i + 1}`, i + 1, { ...settings, previousNodes }),
  );
  for (const node of nodes.slice(1)) node.join(nodes[0]!);
  world.run(10 * SECOND);
  return nodes;
}

const alive = (node: SerfNode): number =>
  node.serf.members().filter(({ status }) => status === 'alive').length;
const whole = (nodes: readonly SerfNode[]): boolean => nodes.every((node) => alive(node) === nodes.length);

/** Nothing passes between the first `first` nodes and the others; nor to or from who is gone for good. */
function cutAfter(nodes: readonly SerfNode[], first: number): (from: Address, to: Address) => boolean {
  const side = new Map(nodes.map(({ address }, i) => [address.ip, i < first ? 'a' : 'b']));
  return (from, to) => side.get(from.ip) !== side.get(to.ip);
}

/** When something first held, looked at every quarter second; infinite when it did not in time. */
function tookMs(world: World, done: () => boolean, limitMs: number): number {
  const from = world.now;
  while (!done()) {
    if (world.now - from > limitMs) return Number.POSITIVE_INFINITY;
    world.run(250);
  }
  return world.now - from;
}

interface Case {
  readonly sides: readonly [number, number];
  readonly gone: number;
  readonly seeds: readonly number[];
}

/** Who is gone for good leaves room for whom the partition takes: the list of the lost is exactly full. */
const atCap = (sides: readonly [number, number]): number => LOST_LIMIT - Math.max(...sides);
const seeds = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

const CASES: readonly Case[] = [
  ...[0, 8, 64, atCap([1, 1])].map((gone) => ({ sides: [1, 1] as const, gone, seeds: seeds(6) })),
  ...[0, 8, 64, atCap([3, 3])].map((gone) => ({ sides: [3, 3] as const, gone, seeds: seeds(3) })),
  ...[8, 64].map((gone) => ({ sides: [1, 9] as const, gone, seeds: seeds(2) })),
  { sides: [2, 30], gone: atCap([2, 30]), seeds: [1] },
  { sides: [20, 20], gone: 0, seeds: [1] },
  { sides: [20, 20], gone: atCap([20, 20]), seeds: [1] },
];

describe('halves apart for longer than the reap time', () => {
  it.each(CASES)('$sides nodes, $gone others gone for good: one cluster within a minute', (one) => {
    const took = one.seeds.map((seed) => {
      const world = new World(seed);
      const [first, second] = one.sides;
      const nodes = clusterWithMemory(world, first + second, one.gone, REAPS_SOON);
      expect(whole(nodes)).toBe(true);
      world.partition(cutAfter(nodes, first));
      // Each side forgets the other: nobody is listed as failed any more.
      const apart = () =>
        nodes.every((node, i) => node.serf.members().length === (i < first ? first : second));
      expect(tookMs(world, apart, 20 * MINUTE)).toBeLessThan(20 * MINUTE);
      world.run(AWAY_MS + seed * 3_700);
      // The gone stay silent, they refuse nothing: what is sent there vanishes.
      world.partition((_from, to) => to.ip.startsWith('127.1.'));
      return tookMs(world, () => whole(nodes), 5 * MINUTE);
    });
    expect(Math.max(...took)).toBeLessThanOrEqual(HEAL_MS);
  });
});
