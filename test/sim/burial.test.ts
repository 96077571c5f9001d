import { describe, expect, it } from 'vitest';
import { joinCodec } from '../../src/serf/messages.ts';
import { World } from '../../src/sim/world.ts';
import { encodeAlive } from '../../src/swim/messages.ts';
import { frameUser } from '../../src/swim/packer.ts';
import { addSerf, type SerfNode, serfCluster } from '../support/serf-node.ts';
import { facts } from '../support/serf-parts.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** A machine that never heard of a pruning, and still believes that the member lives. */
describe('a member pruned after it was reaped', () => {
  const REAPS_SOON = { reconnectTimeoutMs: MINUTE };
  /** Counter of refused claims over all nodes. */
  const refused = (...nodes: readonly SerfNode[]): number =>
    nodes.reduce((sum, { serf }) => sum + (serf.counters.get('drop:alive-buried') ?? 0), 0);

  /**
   * n4 sleeps, with n3 alive in its memory, while n3 dies, is reaped by n1 and n2, and pruned there. With `forgetful`
   * n1 and n2 have meanwhile been started again, and know n3 by nothing but the prune.
   */
  function withSleeper(forgetful: boolean) {
    const world = new World(17);
    const nodes = serfCluster(world, 4, REAPS_SOON);
    const [c, sleeper] = nodes.slice(2) as [SerfNode, SerfNode];
    let [a, b] = nodes as [SerfNode, SerfNode];
    // n3 has refuted before, so that its incarnation is not that of a first start.
    c.run((now, operation) => c.serf.setTags(now, operation, new Map([['role', 'db']])));
    c.run((now, operation) => c.serf.setTags(now, operation, new Map([['role', 'web']])));
    world.run(5 * SECOND);
    world.partition((from, to) => from.ip === sleeper.address.ip || to.ip === sleeper.address.ip);
    world.pause(sleeper.address);
    world.kill(c.address);
    world.run(6 * MINUTE);
    for (const node of [a, b]) expect(node.view()).toEqual(['n1:alive', 'n2:alive']);
    if (forgetful) {
      for (const { address } of [a, b]) world.kill(address);
      a = addSerf(world, 'n1', 1, REAPS_SOON);
      b = addSerf(world, 'n2', 2, REAPS_SOON);
      b.join(a);
      world.run(5 * SECOND);
    }
    a.run((now, operation) => a.serf.forceLeave(now, operation, 'n3', true));
    world.run(5 * MINUTE + SECOND);
    world.heal();
    return { world, a, b, sleeper };
  }

  it.each([
    ['whose incarnation is remembered', false],
    ['of whom nothing is known but the name', true],
  ])(
    '%s does not come back by a peer that missed it, and the peer learns that it is gone',
    (_what, forgetful) => {
      const { world, a, b, sleeper } = withSleeper(forgetful);
      const told = [a, b].map((node) => node.story('n3'));
      world.resume(sleeper.address);
      sleeper.join(a);
      world.run(MINUTE);
      expect([a, b].map((node) => node.story('n3'))).toEqual(told);
      expect(a.view()).toEqual(['n1:alive', 'n2:alive', 'n4:alive']);
      expect(sleeper.member('n3')?.status).not.toBe('alive');
      expect(refused(a, b)).toBeGreaterThan(0);
      world.run(10 * MINUTE);
      expect([a, b].map((node) => node.story('n3'))).toEqual(told);
    },
  );

  it.each([
    ['at its old address, through who pruned it', false, 3, 'a'],
    ['at its old address, through who missed it', false, 3, 'sleeper'],
    ['at another address, through who pruned it', false, 9, 'a'],
    ['at its old address, when nothing but its name was known', true, 3, 'a'],
    ['at another address, when nothing but its name was known', true, 9, 'sleeper'],
  ] as const)('comes back when it starts again itself, %s', (_where, forgetful, host, through) => {
    const { world, a, b, sleeper } = withSleeper(forgetful);
    world.resume(sleeper.address);
    sleeper.join(a);
    world.run(MINUTE);
    const again = addSerf(world, 'n3', host, REAPS_SOON);
    again.join(through === 'a' ? a : sleeper);
    world.run(40 * SECOND);
    for (const node of [a, b, sleeper, again]) {
      expect(node.view()).toEqual(['n1:alive', 'n2:alive', 'n3:alive', 'n4:alive']);
    }
  });

  it('is refused for the tombstone time, and no longer', () => {
    const world = new World(18);
    const [a, b] = serfCluster(world, 2, { tombstoneTimeoutMs: 10 * MINUTE }) as [SerfNode, SerfNode];
    a.run((now, operation) => a.serf.forceLeave(now, operation, 'ghost', true));
    world.run(2 * MINUTE);
    const claim = encodeAlive({ ...ghost(), incarnation: 1 });
    const hear = () => b.run((now) => b.serf.datagram(now, { ip: '127.0.0.77', port: 7946 }, claim));
    hear();
    expect([b.member('ghost'), refused(b)]).toEqual([undefined, 1]);
    world.run(10 * MINUTE);
    hear();
    expect(b.member('ghost')?.status).toBe('alive');
  });

  it('join intents not newer than the prune are not passed on; a newer one is', () => {
    const world = new World(19);
    const [a, b] = serfCluster(world, 2) as [SerfNode, SerfNode];
    a.run((now, operation) => a.serf.forceLeave(now, operation, 'ghost', true));
    world.run(SECOND);
    const ltime = Number(a.serf.stats().get('member_time')) - 1;
    const hear = (time: number) =>
      b.run((now) =>
        b.serf.datagram(
          now,
          { ip: '127.0.0.77', port: 7946 },
          frameUser(joinCodec.encode({ ltime: time, node: 'ghost' })),
        ),
      );
    hear(ltime);
    expect(b.serf.counters.get('drop:intent-buried')).toBe(1);
    hear(ltime + 1);
    expect(b.serf.counters.get('drop:intent-buried')).toBe(1);
  });
});

function ghost() {
  const { name, addr, port, meta, vsn } = facts('ghost', 66);
  return { node: name, addr, port, meta, vsn };
}
