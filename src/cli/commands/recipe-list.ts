import { resolve } from 'node:path';
import { isOutdated } from '../../recipes/install.ts';
import { findRecipe, recipeNames } from '../../recipes/library.ts';
import { editedFiles, installedIn } from '../../recipes/record.ts';
import { defineCommand, usageError } from '../command.ts';
import { EXIT } from '../exit.ts';
import { columns, goJson } from '../format.ts';
import { checkFormat } from '../output-format.ts';
import { RECIPE_FLAGS } from './recipe-flags.ts';
import { recipeDirectory } from './recipe-world.ts';

/** `recipe list`: what there is, and what of it is installed. */
export const recipeListCommand = defineCommand({
  name: 'recipe list',
  usage: '[options]',
  examples: [
    ['', 'What there is, and what is installed in /etc/reeve'],
    ['--json', 'The same for a program'],
  ],
  about: [
    'A recipe makes one program follow the cluster: a template, the configuration for it, and the proof that both do what they say. See docs/recipes.md. Needs no agent and no network.',
  ],
  flags: RECIPE_FLAGS,
  order: 'anywhere',
  run: async ({ flags, args }, { out, program }) => {
    const format = checkFormat(flags.format);
    if (args.length > 0) throw usageError('Too many arguments.');
    const directory = resolve(flags['config-dir']);
    const installed = installedIn(directory);
    const recipes = recipeNames(recipeDirectory()).map((name) => findRecipe(recipeDirectory(), name));
    const rows = recipes.map((recipe) => {
      const copies = installed.filter((one) => one.recipe === recipe.name);
      return {
        name: recipe.name,
        what: recipe.summary,
        lists: recipe.lists.statuses,
        installed: copies.map((copy) => ({
          name: copy.name,
          target: copy.target,
          edited: editedFiles(copy).length > 0,
          outdated: isOutdated(recipe, copy, directory),
        })),
      };
    });
    // Copies of recipes that are none of the package's.
    const own = installed.filter(({ recipe }) => !recipes.some(({ name }) => name === recipe));
    if (format === 'json') {
      const more = own.map(({ name, recipe, target }) => ({ name, recipe, target }));
      out.line(goJson({ recipes: rows, others: more }));
      return EXIT.ok;
    }
    // Which members each lists is left to recipe show: this fits a terminal.
    const cells = rows.map(({ name, what, installed: copies }) => [
      name,
      what,
      copies.map(copyText).join(', ') || '-',
    ]);
    out.line(columns([['NAME', 'WHAT FOLLOWS THE CLUSTER', 'INSTALLED'], ...cells]));
    for (const { name, recipe } of own) out.line(`\nAlso installed: ${name}, from ${recipe}`);
    out.line(`\n'${program} recipe show NAME' explains one, '${program} recipe add NAME' installs it.`);
    return EXIT.ok;
  },
});

function copyText(copy: {
  readonly name: string;
  readonly edited: boolean;
  readonly outdated: boolean;
}): string {
  const words = [
    ...(copy.edited ? ['edited'] : []),
    ...(copy.outdated ? ['add again for the newer one'] : []),
  ];
  return words.length === 0 ? copy.name : `${copy.name} (${words.join(', ')})`;
}
