import type { ClusterFacts } from '../policy/governor.ts';
import type { Cluster } from '../runtime/cluster.ts';
import type { AgentSettings } from './config/settings.ts';

/** Counts complete state exchanges (swim/stream-roles.ts); one of them is enough to know the cluster. */
const EXCHANGE_COUNTER = 'push-pull-completed';

/** What handlers and renderers of the whole view go by. */
export function clusterFacts(cluster: Cluster, settings: AgentSettings): ClusterFacts {
  return {
    members: cluster.members(),
    synced: (cluster.counters().get(EXCHANGE_COUNTER) ?? 0) > 0,
    nobodyToJoin: hasNobodyToJoin(cluster, settings),
  };
}

/** True when this node could join nobody: then it is the cluster, and need not wait for one. */
function hasNobodyToJoin(cluster: Cluster, settings: AgentSettings): boolean {
  const { start_join, retry_join, anchors, discover } = settings.config.values;
  const configured = start_join.length + retry_join.length + anchors.length;
  return configured === 0 && discover === '' && cluster.remembered().length === 0;
}
