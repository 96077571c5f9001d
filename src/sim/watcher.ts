import type { OperationId } from '../base/machine.ts';
import type { TraceRecord } from '../base/trace.ts';
import type { ClusterEvent } from '../events/event.ts';
import type { QueryTally } from '../serf/awaited.ts';
import type { Outcome, QueryAnswer } from '../serf/effects.ts';
import type { SimNode } from './node.ts';

/** How a node's process ended. */
export type NodeEnd = 'crashed' | 'left' | 'stopped' | 'evicted';

/**
 * Is told what the nodes of a cluster do, as they do it and often from inside a machine: a watcher must not call one.
 * The time is the world's, `cluster.world.now`.
 */
export interface Watcher {
  /** A process has begun, the first or a later one of its node. */
  started?(node: SimNode): void;
  published?(node: SimNode, event: ClusterEvent): void;
  settled?(node: SimNode, operation: OperationId, outcome: Outcome): void;
  /** An answer to a query; undefined at its end. */
  answered?(node: SimNode, operation: OperationId, answer: QueryAnswer | undefined, tally?: QueryTally): void;
  ended?(node: SimNode, how: NodeEnd): void;
  /** One line of a node's log; only where the cluster was made with `log`. */
  logged?(node: SimNode, record: TraceRecord): void;
}
