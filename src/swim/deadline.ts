import type { OperationId, StreamId } from '../base/machine.ts';

/** Why the gossip layer asked to be woken (ARCHITECTURE §3). */
export type SwimDeadline =
  | { readonly type: 'probe' | 'gossip' | 'push-pull' }
  | { readonly type: 'ack-late' | 'probe-over' }
  | { readonly type: 'relay-over'; readonly seq: number }
  | { readonly type: 'suspicion'; readonly name: string }
  | { readonly type: 'stream'; readonly id: StreamId }
  | { readonly type: 'flush'; readonly operation: OperationId };
