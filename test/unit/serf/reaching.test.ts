import { describe, expect, it } from 'vitest';
import { World } from '../../../src/sim/world.ts';
import { addSerf, type SerfNode, serfCluster } from '../../support/serf-node.ts';

const SECOND = 1_000;

/** Contacts these places as an agent does that finds nobody there. */
function reach(from: SerfNode, ...hosts: readonly number[]) {
  const targets = hosts.map((host) => ({
    address: { ip: `127.0.0.${host}`, port: 7946 },
    label: `host ${host}`,
  }));
  return from.run((now, operation) => from.serf.reach(now, operation, targets));
}

describe('reaching members that should be there', () => {
  it('joins, without a join intent', () => {
    const world = new World(1);
    const [a, b] = [addSerf(world, 'a', 1), addSerf(world, 'b', 2)];
    const operation = reach(a, 2);
    world.run(5 * SECOND);
    expect(a.outcomes.get(operation)).toEqual({ type: 'joined', contacted: 1, failures: [] });
    expect([a.view(), b.view()]).toEqual([
      ['a:alive', 'b:alive'],
      ['a:alive', 'b:alive'],
    ]);
    expect([...a.texts(), ...b.texts()].filter((text) => /messageJoinType/.test(text))).toEqual([]);
  });

  it('dead places delay neither the live ones nor a join', () => {
    const world = new World(2);
    const [a, b, c] = [addSerf(world, 'a', 1), addSerf(world, 'b', 2), addSerf(world, 'c', 3)];
    world.partition((_from, to) => to.ip === '127.0.0.9');
    reach(a, 9, 2);
    a.join(c);
    world.run(1_000);
    expect([b.view().length, c.view().length]).toEqual([3, 3]);
  });

  it('says how many answered and why the others did not', () => {
    const world = new World(3);
    const [a] = [addSerf(world, 'a', 1), addSerf(world, 'b', 2)];
    const operation = reach(a, 9, 2);
    world.run(5 * SECOND);
    expect(a.outcomes.get(operation)).toMatchObject({
      type: 'joined',
      contacted: 1,
      failures: [{ target: { label: 'host 9' } }],
    });
  });

  it('with nobody to contact is over at once', () => {
    const world = new World(4);
    const a = addSerf(world, 'a', 1);
    expect(a.outcomes.get(reach(a))).toEqual({ type: 'joined', contacted: 0, failures: [] });
  });

  it('a node that has met nobody hears no older events; one that was cut off hears what it missed', () => {
    const world = new World(5);
    const [a, b] = serfCluster(world, 2) as [SerfNode, SerfNode];
    world.partition((from, to) => from.ip === b.address.ip || to.ip === b.address.ip);
    a.run((now) => a.serf.userEvent(now, 'missed', null, false));
    world.run(60 * SECOND);
    expect(b.member('n1')?.status).toBe('failed');
    world.heal();
    reach(b, 1);
    const fresh = addSerf(world, 'fresh', 3);
    reach(fresh, 1);
    world.run(20 * SECOND);
    expect(b.userEvents()).toEqual(['missed']);
    expect(fresh.userEvents()).toEqual([]);
    a.run((now) => a.serf.userEvent(now, 'next', null, false));
    world.run(5 * SECOND);
    expect(fresh.userEvents()).toEqual(['next']);
  });

  it('ends as aborted when the node stops, and does nothing once it leaves', () => {
    const world = new World(6);
    const [a, b] = [addSerf(world, 'a', 1), addSerf(world, 'b', 2)];
    const cut = reach(a, 9);
    a.run((now) => a.serf.shutdown(now));
    b.run((now, operation) => b.serf.leave(now, operation));
    const late = reach(b, 9);
    expect([a.outcomes.get(cut), b.outcomes.get(late)]).toEqual([{ type: 'aborted' }, { type: 'aborted' }]);
  });
});
