import { formatDuration } from '../../base/duration.ts';
import {
  type Block,
  type BlockField,
  type BlockFields,
  type BlockValue,
  NAMES_A_SECRET,
} from './block-spec.ts';
import type { ConfigValue } from './layer.ts';
import { type ConfigKey, specOf } from './table.ts';

/** Values of a configuration as they would stand in a file; secrets as stars. */

export type ShownValue =
  | string
  | number
  | boolean
  | readonly string[]
  | { readonly [name: string]: ShownValue };

/** Stands for a secret. */
export const MASK = '***';

/** The value of `key`, as JSON. */
export function shownValue(key: ConfigKey, value: ConfigValue): ShownValue {
  const spec = specOf(key);
  if (spec.masked === true && value !== '') return MASK;
  if (spec.type === 'duration' && typeof value === 'number') return formatDuration(value);
  if (!(value instanceof Map)) return value as ShownValue;
  if (spec.blocks === undefined) return objectOf(value as ReadonlyMap<string, string>, (text) => text);
  const { fields } = spec.blocks;
  return objectOf(value as ReadonlyMap<string, Block>, (block) => shownBlock(block, fields));
}

function shownBlock(block: Block, fields: BlockFields): ShownValue {
  return objectOf(block, (value, name) => shownField(value, fields[name]));
}

function shownField(value: BlockValue, field: BlockField | undefined): ShownValue {
  if (field?.type === 'duration' && typeof value === 'number') return formatDuration(value);
  if (!(value instanceof Map)) return value as ShownValue;
  if (field?.type === 'block') return shownBlock(value as Block, field.fields);
  return objectOf(value as ReadonlyMap<string, string>, (text, name) => {
    return NAMES_A_SECRET.test(name) && text !== '' ? MASK : text;
  });
}

function objectOf<T>(map: ReadonlyMap<string, T>, show: (value: T, name: string) => ShownValue): ShownValue {
  return Object.fromEntries([...map].map(([name, value]) => [name, show(value, name)]));
}
