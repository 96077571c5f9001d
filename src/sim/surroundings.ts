import type { Millis, OperationId } from '../base/machine.ts';
import type { ClusterEvent } from '../events/event.ts';
import type { Watcher } from './watcher.ts';
import type { World } from './world.ts';

/** One event a node published. */
export interface NodeEvent {
  /** World time. */
  readonly at: Millis;
  /** Which of its processes published it, from 1. */
  readonly life: number;
  readonly event: ClusterEvent;
}

/** What a node needs of the cluster it is in. */
export interface NodeSurroundings {
  readonly world: World;
  readonly seed: number;
  /** Whether `history` is kept. */
  readonly keepsHistory: boolean;
  readonly logs: boolean;
  readonly tell: (call: (watcher: Watcher) => void) => void;
  readonly nextOperation: () => OperationId;
}
