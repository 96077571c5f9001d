import type { BlockField, BlockFields } from './block-spec.ts';
import type { KeySpec } from './spec.ts';
import { CONFIG_KEYS, specOf } from './table.ts';

/** A JSON Schema of configuration files, made from the same table as everything else about them. */

export type Schema = { readonly [name: string]: unknown };

/** Go's durations: `300ms`, `1m30s`; a bare number only if it is 0. */
const DURATION = {
  type: 'string',
  pattern: '^$|^[+-]?(0|((\\d+\\.?\\d*|\\.\\d+)(ns|us|µs|μs|ms|s|m|h))+)$',
} as const;

const AMOUNT = { type: ['string', 'integer', 'number'], pattern: '^\\d+(\\.\\d+)?%?$', minimum: 0 } as const;
const TEXTS = { type: 'array', items: { type: 'string' } } as const;
const TEXT_OBJECT = { type: 'object', additionalProperties: { type: 'string' } } as const;

/** The whole schema (draft 2020-12). Keys stand in lower case, as the reference has them; an agent takes any case. */
export function configSchema(): Schema {
  const properties: Record<string, unknown> = {
    $schema: { type: 'string', description: 'Where the schema of this file is, for editors.' },
  };
  const groups = new Map<string, Record<string, Schema>>();
  for (const key of CONFIG_KEYS) {
    const dot = key.indexOf('.');
    if (dot < 0) {
      properties[key] = keySchema(specOf(key));
      continue;
    }
    const name = key.slice(0, dot);
    const group = groups.get(name) ?? {};
    group[key.slice(dot + 1)] = keySchema(specOf(key));
    groups.set(name, group);
    properties[name] = { type: 'object', properties: group, additionalProperties: false };
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of a cluster membership agent',
    description: 'Also takes any configuration file of Serf.',
    type: 'object',
    properties,
    additionalProperties: false,
  };
}

function keySchema(spec: KeySpec): Schema {
  return { description: spec.doc, ...typeSchema(spec), ...defaultOf(spec) };
}

function typeSchema(spec: KeySpec): Schema {
  switch (spec.type) {
    case 'string':
      return spec.choices === undefined
        ? { type: 'string' }
        : choiceSchema(spec.choices, spec.anyCase === true);
    case 'bool':
      return { type: 'boolean' };
    case 'int':
      return { type: 'integer' };
    case 'duration':
      return DURATION;
    case 'strings':
      return TEXTS;
    case 'map':
      return TEXT_OBJECT;
    case 'blocks':
      return {
        type: 'object',
        propertyNames: { pattern: '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$' },
        additionalProperties: blockSchema(spec.blocks?.fields ?? {}),
      };
  }
}

/** Where case does not matter, editors still offer the words as the reference has them. */
function choiceSchema(choices: readonly string[], anyCase: boolean): Schema {
  if (!anyCase) return { enum: ['', ...choices] };
  const word = (text: string): string =>
    text.replace(/[a-z]/gi, (c) => `[${c.toUpperCase()}${c.toLowerCase()}]`);
  return { anyOf: [{ enum: choices }, { type: 'string', pattern: `^(|${choices.map(word).join('|')})$` }] };
}

function blockSchema(fields: BlockFields): Schema {
  const properties = Object.entries(fields).map(([name, field]) => [name, fieldSchema(field)] as const);
  return { type: 'object', properties: Object.fromEntries(properties), additionalProperties: false };
}

function fieldSchema(field: BlockField): Schema {
  const description = field.doc;
  switch (field.type) {
    case 'string':
      return { description, ...(field.choices === undefined ? { type: 'string' } : { enum: field.choices }) };
    case 'bool':
      return { description, type: 'boolean' };
    case 'int':
    case 'number': {
      const { min, max } = field;
      const bounds = {
        ...(min !== undefined && { minimum: min }),
        ...(max !== undefined && { maximum: max }),
      };
      return { description, type: field.type === 'int' ? 'integer' : 'number', ...bounds };
    }
    case 'duration':
      return { description, ...DURATION };
    case 'amount':
      return { description, ...AMOUNT };
    case 'strings':
      return { description, ...TEXTS };
    case 'map':
      return { description, ...TEXT_OBJECT };
    case 'block':
      return { description, ...blockSchema(field.fields) };
  }
}

function defaultOf(spec: KeySpec): Schema {
  if (spec.defaultText !== undefined || spec.masked === true) return {};
  if (spec.type === 'bool' || spec.type === 'int') return { default: spec.default };
  return spec.type === 'string' && spec.default !== '' ? { default: spec.default } : {};
}
