import type { Millis } from '../base/machine.ts';
import type { ClusterSize } from './cluster-memory.ts';
import type { GuardConfig } from './config.ts';
import { allowedOf, amountText } from './removals.ts';

/** The guards, by the names of their configuration keys. */
export type GuardName =
  | 'settle'
  | 'allow_empty'
  | 'min_members'
  | 'max_removed'
  | 'require_quorum'
  | 'hold_when_isolated';

/** One guard that holds an action back, and why, for people. */
export interface Hold {
  readonly guard: GuardName;
  readonly text: string;
}

/** Everything a guard may look at. */
export interface GuardFacts {
  readonly now: Millis;
  /** When the agent began to look. */
  readonly startedAt: Millis;
  /** A push/pull with another member was completed. */
  readonly synced: boolean;
  /** Nobody is configured or remembered who could be joined: this node is the cluster. */
  readonly nobodyToJoin: boolean;
  readonly cluster: ClusterSize;
  /** Members of the view. */
  readonly size: number;
  /** There is something that an empty view would wipe out. */
  readonly hasContent: boolean;
  /** Members acted on last; 0 before the first time. */
  readonly appliedSize: number;
  /** Of those, how many the view lacks. */
  readonly removedNow: number;
  /** Others taken out within the window and not back. */
  readonly removedLately: number;
}

type Guard = (config: GuardConfig, facts: GuardFacts) => string | undefined;

const GUARDS: Readonly<Record<GuardName, Guard>> = {
  settle: ({ settleMs }, { now, startedAt, synced, nobodyToJoin }) => {
    if (synced || nobodyToJoin) return undefined;
    if (settleMs !== undefined && now - startedAt >= settleMs) return undefined;
    return 'no push/pull with another member was completed yet, so this node may see only itself';
  },
  allow_empty: ({ allowEmpty }, { size, hasContent }) =>
    size > 0 || allowEmpty || !hasContent ? undefined : 'an empty view would replace one that is not empty',
  min_members: ({ minMembers }, { size }) =>
    size >= minMembers ? undefined : `${members(size)} in view, at least ${minMembers} are needed`,
  max_removed: ({ maxRemoved }, { appliedSize, removedNow, removedLately }) => {
    if (maxRemoved === undefined || removedNow === 0) return undefined;
    const total = appliedSize + removedLately;
    const removed = removedNow + removedLately;
    if (removed <= allowedOf(maxRemoved, total)) return undefined;
    const earlier = removedLately === 0 ? '' : `, ${removedLately} of them a little earlier`;
    return `${removed} of ${members(total)} would be gone${earlier}, at most ${amountText(maxRemoved)} may`;
  },
  require_quorum: ({ requireQuorum }, { cluster: { alive, largest } }) => {
    const needed = Math.ceil(requireQuorum * largest - 1e-9);
    if (alive >= needed) return undefined;
    return `${alive} of the ${largest} members lately seen are alive, ${needed} are needed`;
  },
  hold_when_isolated: ({ holdWhenIsolated }, { cluster: { alive, largest }, nobodyToJoin }) => {
    if (!holdWhenIsolated || alive > 1 || (largest <= 1 && nobodyToJoin)) return undefined;
    return 'no other member is alive: this node is cut off, or all others are down';
  },
};

/** Every guard that holds, in the order of their names above; none lets the action go ahead. */
export function holdsOf(config: GuardConfig, facts: GuardFacts): readonly Hold[] {
  return (Object.keys(GUARDS) as GuardName[]).flatMap((guard) => {
    const text = GUARDS[guard](config, facts);
    return text === undefined ? [] : [{ guard, text }];
  });
}

function members(count: number): string {
  return count === 1 ? '1 member' : `${count} members`;
}
