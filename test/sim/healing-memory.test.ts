import { describe, expect, it } from 'vitest';
import { ANCHOR_INTERVAL_MS, seek } from '../../src/agent/seek.ts';
import { hostPort, ipText } from '../../src/base/address.ts';
import { seededRandom } from '../../src/base/random.ts';
import { SNAPSHOT_FAILED_SECONDS, Snapshot, stamped } from '../../src/serf/snapshot.ts';
import { World } from '../../src/sim/world.ts';
import { addSerf, type SerfNode, type SerfSettings, serfCluster } from '../support/serf-node.ts';
import { VirtualSleep } from '../support/virtual-sleep.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HEAL_MS = MINUTE;
const REAPS_SOON: SerfSettings = { reconnectTimeoutMs: MINUTE, recordSnapshot: true };

const whole = (nodes: readonly SerfNode[]): boolean =>
  nodes.every(
    (node) => node.serf.members().filter(({ status }) => status === 'alive').length === nodes.length,
  );

/** A cluster of six cut in halves until neither half lists the other. */
function halves(seed: number) {
  const world = new World(seed);
  const nodes = serfCluster(world, 6, REAPS_SOON);
  const second = new Set(nodes.slice(3).map(({ address }) => address.ip));
  world.partition((from, to) => second.has(from.ip) !== second.has(to.ip));
  world.run(6 * MINUTE);
  for (const node of nodes) expect(node.serf.members()).toHaveLength(3);
  return { world, nodes };
}

/** Starts every node of a half anew, one after another, with the settings of its next run. */
function restarted(
  world: World,
  half: readonly SerfNode[],
  settingsOf: (node: SerfNode) => SerfSettings,
): SerfNode[] {
  const next: SerfNode[] = [];
  for (const node of half) {
    world.kill(node.address);
    const again = addSerf(world, node.name, Number(node.address.ip.split('.')[3]), settingsOf(node));
    const mate = next[0] ?? half.find((one) => one !== node);
    if (mate !== undefined) again.join(mate);
    next.push(again);
    world.run(20 * SECOND);
  }
  return next;
}

describe('anchors, when all memory of the other half is gone', () => {
  /** Both halves have been started again without a snapshot. */
  function forgetful(seed: number) {
    const { world, nodes } = halves(seed);
    const a = restarted(world, nodes.slice(0, 3), () => REAPS_SOON);
    const b = restarted(world, nodes.slice(3), () => REAPS_SOON);
    for (const half of [a, b]) expect(whole(half)).toBe(true);
    return { world, nodes: [...a, ...b] };
  }

  /** What an agent does about its anchors, in virtual time. */
  function seekAnchors(
    node: SerfNode,
    anchors: readonly SerfNode[],
    sleeps: VirtualSleep,
    stop: AbortSignal,
  ) {
    const random = seededRandom(7, node.name);
    return seek({
      what: 'anchors',
      wanted: () => true,
      capMs: ANCHOR_INTERVAL_MS,
      firstMs: ANCHOR_INTERVAL_MS,
      reach: async () => {
        const live = node.serf.members().filter(({ status }) => status === 'alive');
        const places = new Set(live.map(({ addr, port }) => hostPort({ ip: ipText(addr) ?? '', port })));
        const absent = anchors.filter(({ address }) => !places.has(hostPort(address)));
        const missing = absent.map(({ name }) => name);
        if (absent.length === 0) return { missing, contacted: 0 };
        const targets = absent.map(({ address, name }) => ({ address, label: name }));
        const operation = node.run((now, id) => node.serf.reach(now, id, targets));
        while (!node.outcomes.has(operation)) await sleeps.sleep(100);
        const outcome = node.outcomes.get(operation);
        return { missing, contacted: outcome?.type === 'joined' ? outcome.contacted : 0 };
      },
      sleep: (ms) => sleeps.sleep(ms),
      random: () => random.float(),
      log: () => {},
      signal: stop,
    });
  }

  it('they alone bring the halves together within a minute, though one of them is gone for good', async () => {
    for (const seed of [1, 2]) {
      const { world, nodes } = forgetful(seed);
      const sleeps = new VirtualSleep(world);
      const stop = new AbortController();
      const [first, , gone, other] = nodes as [SerfNode, SerfNode, SerfNode, SerfNode];
      const anchors = [first, { ...gone, address: { ip: '127.1.0.1', port: 7946 } }, other];
      const searches = nodes.map((node) => seekAnchors(node, anchors, sleeps, stop.signal));
      await sleeps.run(3 * MINUTE, () => false);
      // What is sent to the one that is gone vanishes, before and after.
      world.partition((_from, to) => to.ip.startsWith('127.1.'));
      const took = await sleeps.run(5 * MINUTE, () => whole(nodes));
      expect(took).toBeLessThanOrEqual(HEAL_MS);
      stop.abort();
      await sleeps.run(MINUTE, () => false);
      await Promise.all(searches);
    }
  });

  it('without them such halves stay apart, so it is they who do it', () => {
    const { world, nodes } = forgetful(1);
    world.heal();
    world.run(10 * MINUTE);
    for (const node of nodes) expect(node.view()).toHaveLength(3);
  });
});

describe('a snapshot, when a whole half is started again while it is alone', () => {
  const STARTED = 1_000_000;

  /** The settings of the next run from what one recorded, when it is read so many seconds later. */
  function nextRun(node: SerfNode, ageSeconds: number): SerfSettings {
    const snapshot = new Snapshot(false);
    for (const line of node.records) snapshot.apply(stamped(line, STARTED));
    snapshot.forgetFailedBefore(STARTED + ageSeconds - SNAPSHOT_FAILED_SECONDS);
    const { lastTimes, alive, failed } = snapshot;
    return { ...REAPS_SOON, lastTimes, previousNodes: { alive, failed } };
  }

  it('its lines about failed members find the other half within a minute', () => {
    for (const seed of [1, 2, 3]) {
      const { world, nodes } = halves(seed);
      // The other half knows nothing either: it was started again with nothing at all.
      const a = restarted(world, nodes.slice(0, 3), (node) => nextRun(node, SNAPSHOT_FAILED_SECONDS));
      const b = restarted(world, nodes.slice(3), () => REAPS_SOON);
      world.run(seed * 7 * SECOND);
      world.heal();
      const took = world.runUntil(() => whole([...a, ...b]), 5 * MINUTE);
      expect(took).toBeLessThanOrEqual(HEAL_MS);
    }
  });

  it('a line of more than a week is not followed any more', () => {
    const { world, nodes } = halves(1);
    const a = restarted(world, nodes.slice(0, 3), (node) => nextRun(node, SNAPSHOT_FAILED_SECONDS + 1));
    const b = restarted(world, nodes.slice(3), () => REAPS_SOON);
    world.heal();
    world.run(5 * MINUTE);
    for (const node of [...a, ...b]) expect(node.view()).toHaveLength(3);
  });
});
