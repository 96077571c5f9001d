import type { Millis } from '../base/machine.ts';
import type { ClusterSight, SeenLately } from './cluster-memory.ts';
import type { GuardConfig, RetryConfig, WaitConfig } from './config.ts';
import type { Hold } from './guards.ts';
import type { View, ViewChange, ViewFilter } from './view.ts';

/** What goes into a governor and what comes out. */

/** Why an action is due. */
export type ActionReason = 'start' | 'change' | 'reload' | 'resync' | 'retry' | 'approve';

/** What one handler or renderer is governed by. */
export interface GovernorOptions {
  /** This node's name. */
  readonly self: string;
  /** The handler's or renderer's name; with the node's it decides the splay. */
  readonly name: string;
  readonly filter: ViewFilter;
  readonly guards: GuardConfig;
  readonly wait: WaitConfig;
  readonly splayMs: Millis;
  /** 0 never looks anew by itself. */
  readonly resyncMs: Millis;
  readonly retry: RetryConfig;
}

/** What the agent knows of the cluster at this moment. */
export interface ClusterFacts extends ClusterSight {
  /** Push/pulls completed with another member since the start. */
  readonly exchanges: number;
  /** Nobody is configured or remembered who could be joined. */
  readonly nobodyToJoin: boolean;
}

/** Something to be done now, with the whole view. */
export interface Action {
  readonly reason: ActionReason;
  readonly view: View;
  /** What is different from the view that was last acted on with success. */
  readonly change: ViewChange;
  /** This node itself, its tags or its address, is not as it was then; it need not be in the view. */
  readonly selfChanged: boolean;
}

/** Where things stand, for people. */
export interface GovernorStatus {
  /** `starting` before the first action, `waiting` while a change is debounced. */
  readonly state: 'starting' | 'idle' | 'waiting' | 'held' | 'running' | 'retrying';
  readonly view: View;
  /** Nodes kept out for coming and going. */
  readonly damped: readonly string[];
  readonly holds: readonly Hold[];
  readonly heldSince: Millis | undefined;
  readonly failures: number;
}

/** What a governor knows that is worth keeping over a restart, so that guards need not start from nothing. */
export interface GovernorMemory {
  /** Names in the view that was last acted on with success. */
  readonly applied: readonly string[];
  readonly seen: SeenLately;
  /** How long ago this was known. */
  readonly agoMs: Millis;
}

/** Where governors' memories outlive the agent; one for handlers and one for renderers. */
export interface MemoryStore {
  recall(name: string): GovernorMemory | undefined;
  /** Undefined keeps what there is. */
  keep(name: string, memory: GovernorMemory | undefined): void;
}
