import { describe, expect, it } from 'vitest';
import type { Address } from '../../../src/base/machine.ts';
import { seededRandom } from '../../../src/base/random.ts';
import type { MemberEvent } from '../../../src/events/event.ts';
import { LOST_AGE_MS, LOST_LIMIT, LOST_PER_ROUND, LostMembers } from '../../../src/serf/lost-members.ts';
import { memberInfo } from '../../../src/serf/members.ts';
import { Snapshot } from '../../../src/serf/snapshot.ts';
import { World } from '../../../src/sim/world.ts';
import { addSerf, type SerfNode, type SerfSettings, serfCluster } from '../../support/serf-node.ts';
import { facts } from '../../support/serf-parts.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** Failed members are reaped after a minute, so that minutes of partition are a long one. */
const REAPS_SOON: SerfSettings = { reconnectTimeoutMs: MINUTE };
/** The bound for two halves to become one again. */
const HEAL_MS = MINUTE;

const place = (host: number): Address => ({ ip: `10.0.0.${host}`, port: 7946 });
const chance = () => seededRandom(1);

function event(type: MemberEvent['type'], name: string, host: number, status: 'failed' | 'left' | 'alive') {
  return { type, members: [memberInfo(facts(name, host), new Map(), status)] };
}

const namesOf = (lost: LostMembers, now = 0): string[] =>
  lost.round(now, 0, chance()).map(({ name }) => name);

describe('members lost', () => {
  it('are those that failed and were reaped, not those that left or were removed', () => {
    const lost = new LostMembers();
    lost.see(0, event('member-reap', 'failed', 1, 'failed'));
    lost.see(0, event('member-reap', 'left', 2, 'left'));
    lost.see(0, event('member-failed', 'down', 3, 'failed'));
    expect(namesOf(lost)).toEqual(['failed']);
  });

  it.each([
    ['joins again', event('member-join', 'x', 9, 'alive')],
    ['leaves', event('member-leave', 'x', 1, 'left')],
    ['finds another name at its address', event('member-join', 'y', 1, 'alive')],
  ])('one that %s is lost no more', (_what, next) => {
    const lost = new LostMembers();
    lost.see(0, event('member-reap', 'x', 1, 'failed'));
    lost.see(0, next);
    expect(lost.size).toBe(0);
  });

  it(`are at most ${LOST_LIMIT}: the first one lost gives way, whichever was tried last`, () => {
    const lost = new LostMembers();
    lost.add(0, { name: 'first', address: place(1) });
    for (let i = 1; i < LOST_LIMIT; i += 1) lost.add(i, { name: `n${i}`, address: place(2) });
    lost.round(LOST_LIMIT, 0, chance());
    lost.add(LOST_LIMIT, { name: 'last', address: place(3) });
    expect(lost.size).toBe(LOST_LIMIT);
    expect([lost.forget('first'), lost.forget('last')]).toEqual([false, true]);
  });

  it('are forgotten after a week', () => {
    const lost = new LostMembers();
    lost.add(0, { name: 'x', address: place(1) });
    expect(namesOf(lost, LOST_AGE_MS)).toEqual(['x']);
    expect(namesOf(lost, LOST_AGE_MS + 1)).toEqual([]);
    expect(lost.size).toBe(0);
  });

  it('are all tried in turn, a few in a round', () => {
    const lost = new LostMembers();
    const names = Array.from({ length: 7 }, (_, i) => `n${i}`);
    for (const name of names) lost.add(0, { name, address: place(1) });
    const tried = [0, 1, 2].flatMap(() => namesOf(lost));
    expect(tried).toHaveLength(3 * LOST_PER_ROUND);
    expect(new Set(tried)).toEqual(new Set(names));
  });

  it('are tried as often as their share of the cluster is large', () => {
    const random = chance();
    const rounds = (present: number): number => {
      const lost = new LostMembers();
      for (const name of ['a', 'b']) lost.add(0, { name, address: place(1) });
      return Array.from({ length: 1_000 }, () => lost.round(0, present, random)).filter((r) => r.length > 0)
        .length;
    };
    expect(rounds(2)).toBe(1_000);
    expect(rounds(20)).toBeGreaterThan(50);
    expect(rounds(20)).toBeLessThan(150);
  });
});

const wholes = (nodes: readonly SerfNode[]): boolean =>
  nodes.every(
    (node) => node.serf.members().filter(({ status }) => status === 'alive').length === nodes.length,
  );

/** Cuts off the nodes from number `from` on, and waits until each side has forgotten the other. */
function forgetEachOther(world: World, nodes: readonly SerfNode[], from: number): void {
  const second = new Set(nodes.slice(from).map(({ address }) => address.ip));
  world.partition((a, b) => second.has(a.ip) !== second.has(b.ip));
  world.run(10 * MINUTE);
  for (const [i, node] of nodes.entries()) {
    expect(node.serf.members()).toHaveLength(i < from ? from : nodes.length - from);
  }
}

describe('looking for lost members', () => {
  it('a member that was removed by force while apart is not looked for, and does not come back', () => {
    const world = new World(4);
    const [a, b, c] = serfCluster(world, 3, REAPS_SOON) as [SerfNode, SerfNode, SerfNode];
    world.kill(c.address);
    world.run(30 * SECOND);
    a.run((now, operation) => a.serf.forceLeave(now, operation, 'n3', true));
    world.run(10 * MINUTE);
    expect([a.view(), b.view()]).toEqual([
      ['n1:alive', 'n2:alive'],
      ['n1:alive', 'n2:alive'],
    ]);
    expect([...a.texts(), ...b.texts()].filter((text) => /after reap/.test(text))).toEqual([]);
  });

  it('pruning somebody reaped before ends the search, here and in the snapshot', () => {
    const world = new World(5);
    const recording = { ...REAPS_SOON, recordSnapshot: true };
    const [a, , c] = serfCluster(world, 3, recording) as [SerfNode, SerfNode, SerfNode];
    world.kill(c.address);
    world.run(5 * MINUTE);
    const searches = (): number => a.texts().filter((text) => /after reap to n3 /.test(text)).length;
    expect(searches()).toBeGreaterThan(0);
    a.run((now, operation) => a.serf.forceLeave(now, operation, 'n3', true));
    const before = searches();
    world.run(10 * MINUTE);
    expect(searches()).toBe(before);
    const snapshot = new Snapshot(false);
    for (const line of a.records) snapshot.apply(line.startsWith('# failed') ? `${line} 1000` : line);
    expect(snapshot.failed).toEqual([]);
  });

  it('nobody is looked for while leaving', () => {
    const world = new World(6);
    const nodes = serfCluster(world, 2, REAPS_SOON);
    const [a] = nodes as [SerfNode, SerfNode];
    forgetEachOther(world, nodes, 1);
    const searches = (): number => a.texts().filter((text) => /after reap/.test(text)).length;
    a.run((now, operation) => a.serf.leave(now, operation));
    const before = searches();
    world.run(5 * MINUTE);
    expect(searches()).toBe(before);
  });

  it('a restarted node goes on looking for members of its earlier run', () => {
    const world = new World(7);
    const known = { name: 'b', address: { ip: '127.0.0.2', port: 7946 } };
    const a = addSerf(world, 'a', 1, { previousNodes: { alive: [known], failed: [] } });
    world.run(5 * MINUTE);
    const b = addSerf(world, 'b', 2);
    expect(world.runUntil(() => wholes([a, b]), 10 * MINUTE)).toBeLessThanOrEqual(HEAL_MS);
  });
});

describe('a new name at an old address', () => {
  it('retires the member that failed there: reaped, and tried no more', () => {
    const world = new World(8);
    const [a, b] = serfCluster(world, 2) as [SerfNode, SerfNode];
    world.kill(b.address);
    world.runUntil(() => a.member('n2')?.status === 'failed', MINUTE);
    const renamed = addSerf(world, 'new', 2);
    renamed.join(a);
    world.run(SECOND);
    expect(a.view()).toEqual(['n1:alive', 'new:alive']);
    expect(a.story('n2').slice(-2)).toEqual(['member-failed', 'member-reap']);
    const at = a.texts().length;
    world.run(5 * MINUTE);
    expect(
      a
        .texts()
        .slice(at)
        .filter((text) => /reconnect/.test(text)),
    ).toEqual([]);
  });

  it('leaves alone who is alive there, and who failed elsewhere', () => {
    const world = new World(9);
    const [a, b] = serfCluster(world, 3) as [SerfNode, SerfNode, SerfNode];
    world.kill(b.address);
    world.runUntil(() => a.member('n2')?.status === 'failed', MINUTE);
    const other = addSerf(world, 'new', 9);
    other.join(a);
    world.run(5 * SECOND);
    expect(a.view()).toEqual(['n1:alive', 'n2:failed', 'n3:alive', 'new:alive']);
  });
});
