import type { SimCluster } from '../cluster.ts';
import type { SimNode } from '../node.ts';
import type { Check, Complain } from './check.ts';

const CLOCKS = ['member_time', 'event_time', 'query_time'] as const;

/** No Lamport clock of a process ever goes back (Lamport 1978, rule IR1). */
export function lamportCheck(complain: Complain): Check {
  const last = new Map<SimNode, Map<string, number>>();
  return {
    started: (node) => void last.set(node, new Map()),
    poll(cluster: SimCluster) {
      for (const node of cluster.running) {
        const before = last.get(node);
        const stats = node.serf.stats();
        for (const clock of CLOCKS) {
          const time = Number(stats.get(clock));
          const earlier = before?.get(clock) ?? 0;
          if (time < earlier) complain(`${clock} of ${node.name} fell from ${earlier} to ${time}`);
          before?.set(clock, time);
        }
      }
    },
  };
}

/** Every queue and table of a machine stays within its named limit, and so does its health score (Lifeguard §IV.A). */
export function boundsCheck(complain: Complain): Check {
  return {
    poll(cluster: SimCluster) {
      for (const node of cluster.running) {
        const { healthScore } = node.swim;
        const most = node.config.swim.awarenessMaxMultiplier - 1;
        if (healthScore < 0 || healthScore > most)
          complain(`health score of ${node.name} is ${healthScore}, its limits are 0 and ${most}`);
        for (const { what, size, limit } of node.serf.loads()) {
          if (size > limit) complain(`${what} of ${node.name} holds ${size}, its limit is ${limit}`);
        }
      }
    },
  };
}
