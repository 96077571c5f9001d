import { extname, join, resolve } from 'node:path';
import { CodedError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import { valueRule } from '../render/grammar.ts';
import type { JsonObject, JsonValue, Recipe, RecipeOption } from './recipe.ts';

/** From what an operator chose to a piece of configuration. */

/** What was chosen: values by option, and tags that members must have instead of the recipe's. */
export interface Choice {
  readonly values: ReadonlyMap<string, string>;
  /** Undefined: those of the recipe. */
  readonly tags: ReadonlyMap<string, string> | undefined;
}

export const NO_CHOICE: Choice = { values: new Map(), tags: undefined };

interface Grammar {
  readonly means: string;
  readonly test: (text: string) => boolean;
}

/** A program and its arguments, one blank between two; `{target}` and its like stay for the renderer. */
const COMMAND: Grammar = {
  means: 'a program and its arguments without quotes or anything else for a shell',
  test: (text) => /^[^\s'"`$\\;|&<>*?()]+(?: [^\s'"`$\\;|&<>*?()]+)*$/.test(text),
};

/** Any that an operator may have: it goes into the configuration, and to programs as an argument. */
const PATH: Grammar = {
  means: 'the path of a file in printable text',
  test: (text) => /^\/[^\p{C}\p{Zl}\p{Zp}]+$/u.test(text),
};

/** `$word` is a value, `$word?` one that takes its key with it when it is empty. */
const PLACEHOLDER = /^\$([a-z][a-z0-9_]*)(\?)?$/;

/**
 * The value of every option: chosen or preset, and checked.
 *
 * @throws CodedError `ERR_RECIPE_OPTION` naming the option and what it takes
 */
export function optionValues(recipe: Recipe, { values }: Choice): ReadonlyMap<string, string> {
  for (const name of values.keys()) {
    if (recipe.options.has(name)) continue;
    const known = [...recipe.options.keys()];
    const guess = nearest(name, known);
    const hint = guess === undefined ? `it has ${known.join(', ') || 'none'}` : `did you mean '${guess}'?`;
    throw new CodedError('ERR_RECIPE_OPTION', `recipe ${recipe.name} has no option '${name}'; ${hint}`);
  }
  return new Map(
    [...recipe.options].map(([name, option]) => [name, optionValue(recipe, name, option, values.get(name))]),
  );
}

function optionValue(recipe: Recipe, name: string, option: RecipeOption, given: string | undefined): string {
  const text = given ?? option.default;
  if (text === undefined) {
    throw new CodedError(
      'ERR_RECIPE_OPTION',
      `recipe ${recipe.name} needs '${name}' (${option.what}): give it with -set ${name}=…`,
    );
  }
  if (text === '' && (option.default === '' || mayGo(recipe, name))) return '';
  const isPath = option.grammar === 'path';
  const value = isPath && text !== '' ? resolve(text) : text;
  const { means, test } = grammarOf(name, option.grammar);
  if (test(value)) return value;
  throw new CodedError(
    'ERR_RECIPE_OPTION',
    `recipe ${recipe.name}: '${name}' is ${JSON.stringify(text)}, which is not ${means}`,
  );
}

/** True for an option that the recipe uses nowhere but as `$word?`: given as nothing, it takes its keys away. */
function mayGo({ renderer, handler }: Recipe, name: string): boolean {
  const uses = [...textsIn(renderer), ...textsIn(handler)].flatMap((text) => {
    const [, word, mark] = PLACEHOLDER.exec(text) ?? [];
    return word === name ? [mark] : [];
  });
  return uses.length > 0 && uses.every((mark) => mark !== undefined);
}

function* textsIn(value: JsonValue | undefined): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value) as JsonValue[]) yield* textsIn(item);
  }
}

function grammarOf(name: string, grammar: string): Grammar {
  if (grammar === 'path') return PATH;
  return grammar === 'command' ? COMMAND : valueRule(name, grammar);
}

/** What is left to be done by hand with this choice, with the values in it. */
export function notesOf(recipe: Recipe, choice: Choice): readonly string[] {
  const values = optionValues(recipe, choice);
  return recipe.notes
    .filter(({ unless }) => unless === undefined || (values.get(unless) ?? '') === '')
    .map(({ text }) =>
      text.replace(/\$([a-z][a-z0-9_]*)/g, (found, word: string) => values.get(word) ?? found),
    );
}

/** Where a file of the recipe is installed under `name`: `/etc/reeve/hosts.liquid`. */
export function installedPath(directory: string, name: string, file: string): string {
  return join(directory, name + extname(file));
}

/** What a piece of configuration is made for. */
export interface FragmentRequest {
  readonly recipe: Recipe;
  /** What the renderer or handler is called. */
  readonly name: string;
  /** Where its files go, absolute. */
  readonly directory: string;
  readonly choice: Choice;
}

/**
 * The configuration that a recipe adds, as an object.
 *
 * @throws CodedError `ERR_RECIPE_OPTION` or `ERR_RECIPE`
 */
export function fragmentOf({ recipe, name, directory, choice }: FragmentRequest): JsonObject {
  const words = new Map(optionValues(recipe, choice));
  for (const [word, file] of recipe.files) words.set(word, installedPath(directory, name, file));
  const fill = (block: JsonObject | undefined): JsonObject | undefined =>
    block === undefined ? undefined : (filled(recipe, block, words) as JsonObject);
  const renderer = fill(recipe.renderer);
  const handler = fill(recipe.handler);
  return {
    ...(renderer && { renderers: { [name]: selecting(renderer, choice, recipe.lists.statuses) } }),
    ...(handler && { handlers: { [name]: selecting(handler, choice, undefined) } }),
  };
}

/** The block with the members it is to list; `members` of the recipe wins but for tags that were chosen. */
function selecting(block: JsonObject, { tags }: Choice, statuses: readonly string[] | undefined): JsonObject {
  const members = (block['members'] ?? {}) as JsonObject;
  const chosen = {
    ...(statuses && { statuses }),
    ...members,
    ...(tags && { tags: Object.fromEntries(tags) }),
  };
  if (Object.keys(chosen).length === 0) return block;
  const { template, target, ...rest } = block;
  return {
    ...(template !== undefined && { template }),
    ...(target !== undefined && { target }),
    members: chosen,
    ...without(rest, 'members'),
  };
}

function without(block: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(block).filter(([name]) => name !== key));
}

/** Undefined: the value is an empty one that goes with its key. */
function filled(recipe: Recipe, value: JsonValue, words: ReadonlyMap<string, string>): JsonValue | undefined {
  if (typeof value === 'string') return filledText(recipe, value, words);
  if (typeof value !== 'object' || value === null) return value;
  if (isList(value)) {
    return value.flatMap((item) => {
      const one = filled(recipe, item, words);
      return one === undefined ? [] : isList(one) ? one : [one];
    });
  }
  const entries = Object.entries(value).map(([key, item]) => [key, filled(recipe, item, words)] as const);
  return Object.fromEntries(entries.filter(([, item]) => item !== undefined)) as JsonObject;
}

function filledText(recipe: Recipe, text: string, words: ReadonlyMap<string, string>): JsonValue | undefined {
  const [, word, mayGo] = PLACEHOLDER.exec(text) ?? [];
  if (word === undefined) return text;
  const value = words.get(word);
  if (value === undefined) {
    throw new CodedError('ERR_RECIPE', `recipe ${recipe.name}: '$${word}' is none of its options or files`);
  }
  if (value === '' && mayGo !== undefined) return undefined;
  return recipe.options.get(word)?.grammar === 'command' ? value.split(' ') : value;
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}
