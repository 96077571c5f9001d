import type { EventFilter } from '../events/filter.ts';
import type { GuardConfig, WaitConfig } from '../policy/config.ts';
import type { ViewFilter } from '../policy/view.ts';

/** A handler with a name and supervision of its own, as the configuration key `handlers` describes it. */

export const HANDLER_KINDS = ['classic', 'persistent', 'state'] as const;
export type HandlerKind = (typeof HANDLER_KINDS)[number];

export const OVERFLOW_RULES = ['drop-oldest', 'drop-newest'] as const;
export type OverflowRule = (typeof OVERFLOW_RULES)[number];

/** How often, and after which pauses, something that failed is tried again. Times in milliseconds. */
export interface RetryRule {
  /** Tries in all; 0 never gives up. */
  readonly attempts: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** Share of a pause, 0 to 1, by which it varies. */
  readonly jitter: number;
}

/** A user of this system that a handler runs as. */
export interface HandlerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

export interface EnvironmentRule {
  /** The only variables taken over from the agent; undefined takes all but its secrets. */
  readonly inherit: readonly string[] | undefined;
  readonly set: ReadonlyMap<string, string>;
}

/** When a handler of kind `state` acts, and what holds it back. */
export interface SupervisedPolicy {
  readonly guards: GuardConfig;
  readonly wait: WaitConfig;
  readonly splayMs: number;
  /** How often the view is looked at without a cause; 0 for never. */
  readonly resyncMs: number;
}

/** One supervised handler, checked and with every default filled in. Times in milliseconds, 0 for no limit. */
export interface SupervisedSpec {
  readonly name: string;
  readonly kind: HandlerKind;
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** The command as people wrote it. */
  readonly shown: string;
  readonly filters: readonly EventFilter[];
  readonly members: ViewFilter;
  readonly timeoutMs: number;
  readonly stopGraceMs: number;
  readonly queue: { readonly limit: number; readonly overflow: OverflowRule };
  readonly retry: RetryRule;
  readonly concurrency: number;
  /** Undefined: the agent's own. */
  readonly user: HandlerUser | undefined;
  /** Undefined: the agent's own. */
  readonly directory: string | undefined;
  readonly environment: EnvironmentRule;
  readonly rerunInterrupted: boolean;
  /** For `state`: when it acts, and what holds it back. */
  readonly policy: SupervisedPolicy;
  /** For `persistent`. */
  readonly acknowledge: boolean;
  readonly inFlight: number;
  /** Equal for two specs exactly if they mean the same: a reload leaves such a handler alone. */
  readonly fingerprint: string;
}
