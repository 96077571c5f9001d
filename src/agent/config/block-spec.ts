/** Objects of named things in the configuration, such as `handlers`: each thing is a block with fields of its own. */

interface FieldFacts {
  /** One line for the reference page. */
  readonly doc: string;
  /** Shown in the reference page; a field that is not given is absent from its block. */
  readonly defaultText?: string;
}

/** One field of a block. Numbers outside `min` and `max`, and texts not among `choices`, are refused. */
export type BlockField = FieldFacts &
  (
    | { readonly type: 'string'; readonly choices?: readonly string[] }
    | { readonly type: 'bool' }
    | { readonly type: 'int' | 'number'; readonly min?: number; readonly max?: number }
    /** Milliseconds once decoded. */
    | { readonly type: 'duration'; readonly min?: number }
    /** A count or a percentage (`3`, `"3"`, `"25%"`), kept as text. */
    | { readonly type: 'amount' }
    | { readonly type: 'strings' }
    | { readonly type: 'map' }
    | { readonly type: 'block'; readonly fields: BlockFields }
  );

export type BlockFields = Readonly<Record<string, BlockField>>;

/** One named thing as configured: the fields it states, by name, in their order. */
export type Block = ReadonlyMap<string, BlockValue>;

export type BlockValue = string | number | boolean | readonly string[] | ReadonlyMap<string, string> | Block;

/** What the rows of such a key add to the configuration table. */
export interface BlocksFacts {
  /** What one of them is called in messages: `handler`. */
  readonly noun: string;
  readonly fields: BlockFields;
  /** What is wrong with a whole block of known fields, or undefined. */
  readonly check?: (block: Block) => string | undefined;
}

/** A text, or undefined when the block does not state it. */
export function blockText(block: Block, field: string): string | undefined {
  const value = block.get(field);
  return typeof value === 'string' ? value : undefined;
}

/** A number (durations are milliseconds), or undefined. */
export function blockNumber(block: Block, field: string): number | undefined {
  const value = block.get(field);
  return typeof value === 'number' ? value : undefined;
}

export function blockBool(block: Block, field: string): boolean | undefined {
  const value = block.get(field);
  return typeof value === 'boolean' ? value : undefined;
}

export function blockTexts(block: Block, field: string): readonly string[] | undefined {
  const value = block.get(field);
  return Array.isArray(value) ? value : undefined;
}

/** An object of texts, or undefined. */
export function blockMap(block: Block, field: string): ReadonlyMap<string, string> | undefined {
  const value = block.get(field);
  return value instanceof Map ? (value as ReadonlyMap<string, string>) : undefined;
}

const NO_FIELDS: Block = new Map();

/** The block inside a block; an empty one when it is not stated. */
export function innerBlock(block: Block, field: string): Block {
  const value = block.get(field);
  return value instanceof Map ? (value as Block) : NO_FIELDS;
}

/** Names whose values nobody should see: in an object of texts anything may be told to a program. */
export const NAMES_A_SECRET = /encrypt|key|auth|secret|token|passw|credential/i;
