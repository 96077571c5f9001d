import type { NetworkEffects, OperationId } from '../base/machine.ts';
import type { ClusterEvent } from '../events/event.ts';
import type { JoinFailure } from '../swim/delegate.ts';
import type { QueryTally } from './awaited.ts';
import type { NameRival } from './conflict.ts';
import type { KeyReport } from './key-report.ts';

/** One answer to a query of ours. */
export interface QueryAnswer {
  readonly type: 'ack' | 'response';
  readonly from: string;
  /** null for an ack. */
  readonly payload: Uint8Array | null;
}

/** How an operation of the Serf layer ended. */
export type Outcome =
  | {
      readonly type: 'joined';
      readonly contacted: number;
      readonly failures: readonly JoinFailure[];
      /** Another member that has our name, where the join met one. */
      readonly rival?: NameRival;
    }
  /** Leave, force-leave or tag update whose broadcast was sent, or that nobody needed to hear. */
  | { readonly type: 'done' }
  /** A key operation that asked the cluster, or failed before it could. */
  | { readonly type: 'keys'; readonly report: KeyReport }
  /** The broadcast was still queued when its time was over. */
  | { readonly type: 'timeout' }
  /** The node was shut down first. */
  | { readonly type: 'aborted' };

/** All the Serf machine can do to the world. */
export interface SerfEffects extends NetworkEffects {
  publish(event: ClusterEvent): void;
  /** Ends a join, leave, force-leave, tag update or key operation exactly once. */
  settle(operation: OperationId, outcome: Outcome): void;
  /** An ack or response to a query of ours; `undefined` says that nothing more follows, and comes with the tally. */
  answer(query: OperationId, answer: QueryAnswer | undefined, tally?: QueryTally): void;
  /** One snapshot line, without its newline. */
  record(line: string): void;
  /** The name-conflict vote was lost: the host must shut this node down without a leave. */
  evict(reason: string): void;
}
