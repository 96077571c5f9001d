import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findRecipe } from '../../recipes/library.ts';
import { type Recipe, recipeFile } from '../../recipes/recipe.ts';
import { defineCommand, usageError } from '../command.ts';
import { EXIT } from '../exit.ts';
import { columns, goJson, type Json } from '../format.ts';
import { checkFormat, FORMAT_FLAG } from '../output-format.ts';
import { reflowed } from '../reflow.ts';
import { recipeDirectory } from './recipe-world.ts';

/** `recipe show`: one recipe, as a person reads it before installing it. */
export const recipeShowCommand = defineCommand({
  name: 'recipe show',
  usage: '[options] NAME',
  examples: [
    ['hosts', 'What it promises, what can be set, which files it has'],
    ['-config hosts', 'The configuration it would add'],
  ],
  about: ['NAME is one of recipe list, or the folder of a recipe of your own, such as ./mine.'],
  flags: {
    config: { kind: 'bool', doc: 'Also show its files: the template and the configuration.' },
    format: FORMAT_FLAG,
  },
  order: 'anywhere',
  run: async ({ flags, args }, { out, program, screen }) => {
    const format = checkFormat(flags.format);
    const [name, ...more] = args;
    if (name === undefined) throw usageError("Give the name of a recipe; 'recipe list' has them.");
    if (more.length > 0) throw usageError('Too many arguments: give the name of one recipe.');
    const recipe = findRecipe(recipeDirectory(), name);
    if (format === 'json') {
      out.line(goJson(record(recipe)));
      return EXIT.ok;
    }
    const width = screen.interactive ? screen.size().columns : undefined;
    out.line(shown(recipe, `${program} recipe add ${name}`, width).join('\n'));
    if (flags.config) out.line(filesText(recipe));
    return EXIT.ok;
  },
});

/** `width` is that of the terminal that shows it, if one does. */
function shown(recipe: Recipe, install: string, width: number | undefined): readonly string[] {
  const readme = join(recipe.folder, 'README.md');
  const intro = existsSync(readme)
    ? readFileSync(readme, 'utf8').trimEnd()
    : `# ${recipe.name}\n\n${recipe.summary}`;
  const broken = (text: string): string => (width === undefined ? text : reflowed(text, width));
  const { statuses, why } = recipe.lists;
  const options = [...recipe.options].map(([name, { what, default: preset }]) => [
    `  ${optionText(name)}`,
    preset === undefined ? '(required)' : preset === '' ? '(none)' : preset,
    what,
  ]);
  // The columns' first cell is trimmed; the margin is put back in front of each line.
  const table = columns([['OPTION', 'DEFAULT', 'WHAT'], ...options]).replace(/^/gm, '  ');
  return [
    broken(intro),
    '',
    broken(`Lists: ${statuses.join(', ') || 'events as they come'}. ${why}`),
    '',
    ...(options.length === 0 ? [] : ['Options:', '', table, '']),
    `Files: ${['recipe.json', ...recipe.files.values()].map((file) => join(recipe.folder, file)).join(', ')}`,
    `Install: ${install}`,
  ];
}

function optionText(name: string): string {
  return name === 'target' ? '-target=PATH' : `-set ${name}=…`;
}

function filesText(recipe: Recipe): string {
  const config = {
    ...(recipe.renderer && { renderer: recipe.renderer }),
    ...(recipe.handler && { handler: recipe.handler }),
  };
  const files = [...recipe.files.values()].map(
    (file) => `\n--- ${file}\n${recipeFile(recipe, file).toString('utf8').trimEnd()}`,
  );
  return [
    ...files,
    `\n--- configuration, with $option where a value goes\n${JSON.stringify(config, null, 2)}`,
  ].join('\n');
}

function record(recipe: Recipe): Json {
  return {
    name: recipe.name,
    summary: recipe.summary,
    lists: recipe.lists,
    options: Object.fromEntries(
      [...recipe.options].map(([name, { what, grammar, default: preset }]) => [
        name,
        { what, grammar, default: preset ?? null },
      ]),
    ),
    files: [...recipe.files.values()],
    folder: recipe.folder,
    writable: recipe.writable,
    checker:
      recipe.checker === undefined ? null : { argv: recipe.checker.argv, package: recipe.checker.package },
    notes: recipe.notes.map(({ text }) => text),
  };
}
