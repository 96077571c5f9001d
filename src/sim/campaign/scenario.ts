import type { Millis } from '../../base/machine.ts';
import type { ProfileName } from '../../swim/config.ts';
import type { DiskFate } from '../disk.ts';
import type { Weather } from '../weather.ts';
import type { WorldLimits } from '../world.ts';

/** What is done to a cluster. Nodes are named; what cannot be done when its time comes is left out. */
export type Action =
  | { readonly type: 'weather'; readonly weather: Partial<Weather>; readonly forMs: Millis }
  | {
      readonly type: 'partition';
      readonly kind: 'separate' | 'deafen' | 'mute';
      readonly nodes: readonly string[];
      readonly forMs: Millis;
    }
  | { readonly type: 'clog'; readonly from: string; readonly to: string; readonly forMs: Millis }
  | { readonly type: 'pause'; readonly node: string; readonly forMs: Millis }
  /** Rate 0 is a stall. */
  | { readonly type: 'clock-rate'; readonly node: string; readonly rate: number; readonly forMs: Millis }
  | { readonly type: 'clock-step'; readonly node: string; readonly ms: Millis }
  | {
      readonly type: 'crash';
      readonly node: string;
      readonly disk: DiskFate;
      readonly powerLoss: boolean;
      /** Absent: it never comes back. */
      readonly restartAfterMs?: Millis;
      readonly newAddress: boolean;
    }
  /** Leaves in good order, and may come back, under another address if it says so. */
  | {
      readonly type: 'leave';
      readonly node: string;
      readonly returnAfterMs?: Millis;
      readonly newAddress?: boolean;
    }
  /** A node that was not there before. */
  | { readonly type: 'arrive'; readonly node: string }
  /** An operator declares a dead node gone. */
  | { readonly type: 'force-leave'; readonly by: string; readonly node: string }
  | { readonly type: 'user-event'; readonly node: string; readonly count: number; readonly bytes: number }
  | {
      readonly type: 'query';
      readonly node: string;
      readonly only: readonly string[];
      readonly relayFactor: number;
    }
  | { readonly type: 'tags'; readonly node: string; readonly tags: Readonly<Record<string, string>> }
  /** An operator installs a further key; it is not used yet. */
  | { readonly type: 'install-key'; readonly node: string };

/** An action and when it happens, counted from the beginning of the chaos. */
export interface Step {
  readonly at: Millis;
  readonly action: Action;
}

/** A whole run as plain data: what JSON carries, what can be made smaller, what replays. */
export interface Scenario {
  readonly seed: number;
  /** Nodes n1…nN at the beginning. */
  readonly size: number;
  readonly profile: ProfileName;
  readonly encrypted: boolean;
  /** Serf protocol versions, dealt to the nodes in turn. */
  readonly protocols: readonly number[];
  /** What the network and kernels keep of what waits; absent: as much as real ones. */
  readonly limits?: WorldLimits;
  /** Most broadcasts of one kind that may wait. */
  readonly maxQueueDepth: number;
  readonly chaosMs: Millis;
  readonly steps: readonly Step[];
  /** What is tried in the calm afterwards besides an event and a query. */
  readonly finale: readonly Finale[];
}

/**
 * A node leaves; a node leaves and comes back under another address; a live node is declared gone; a node restarts from
 * its disk alone; the keys are rotated; what was told in the chaos reaches all.
 */
export type Finale = 'leave' | 'move' | 'slander' | 'restart' | 'rotate' | 'events';

/** Every node a scenario speaks of, the first ones first. */
export function nodesOf(scenario: Pick<Scenario, 'size' | 'steps'>): string[] {
  const names = Array.from({ length: scenario.size }, (_, i) => `n${i + 1}`);
  for (const { action } of scenario.steps) if (action.type === 'arrive') names.push(action.node);
  return names;
}
