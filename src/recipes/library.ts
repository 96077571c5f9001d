import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CodedError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import { RECIPE_FILE, type Recipe, readRecipe } from './recipe.ts';

/** The names of the recipes in a directory, in order. */
export function recipeNames(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(directory, entry.name, RECIPE_FILE)))
    .map(({ name }) => name)
    .sort();
}

/** True for a recipe given by its folder (`./mine`) instead of its name. */
export function isFolder(word: string): boolean {
  return word.includes('/') || word === '.' || word === '..';
}

/**
 * A recipe of the directory by its name, or one of anybody's by its folder.
 *
 * @throws CodedError `ERR_RECIPE_UNKNOWN`, or `ERR_RECIPE` when it cannot be read
 */
export function findRecipe(directory: string, word: string): Recipe {
  if (isFolder(word)) {
    const folder = resolve(word);
    if (existsSync(join(folder, RECIPE_FILE))) return readRecipe(folder);
    throw new CodedError('ERR_RECIPE_UNKNOWN', `${folder} is no recipe: it has no ${RECIPE_FILE}`);
  }
  const names = recipeNames(directory);
  if (names.includes(word)) return readRecipe(join(directory, word));
  const guess = nearest(word, names);
  const hint = guess === undefined ? `there are ${names.join(', ')}` : `did you mean '${guess}'?`;
  throw new CodedError('ERR_RECIPE_UNKNOWN', `no recipe is called '${word}'; ${hint}`);
}
