import type { Place } from './fault.ts';
import type { ConfigTypes } from './spec.ts';
import type { ConfigKey } from './table.ts';

/** Where a value came from, for people: a file and line, a flag, or an environment variable. */
export interface Origin {
  readonly source: 'default' | 'file' | 'environment' | 'flag';
  /** `serf.json:3`, `-bind`, `REEVE_RPC_AUTH`; empty for a default. */
  readonly at: string;
  /** The key in its file. */
  readonly place?: Place | undefined;
}

export type ConfigValue = ConfigTypes[keyof ConfigTypes];

/** One value as one source gave it. */
export interface LayerEntry {
  readonly key: ConfigKey;
  readonly value: ConfigValue;
  readonly origin: Origin;
}

/** What one source says: only the keys it mentions, in the order it mentions them. */
export type ConfigLayer = readonly LayerEntry[];
