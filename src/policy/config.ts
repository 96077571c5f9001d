import type { Millis } from '../base/machine.ts';

/** A number of members, or a share of them (0 to 1). */
export type Amount = { readonly count: number } | { readonly share: number };

/** When a node that comes and goes is kept out. */
export interface FlapConfig {
  /** Returns, each weighing less the older it is, at which a node counts as flapping. */
  readonly threshold: number;
  /** Time in which the weight of a return halves. */
  readonly halfLifeMs: Millis;
  /** Longest time that a node is kept out after its last change. */
  readonly holdMs: Millis;
}

/** When a view is too doubtful to be acted on. */
export interface GuardConfig {
  /** Act after this time although no push/pull was completed; undefined waits for one however long it takes. */
  readonly settleMs: Millis | undefined;
  /** Let an empty view replace one that was not. */
  readonly allowEmpty: boolean;
  /** Fewest members of a view. */
  readonly minMembers: number;
  /** Most members that may go within `removedWindowMs`; undefined sets no bound. */
  readonly maxRemoved: Amount | undefined;
  readonly removedWindowMs: Millis;
  /** Share (0 to 1) of the largest cluster lately seen that must be alive; 0 turns the guard off. */
  readonly requireQuorum: number;
  /** How long a member that was seen alive counts as part of that cluster, unless it left in good order. */
  readonly quorumWindowMs: Millis;
  /** Do nothing while every other member is gone. */
  readonly holdWhenIsolated: boolean;
  /** Undefined: nobody is kept out for coming and going. */
  readonly flap: FlapConfig | undefined;
}

/** When a change is acted on: after `minMs` without another one, at the latest `maxMs` after the first. */
export interface WaitConfig {
  readonly minMs: Millis;
  readonly maxMs: Millis;
}

/** How an attempt that failed is repeated. */
export interface RetryConfig {
  /** First pause; each is twice the one before. */
  readonly firstMs: Millis;
  readonly maxMs: Millis;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** What a guard does when nothing is configured: only what no operator can want is held back. */
export const DEFAULT_GUARDS: GuardConfig = {
  settleMs: undefined,
  allowEmpty: false,
  minMembers: 0,
  maxRemoved: undefined,
  removedWindowMs: 5 * MINUTE,
  requireQuorum: 0,
  quorumWindowMs: 60 * MINUTE,
  holdWhenIsolated: false,
  flap: undefined,
};

/** Long enough for a burst of joins to be one change, short enough for a dead backend to go soon. */
export const DEFAULT_WAIT: WaitConfig = { minMs: SECOND, maxMs: 10 * SECOND };

export const DEFAULT_RETRY: RetryConfig = { firstMs: SECOND, maxMs: 5 * MINUTE };

/** How often everything is looked at anew, for what no event tells: a file changed by hand, a service restarted. */
export const DEFAULT_RESYNC_MS: Millis = 10 * MINUTE;
