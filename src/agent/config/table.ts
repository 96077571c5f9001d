import { SECRET_VARIABLES } from '../../handlers/environment.ts';
import { AGENT_KEYS } from './keys-agent.ts';
import { GOSSIP_KEYS } from './keys-gossip.ts';
import { HANDLER_KEYS } from './keys-handlers.ts';
import { RENDERER_KEYS } from './keys-renderers.ts';
import type { ConfigTypes, KeySpec } from './spec.ts';

/**
 * Every configuration key (agent.md 9.2): the one source of defaults, flags, the file format, merging, messages and
 * the reference page. Keys are spelled as in JSON files; a dot stands for a nested object.
 */
export const CONFIG_TABLE = {
  ...GOSSIP_KEYS,
  ...AGENT_KEYS,
  ...HANDLER_KEYS,
  ...RENDERER_KEYS,
} as const satisfies Readonly<Record<string, KeySpec>>;

export type ConfigKey = keyof typeof CONFIG_TABLE;

/** A whole configuration: each key with a value of its type. */
export type ConfigValues = { readonly [K in ConfigKey]: ConfigTypes[(typeof CONFIG_TABLE)[K]['type']] };

/** Every key, in the order of the table. */
export const CONFIG_KEYS = Object.keys(CONFIG_TABLE) as readonly ConfigKey[];

/** The row of `key`, with its precise type widened so that rows can be handled alike. */
export function specOf(key: ConfigKey): KeySpec {
  return CONFIG_TABLE[key];
}

/** The key spelled `text` in any case, as JSON files may. */
export function findKey(text: string): ConfigKey | undefined {
  const lower = text.toLowerCase();
  return CONFIG_KEYS.find((key) => key === lower);
}

/** Environment variables that hold secrets of the agent. */
export const SECRET_NAMES: readonly string[] = [
  ...SECRET_VARIABLES,
  ...CONFIG_KEYS.flatMap((key) => (specOf(key).masked ? (specOf(key).env ?? []) : [])),
];
