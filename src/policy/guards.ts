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
  /** Members of the view that are suspected of having failed: they go next, or turn out to be well. */
  readonly suspected: number;
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
  max_removed: ({ maxRemoved }, { appliedSize, removedNow, removedLately, suspected }) => {
    if (maxRemoved === undefined || removedNow === 0) return undefined;
    const total = appliedSize + removedLately;
    const removed = removedNow + removedLately + suspected;
    if (removed <= allowedOf(maxRemoved, total)) return undefined;
    const earlier = removedLately === 0 ? '' : `, ${removedLately} of them a little earlier`;
    const soon = suspected === 0 ? '' : `, ${suspected} of them only suspected so far`;
    return `${removed} of ${members(total)} would be gone${earlier}${soon}, at most ${amountText(maxRemoved)} may`;
  },
  // Members of the other side of a partition fail one by one; suspicion comes sooner, and silence at once.
  require_quorum: ({ requireQuorum }, { cluster: { alive, suspected, silent, largest } }) => {
    const needed = Math.ceil(requireQuorum * largest - 1e-9);
    const sure = silent ? Math.min(1, alive) : alive - suspected;
    if (sure >= needed) return undefined;
    const doubt = sure === alive ? '' : `, ${alive - sure} more are ${silent ? 'not heard' : 'suspected'}`;
    return `${sure} of the ${largest} members lately seen are alive${doubt}, ${needed} are needed`;
  },
  hold_when_isolated: ({ holdWhenIsolated }, { cluster, nobodyToJoin }) => {
    const { alive, suspected, failed, silent, largest } = cluster;
    if (!holdWhenIsolated) return undefined;
    if (alive > 1) {
      if (silent) return 'nothing is heard of any other member: this node is cut off, or all others are down';
      if (suspected < alive - 1) return undefined;
      return 'every other member is suspected: this node is cut off, or all others are down';
    }
    if (failed === 0 && largest <= 1 && nobodyToJoin) return undefined;
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
