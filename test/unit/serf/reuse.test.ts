import { describe, expect, it } from 'vitest';
import { mappedBytes } from '../../../src/runtime/interfaces.ts';
import { World } from '../../../src/sim/world.ts';
import { addSerf, type SerfNode, serfCluster } from '../../support/serf-node.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const RECLAIM_MS = 5 * SECOND;

const placeOf = (node: SerfNode, name: string): string | undefined => node.member(name)?.addr.join('.');

/** Three nodes of which n3 has just been seen to fail. */
function withFailure(reclaimMs: number, more: { readonly pushPullIntervalMs?: number } = {}) {
  const world = new World(11);
  const swim = { deadNodeReclaimTimeMs: reclaimMs, gossipToTheDeadTimeMs: 10 * MINUTE, ...more };
  const nodes = serfCluster(world, 3, { swim });
  const [a, b, c] = nodes as [SerfNode, SerfNode, SerfNode];
  world.kill(c.address);
  world.runUntil(() => [a, b].every((node) => node.member('n3')?.status === 'failed'), MINUTE);
  const moved = (): SerfNode => {
    const node = addSerf(world, 'n3', 9, { swim });
    node.join(a);
    return node;
  };
  return { world, a, b, moved };
}

describe('an old name at a new address', () => {
  it('is taken everywhere once its old self has been dead for the reclaim time', () => {
    const { world, a, b, moved } = withFailure(RECLAIM_MS);
    world.run(RECLAIM_MS + SECOND);
    moved();
    world.run(2 * SECOND);
    for (const node of [a, b]) {
      expect(node.member('n3')?.status).toBe('alive');
      expect(placeOf(node, 'n3')).toMatch(/127\.0\.0\.9$/);
      expect(node.story('n3')).toEqual(['member-join', 'member-failed', 'member-join']);
    }
  });

  it('is a conflict before that, and stays with its old self', () => {
    const { world, a, moved } = withFailure(MINUTE);
    moved();
    world.run(2 * SECOND);
    expect(a.member('n3')?.status).toBe('failed');
    expect(placeOf(a, 'n3')).toMatch(/127\.0\.0\.3$/);
    expect(a.texts().some((text) => text.startsWith('Conflicting address for n3.'))).toBe(true);
  });

  it('is taken as soon as its old self has been dead for that long, by all who heard of it before', () => {
    const { world, a, b, moved } = withFailure(RECLAIM_MS, { pushPullIntervalMs: 10 * MINUTE });
    moved();
    world.run(RECLAIM_MS - SECOND);
    expect([a, b].map((node) => node.member('n3')?.status)).toEqual(['failed', 'failed']);
    world.run(15 * SECOND);
    for (const node of [a, b]) {
      expect(node.member('n3')?.status).toBe('alive');
      expect(placeOf(node, 'n3')).toMatch(/127\.0\.0\.9$/);
      expect(node.story('n3')).toEqual(['member-join', 'member-failed', 'member-join']);
    }
  });

  it('is taken as soon from the same address in its other form', () => {
    const { world, a, b } = withFailure(RECLAIM_MS, { pushPullIntervalMs: 10 * MINUTE });
    const addr = mappedBytes(Uint8Array.of(127, 0, 0, 3));
    addSerf(world, 'n3', 3, { swim: { addr, pushPullIntervalMs: 10 * MINUTE } }).join(a);
    world.run(2 * SECOND);
    expect(a.member('n3')?.status).toBe('failed');
    world.run(RECLAIM_MS + 3 * SECOND);
    for (const node of [a, b]) expect(node.member('n3')).toMatchObject({ status: 'alive', addr });
  });

  it('is not taken from somebody who is no longer there', () => {
    const { world, a, b, moved } = withFailure(RECLAIM_MS, { pushPullIntervalMs: 10 * MINUTE });
    world.kill(moved().address);
    world.run(MINUTE);
    for (const node of [a, b]) expect(node.story('n3')).toEqual(['member-join', 'member-failed']);
  });

  it('is taken at once after a leave', () => {
    const world = new World(12);
    const [a, b] = serfCluster(world, 2) as [SerfNode, SerfNode];
    b.run((now, operation) => b.serf.leave(now, operation));
    world.run(10 * SECOND);
    world.kill(b.address);
    const again = addSerf(world, 'n2', 9);
    again.join(a);
    world.run(2 * SECOND);
    expect(a.member('n2')?.status).toBe('alive');
    expect(placeOf(a, 'n2')).toMatch(/127\.0\.0\.9$/);
  });
});

describe('a pruned member', () => {
  /** n4, its network down too, slept through the failure of n3 and its pruning, and still believes it alive. */
  function withSleeper() {
    const world = new World(13);
    const nodes = serfCluster(world, 4);
    const [a, b, c, sleeper] = nodes as [SerfNode, SerfNode, SerfNode, SerfNode];
    world.partition((from, to) => from.ip === sleeper.address.ip || to.ip === sleeper.address.ip);
    world.pause(sleeper.address);
    world.kill(c.address);
    world.run(10 * MINUTE);
    world.heal();
    a.run((now, operation) => a.serf.forceLeave(now, operation, 'n3', true));
    world.run(5 * SECOND);
    for (const node of [a, b]) expect(node.member('n3')).toBeUndefined();
    expect(sleeper.member('n3')?.status).toBe('alive');
    return { world, a, b, sleeper };
  }

  it('does not come back by a peer that slept and still believes in it', () => {
    const { world, a, b, sleeper } = withSleeper();
    const told = [a, b].map((node) => node.story('n3').length);
    world.resume(sleeper.address);
    sleeper.join(a);
    world.run(5 * MINUTE);
    expect([a, b].map((node) => node.story('n3').length)).toEqual(told);
    expect(a.view()).toEqual(['n1:alive', 'n2:alive', 'n4:alive']);
    expect(sleeper.member('n3')?.status).not.toBe('alive');
  });

  it.each([
    ['its old address', 3],
    ['another one', 9],
  ])('comes back when it starts again itself, at %s', (_where, host) => {
    const { world, a, b } = withSleeper();
    const again = addSerf(world, 'n3', host);
    again.join(a);
    world.run(5 * SECOND);
    for (const node of [a, b]) expect(node.member('n3')?.status).toBe('alive');
  });
});
