import type { OperationId } from '../base/machine.ts';

/** Chores done at intervals. */
export type UpkeepType = 'reap' | 'reconnect' | 'seek' | 'queue-check';

/** Why the Serf layer asked to be woken. */
export type SerfDeadline =
  | { readonly type: UpkeepType | 'leave' | 'clock-check' | 'rejoin' | 'reassure' }
  | { readonly type: 'force-leave'; readonly operation: OperationId }
  | { readonly type: 'prune' | 'leave-overdue'; readonly name: string }
  /** A query asked of us can no longer be answered. */
  | { readonly type: 'query-expired'; readonly id: number }
  /** A query of ours is over. */
  | { readonly type: 'query-over'; readonly ltime: number };
