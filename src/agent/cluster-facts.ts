import type { MemberInfo } from '../events/event.ts';
import type { ClusterFacts } from '../policy/governance.ts';
import type { Cluster } from '../runtime/cluster.ts';
import { systemClock } from '../runtime/system.ts';
import { PROFILES } from '../swim/config.ts';
import type { AgentSettings } from './config/settings.ts';

/** Counts complete state exchanges (swim/stream-roles.ts); one of them is enough to know the cluster. */
const EXCHANGE_COUNTER = 'push-pull-completed';

/**
 * Probe intervals without a word from anybody after which a node is cut off. In each one it asks a member and is asked by
 * about one; the first member is called failed later than this at the soonest, for a suspicion lasts longer.
 */
const SILENT_INTERVALS = 3;

/** What handlers and renderers of the whole view go by. */
export function clusterFacts(cluster: Cluster, settings: AgentSettings): ClusterFacts {
  const members = cluster.members();
  const { heardAt, suspects } = cluster.company();
  const limitMs = SILENT_INTERVALS * PROFILES[settings.profile].probeIntervalMs;
  return {
    members,
    suspects,
    silent: hasOthers(members) && systemClock() - (heardAt ?? Number.NEGATIVE_INFINITY) > limitMs,
    exchanges: cluster.counters().get(EXCHANGE_COUNTER) ?? 0,
    nobodyToJoin: hasNobodyToJoin(cluster, settings),
  };
}

/** True when this node could join nobody: then it is the cluster, and need not wait for one. */
function hasNobodyToJoin(cluster: Cluster, settings: AgentSettings): boolean {
  const { start_join, retry_join, anchors, discover } = settings.config.values;
  const configured = start_join.length + retry_join.length + anchors.length;
  return configured === 0 && discover === '' && cluster.remembered().length === 0;
}

function hasOthers(members: readonly MemberInfo[]): boolean {
  return members.filter(({ status }) => status === 'alive').length > 1;
}
