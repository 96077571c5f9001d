import { describe, expect, it } from 'vitest';
import { SimCluster } from '../../src/sim/cluster.ts';
import { formConverged } from '../../src/sim/converged.ts';

const SIZE = 20;

describe('a world that begins converged', () => {
  it('knows everybody at once, tells nobody, and keeps probing', () => {
    const cluster = new SimCluster({ seed: 3 });
    const nodes = formConverged(cluster, SIZE);
    expect(cluster.hasConverged()).toBe(true);
    for (const node of nodes) {
      expect(node.swim.members.liveCount).toBe(SIZE);
      // Of itself every machine tells; of the others nobody does.
      expect(node.history.map(({ event }) => event.type)).toEqual(['member-join']);
    }
    cluster.world.run(60_000);
    expect(cluster.hasConverged()).toBe(true);
    const sent = nodes.map(({ traffic }) => traffic.datagramsOut);
    // A ping of our own and an ack of another's each second, and at first the news of ourselves.
    for (const datagrams of sent) expect(datagrams).toBeLessThan(60 * 2 + 30);
    expect(Math.min(...sent)).toBeGreaterThan(60);
  });

  it('shares what is known of a member between all tables', () => {
    const cluster = new SimCluster({ seed: 3 });
    const [a, b, c] = formConverged(cluster, 3);
    expect(b!.swim.members.get('n1')!.facts).toBe(a!.swim.self.facts);
    expect(c!.swim.members.get('n1')!.facts).toBe(a!.swim.self.facts);
  });

  it('finds out who dies, and takes who comes', () => {
    const cluster = new SimCluster({ seed: 4 });
    const nodes = formConverged(cluster, SIZE);
    nodes[7]!.crash();
    cluster.add('late').join([nodes[0]!]);
    expect(cluster.world.runUntil(() => cluster.hasConverged(), 60_000, 1_000)).toBeDefined();
    for (const node of cluster.running) {
      if (node.name !== 'late')
        expect(node.members().find(({ name }) => name === 'n8')?.status).toBe('failed');
    }
  });
});
