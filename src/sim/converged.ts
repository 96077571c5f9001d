import type { SimCluster } from './cluster.ts';
import type { SimNode } from './node.ts';
import type { NodeSettings } from './settings.ts';

/**
 * Adds nodes n1…nN that all know each other from the first instant, as if an earlier push/pull had told them: no joins,
 * no gossip about them, no events. The facts of a member are shared by all tables. A run that begins so has not shown
 * that the cluster can form, and has to say that it did.
 */
export function formConverged(cluster: SimCluster, count: number, settings?: NodeSettings): SimNode[] {
  const made: SimNode[] = [];
  for (let i = 1; i <= count; i += 1) made.push(cluster.add(`n${i}`, settings));
  const known = made.map(({ swim }) => {
    const { facts, incarnation, status, since } = swim.self;
    return { facts, incarnation, status, since };
  });
  for (const { address, serf } of made) cluster.world.command(address, (now) => serf.preload(now, known));
  return made;
}
