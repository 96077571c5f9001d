import { assert, unreachable } from '../../base/assert.ts';
import type { ConfigLayer, ConfigValue, Origin } from './layer.ts';
import type { MergeRule } from './spec.ts';
import { CONFIG_KEYS, type ConfigKey, type ConfigValues, specOf } from './table.ts';

/** All sources put together, and for each key the sources its value is made of. */
export interface MergedConfig {
  readonly values: ConfigValues;
  /** The winning source, or every contributing one for keys that collect. */
  readonly origins: ReadonlyMap<ConfigKey, readonly Origin[]>;
}

const DEFAULT_ORIGIN: Origin = { source: 'default', at: '' };

/** The built-in value of every key. */
export function defaultValues(): ConfigValues {
  return Object.fromEntries(CONFIG_KEYS.map((key) => [key, specOf(key).default])) as unknown as ConfigValues;
}

/** Puts the layers over the defaults, the first layer lowest, each key by its own rule (agent.md 9.2). */
export function mergeLayers(layers: readonly ConfigLayer[]): MergedConfig {
  const values: Record<string, ConfigValue> = { ...defaultValues() };
  const origins = new Map<ConfigKey, readonly Origin[]>(CONFIG_KEYS.map((key) => [key, [DEFAULT_ORIGIN]]));
  for (const { key, value, origin } of layers.flat()) {
    const { merge } = specOf(key);
    if (!counts(merge, value)) continue;
    const collects = merge === 'append' || merge === 'merge';
    values[key] = collects ? collect(values[key] as ConfigValue, value) : value;
    const earlier = (origins.get(key) ?? []).filter((known) => known.source !== 'default');
    origins.set(key, collects ? [...earlier, origin] : [origin]);
  }
  return { values: values as unknown as ConfigValues, origins };
}

/** Whether a value that was given takes part, or is the zero that this rule overlooks. */
function counts(rule: MergeRule, value: ConfigValue): boolean {
  switch (rule) {
    case 'non-empty':
      return value !== '';
    case 'non-zero':
      return value !== 0;
    case 'positive':
      return typeof value === 'number' && value > 0;
    case 'true':
      return value === true;
    case 'append':
      return Array.isArray(value) && value.length > 0;
    case 'merge':
      return value instanceof Map && value.size > 0;
    case 'last':
      return true;
    default:
      return unreachable(rule);
  }
}

function collect(earlier: ConfigValue, later: ConfigValue): ConfigValue {
  if (earlier instanceof Map && later instanceof Map) return new Map([...earlier, ...later]);
  assert(Array.isArray(earlier) && Array.isArray(later), 'only lists and maps collect');
  return [...earlier, ...later];
}
