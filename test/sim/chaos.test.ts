import { describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { World } from '../../src/sim/world.ts';
import { addSerf, type SerfNode } from '../support/serf-node.ts';

/** Chaos, then calm: whatever happened, one cluster remains that agrees, and nothing was told twice or never. */

const SEEDS = Array.from({ length: 16 }, (_, i) => i + 1);
const SIZE = 8;
const CHAOS_MS = 120_000;
/** Within this long after the weather clears: a reconnect turn for each of the dead, and two probe cycles. */
const CALM_MS = 600_000;

interface Faults {
  kills: number;
  restarts: number;
  pauses: number;
  partitions: number;
}

function form(world: World): SerfNode[] {
  const nodes = Array.from({ length: SIZE }, (_, i) => addSerf(world, `n${i + 1}`, i + 1));
  for (const node of nodes.slice(1)) node.join(nodes[0]!);
  world.run(5_000);
  return nodes;
}

/** Breaks things for a while; returns the nodes that run afterwards. */
function chaos(world: World, random: Random, nodes: SerfNode[], faults: Faults): SerfNode[] {
  const running = [...nodes];
  let paused: SerfNode | undefined;
  world.weather.loss = 0.3 * random.float();
  world.weather.jitterMs = 200 * random.float();
  for (const end = world.now + CHAOS_MS; world.now < end; world.run(2_000 + 6_000 * random.float())) {
    const choice = random.below(5);
    const victim = running[random.below(running.length)]!;
    if (choice === 0 && running.length > SIZE - 2) {
      if (victim === paused) continue;
      world.kill(victim.address);
      running.splice(running.indexOf(victim), 1);
      faults.kills += 1;
    } else if (choice === 1 && running.length < SIZE) {
      const gone = nodes.find((node) => !running.some((other) => other.name === node.name))!;
      const back = addSerf(world, gone.name, Number(gone.name.slice(1)));
      back.join(running[0]!);
      running.push(back);
      faults.restarts += 1;
    } else if (choice === 2 && paused === undefined) {
      world.pause(victim.address);
      paused = victim;
      faults.pauses += 1;
    } else if (choice === 3) {
      const cut = 1 + random.below(SIZE - 1);
      const side = (ip: string): boolean => Number(ip.split('.')[3]) <= cut;
      world.partition((from, to) => side(from.ip) !== side(to.ip));
      faults.partitions += 1;
    } else {
      world.heal();
      if (paused !== undefined) world.resume(paused.address);
      paused = undefined;
    }
  }
  world.heal();
  if (paused !== undefined) world.resume(paused.address);
  world.weather.loss = 0;
  world.weather.jitterMs = 0;
  return running;
}

const alive = (node: SerfNode): string[] =>
  node
    .view()
    .filter((entry) => entry.endsWith(':alive'))
    .map((entry) => entry.split(':')[0]!);

/** Who is there, by the events alone. */
function folded(node: SerfNode): string[] {
  const present = new Set<string>();
  for (const event of node.events) {
    if (!('members' in event)) continue;
    for (const { name } of event.members) {
      if (event.type === 'member-join' || event.type === 'member-update') present.add(name);
      else present.delete(name);
    }
  }
  return [...present].sort();
}

describe('after chaos', () => {
  const faults: Faults = { kills: 0, restarts: 0, pauses: 0, partitions: 0 };

  it.each(SEEDS)('seed %i: one cluster, whose events add up to its member list', (seed) => {
    const world = new World(seed);
    const random = seededRandom(seed, 'chaos');
    const nodes = form(world);
    const running = chaos(world, random, nodes, faults);
    const names = running.map((node) => node.name).sort();
    const agreed = (): boolean => running.every((node) => alive(node).join() === names.join());
    expect(
      world.runUntil(agreed, CALM_MS),
      `${running.map((node) => node.view().join(' ')).join('\n')}`,
    ).toBeDefined();

    const before = running.map((node) => node.userEvents().length);
    running[0]!.run((now) => running[0]!.serf.userEvent(now, 'calm', null, false));
    world.run(60_000);
    for (const [i, node] of running.entries()) {
      expect(node.userEvents().slice(before[i]), node.name).toEqual(['calm']);
      expect(folded(node), node.name).toEqual(names);
      expect(node.evictions).toEqual([]);
      for (const queue of ['intent_queue', 'event_queue', 'query_queue']) {
        expect(node.serf.stats().get(queue), `${node.name} ${queue}`).toBe('0');
      }
    }
  });

  it('every kind of fault happened', () => {
    for (const [kind, count] of Object.entries(faults)) expect(count, kind).toBeGreaterThan(0);
  });
});
