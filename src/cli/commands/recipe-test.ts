import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CodedError, messageOf } from '../../base/errors.ts';
import { findRecipe, isFolder, recipeNames } from '../../recipes/library.ts';
import { installedPath } from '../../recipes/options.ts';
import type { JsonObject } from '../../recipes/recipe.ts';
import { type Installed, installedIn } from '../../recipes/record.ts';
import { type TestReport, type TestRequest, testInstalled, testRecipe } from '../../recipes/test-recipe.ts';
import { type CommandContext, defineCommand, usageError } from '../command.ts';
import { EXIT } from '../exit.ts';
import { goJson, type Json } from '../format.ts';
import { checkFormat } from '../output-format.ts';
import { reflowed } from '../reflow.ts';
import { palette } from '../style.ts';
import { RECIPE_FLAGS } from './recipe-flags.ts';
import { LOADER, recipeDirectory } from './recipe-world.ts';

const MARGIN = '      ';

/** `recipe test`: whether recipes, and what was made of them, do what they say. */
export const recipeTestCommand = defineCommand({
  name: 'recipe test',
  usage: '[options] [NAME...]',
  examples: [
    ['', 'All recipes, and all that are installed'],
    ['hosts', 'One, and its installed copies'],
    ['-verbose haproxy', 'Every fixture, and what it shows'],
    ['./mine -update', 'Your own: write the expected files as they come out'],
  ],
  about: [
    'Each recipe has fixtures: members, and the file that must come out of them. They are rendered and compared, and the program that reads such a file is asked about each where it is installed.',
    'An installed copy is tested with its options and your edits: it must render, its program must accept it, and it may list nobody whom the recipe leaves out. Exits 1 if anything is wrong. Nothing outside a temporary directory is written.',
  ],
  flags: {
    ...RECIPE_FLAGS,
    verbose: { kind: 'bool', doc: 'Show every fixture, and how an edited copy differs.' },
    update: { kind: 'bool', doc: 'Write the expected files of a recipe given by its folder.' },
  },
  order: 'anywhere',
  run: async ({ flags, args }, context) => {
    const format = checkFormat(flags.format);
    if (flags.update && (args.length === 0 || !args.every(isFolder))) {
      throw usageError('-update goes with the folder of a recipe, such as ./mine.');
    }
    const reports = await tests(args, resolve(flags['config-dir']), flags.update, context);
    if (format === 'json') context.out.line(goJson({ recipes: reports.map(record) }));
    else for (const report of reports) show(report, flags.verbose, context);
    const failed = reports.filter(({ ok }) => !ok).length;
    if (format !== 'json') {
      context.out.line(
        failed === 0 ? `\n${reports.length} tested, all good.` : `\n${failed} of ${reports.length} failed.`,
      );
    }
    return failed === 0 ? EXIT.ok : EXIT.error;
  },
});

async function tests(
  words: readonly string[],
  directory: string,
  update: boolean,
  { env }: CommandContext,
): Promise<readonly TestReport[]> {
  const installed = installedIn(directory);
  const reports: TestReport[] = [];
  const recipes = (words.length === 0 ? recipeNames(recipeDirectory()) : words)
    .filter((word) => !installed.some(({ name, recipe }) => name === word && recipe !== word))
    .map((word) => ({ recipe: findRecipe(recipeDirectory(), word), isOwn: isFolder(word) }));
  const base = { load: LOADER, path: env['PATH'] };
  for (const one of recipes) reports.push(await testRecipe({ ...base, ...one, update }));
  const named = (copy: Installed): boolean =>
    words.length === 0 || words.includes(copy.name) || words.includes(copy.recipe);
  for (const copy of installed.filter(named)) reports.push(await testCopy(copy, directory, base));
  return reports;
}

/** An installed copy's report; one that cannot even be read has failed, and the others are tested all the same. */
async function testCopy(
  copy: Installed,
  directory: string,
  base: Pick<TestRequest, 'load' | 'path'>,
): Promise<TestReport> {
  try {
    const recipe = findRecipe(recipeDirectory(), copy.recipe);
    const template = recipe.files.get('template');
    const files = {
      fragment: readCopy(join(directory, `${copy.name}.json`), (text) => JSON.parse(text) as JsonObject),
      template:
        template === undefined ? '' : readCopy(installedPath(directory, copy.name, template), (text) => text),
    };
    return await testInstalled({ ...base, recipe }, { ...copy, ...files, directory });
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const problem = { fixture: 'files', what: 'what is installed can be read', problems: [error.message] };
    const checker = { status: 'none', text: 'there is nothing to check' } as const;
    return {
      name: copy.name,
      installed: copy.recipe,
      ok: false,
      fixtures: [problem],
      checker,
      lacks: [],
      differences: [],
    };
  }
}

function readCopy<T>(path: string, parse: (text: string) => T): T {
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const again = "'recipe add' writes it again";
    throw new CodedError('ERR_RECIPE', `${path}: ${messageOf(error)}; ${again}`, { cause: error });
  }
}

function show(report: TestReport, verbose: boolean, { out, screen }: CommandContext): void {
  const paint = palette(screen.colours);
  const { checker, fixtures } = report;
  const name =
    report.installed === undefined ? report.name : `${report.name} (installed, from ${report.installed})`;
  const mark = report.ok ? paint.green('ok  ') : paint.red('FAIL');
  const skipped = checker.status === 'skipped';
  const words = {
    accepted: checker.text,
    refused: checker.text,
    none: `no checker: ${checker.text}`,
    skipped: 'checker SKIPPED',
  };
  const count = fixtures.length === 1 ? '1 fixture' : `${fixtures.length} fixtures`;
  const line = `${name}: ${count}, ${words[checker.status]}`;
  const body = screen.interactive ? reflowed(line, screen.size().columns - MARGIN.length) : line;
  const rest = body.slice(name.length).replaceAll('\n', `\n${MARGIN}`);
  out.line(`${mark}  ${paint.bold(body.slice(0, name.length))}${rest}`);
  for (const { fixture, what, problems } of fixtures) {
    if (verbose || problems.length > 0)
      out.line(`      ${problems.length === 0 ? 'ok  ' : paint.red('FAIL')}  ${fixture}: ${what}`);
    for (const problem of problems) out.line(problem.replace(/^/gm, '            '));
  }
  if (report.lacks.length > 0) out.line(`      it has none of these: ${report.lacks.join(', ')}`);
  if (report.differences.length > 0) {
    out.line(
      `      ${report.differences.length} of them come out otherwise than with the recipe as shipped${verbose ? ':' : ' (-verbose shows how)'}`,
    );
    if (verbose) for (const diff of report.differences) out.line(diff.replace(/^/gm, '      '));
  }
  if (skipped)
    out.error(`${paint.yellow('SKIPPED')}: the checker of ${report.name} was not run: ${checker.text}`);
}

function record({ name, installed, ok, fixtures, checker, lacks, differences }: TestReport): Json {
  return {
    name,
    installed: installed ?? null,
    ok,
    fixtures: fixtures.map(({ fixture, what, problems }) => ({ fixture, what, problems })),
    checker,
    lacks,
    differences,
  };
}
