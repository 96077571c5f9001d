import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findRecipe } from '../../recipes/library.ts';
import { type Recipe, recipeFile } from '../../recipes/recipe.ts';
import { defineCommand, usageError } from '../command.ts';
import { EXIT } from '../exit.ts';
import { characters, columns, goJson, type Json } from '../format.ts';
import { checkFormat, FORMAT_FLAG } from '../output-format.ts';
import { reflowed } from '../reflow.ts';
import { recipeDirectory } from './recipe-world.ts';

const MARGIN = '  ';

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

/** The page; `width` is that of the terminal that shows it, if one does. */
export function shown(recipe: Recipe, install: string, width: number | undefined): readonly string[] {
  const readme = join(recipe.folder, 'README.md');
  const intro = existsSync(readme)
    ? readFileSync(readme, 'utf8').trimEnd()
    : `# ${recipe.name}\n\n${recipe.summary}`;
  const broken = (text: string): string => (width === undefined ? text : reflowed(text, width));
  const { statuses, why } = recipe.lists;
  const required = [...recipe.options].filter(([, option]) => option.default === undefined);
  const files = ['recipe.json', ...recipe.files.values()].map((file) => join(recipe.folder, file));
  return [
    broken(intro),
    '',
    broken(`Lists: ${statuses.join(', ') || 'events as they come'}. ${why}`),
    '',
    ...(recipe.options.size === 0 ? [] : ['Options:', '', optionsText(recipe, width), '']),
    broken(`Files: ${files.join(', ')}`),
    `Install: ${[install, ...required.map(([name]) => optionText(name))].join(' ')}`,
  ];
}

/** A table, or where the terminal is too narrow for one, what each option does beside it and its default below. */
function optionsText({ options }: Recipe, width: number | undefined): string {
  const rows = [...options].map(([name, { what, default: preset }]) => ({
    option: optionText(name),
    preset: preset === undefined ? '(required)' : preset === '' ? '(none)' : preset,
    what,
  }));
  const cells = rows.map(({ option, preset, what }) => [option, preset, what]);
  const table = columns([['OPTION', 'DEFAULT', 'WHAT'], ...cells]).replace(/^/gm, MARGIN);
  if (width === undefined || table.split('\n').every((line) => characters(line) <= width)) return table;
  const column = Math.max(...rows.map(({ option }) => characters(option))) + 2;
  const indent = MARGIN + ' '.repeat(column);
  const beside = (text: string): string =>
    reflowed(text, width - indent.length).replaceAll('\n', `\n${indent}`);
  return rows
    .map(({ option, preset, what }) => {
      const head = MARGIN + option + ' '.repeat(column - characters(option));
      const below = /^\((required|none)\)$/.test(preset) ? preset : `Default: ${preset}`;
      return `${head}${beside(what)}\n${indent}${beside(below)}`;
    })
    .join('\n');
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
