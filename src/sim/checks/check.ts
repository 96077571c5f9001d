import type { Millis } from '../../base/machine.ts';
import type { SimCluster } from '../cluster.ts';
import type { Watcher } from '../watcher.ts';

/** A rule that was broken. */
export interface Violation {
  /** World time. */
  readonly at: Millis;
  /** The name of the check. */
  readonly check: string;
  readonly text: string;
}

/** Says that the rule is broken. */
export type Complain = (text: string) => void;

/** A rule of the protocol, watched while a cluster runs. */
export interface Check extends Watcher {
  /** Looks at every running node; called often, from outside of any machine. */
  poll?(cluster: SimCluster): void;
}

/** Makes a check that complains. */
export type CheckMaker = (complain: Complain) => Check;

/** Violations kept of one run; the first ones tell what happened. */
export const VIOLATIONS_LIMIT = 50;
