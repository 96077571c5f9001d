import type { Millis } from '../../base/machine.ts';
import type { DiskFate } from '../disk.ts';
import type { NodeSettings } from '../settings.ts';
import type { Weather } from '../weather.ts';

/** Which nodes a step is about: so many, such a share of those there are, or these. */
export type Who =
  | { readonly type: 'count'; readonly count: number }
  /** 0..1 of the running nodes, rounded, at least one. */
  | { readonly type: 'share'; readonly share: number }
  | { readonly type: 'names'; readonly names: readonly string[] };

/** Which direction a partition cuts, as the separated nodes see it: both, they hear nobody, nobody hears them. */
export type PartitionKind = 'both' | 'in' | 'out';

/** What a step does. A `forMs` says when it is undone; without one it lasts. */
export type PlanAction =
  | { readonly type: 'kill'; readonly who: Who; readonly powerLoss: boolean; readonly disk: DiskFate }
  /** Starts dead nodes again. */
  | { readonly type: 'restart'; readonly who: Who }
  | { readonly type: 'pause'; readonly who: Who; readonly forMs?: Millis }
  | { readonly type: 'resume'; readonly who: Who }
  | {
      readonly type: 'partition';
      readonly who: Who;
      readonly name: string;
      readonly kind: PartitionKind;
      readonly forMs?: Millis;
    }
  /** Ends the partition of this name, or all. */
  | { readonly type: 'heal'; readonly name?: string }
  | { readonly type: 'weather'; readonly weather: Partial<Weather>; readonly forMs?: Millis }
  | {
      readonly type: 'event';
      readonly count: number;
      readonly bytes: number;
      readonly everyMs: Millis;
      /** Absent: each from a node picked by chance. */
      readonly from?: string;
    }
  | { readonly type: 'leave'; readonly who: Who }
  /** Nodes that were not there before. */
  | { readonly type: 'join'; readonly count: number };

/** An action and when, counted from the beginning of the rehearsal proper: the cluster has formed and is quiet. */
export interface PlanStep {
  readonly at: Millis;
  readonly action: PlanAction;
}

/** A whole rehearsal as plain data. The same plan gives the same run, to the last bit. */
export interface Plan {
  /** 32 bits. */
  readonly seed: number;
  /** Nodes n1…nN at the beginning. */
  readonly nodes: number;
  readonly settings: NodeSettings;
  /** The weather once the cluster has formed. */
  readonly weather: Partial<Weather>;
  /** In order of time. */
  readonly steps: readonly PlanStep[];
  /** How long the rehearsal proper lasts; absent, until all agree after the last step, or the time for that is over. */
  readonly durationMs?: Millis;
}

/** Most nodes of a plan, those that join later included: two bits and a few hundred bytes for each pair of them. */
export const NODES_MAX = 20_000;
/** Most steps of a plan, and most user events of one step. */
export const STEPS_MAX = 1_000;
export const EVENTS_MAX = 10_000;
/** Longest virtual time of anything: a day. */
export const TIME_MAX: Millis = 86_400_000;

/** When a step's effect begins to end: when what it does is undone, or its last event is sent. */
export function stepEnd({ at, action }: PlanStep): Millis {
  if (action.type === 'event') return at + (action.count - 1) * action.everyMs;
  return at + ('forMs' in action ? (action.forMs ?? 0) : 0);
}

/** Every node there will be, in order of being added. */
export function capacityOf(plan: Plan): number {
  return plan.steps.reduce(
    (sum, { action }) => sum + (action.type === 'join' ? action.count : 0),
    plan.nodes,
  );
}
