import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LOADER, recipeDirectory } from '../../../src/cli/commands/recipe-world.ts';
import { findProgram } from '../../../src/recipes/checker.ts';
import { findRecipe, recipeNames } from '../../../src/recipes/library.ts';
import { fragmentOf } from '../../../src/recipes/options.ts';
import { templateText } from '../../../src/recipes/run-fixture.ts';
import { testInstalled, testRecipe } from '../../../src/recipes/test-recipe.ts';

/** Every folder here is a recipe, but these. */
const OTHERS = ['scripts'];

const names = recipeNames(recipeDirectory());
const path = process.env['PATH'];

/** The program that checks a recipe's files, if it has one and that is not here. */
function missingChecker(name: string): string | undefined {
  const { checker } = findRecipe(recipeDirectory(), name);
  const [program = ''] = checker?.argv ?? [];
  if (checker === undefined || findProgram(program, path) !== undefined) return undefined;
  return `${program} (on Debian: apt-get install --no-install-recommends ${checker.package})`;
}

describe('the recipes of the package', () => {
  test('are all folders but the scripts', () => {
    const folders = readdirSync(recipeDirectory(), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !OTHERS.includes(entry.name))
      .map((entry) => entry.name);
    expect([...names].sort()).toEqual(folders.sort());
  });

  test.each(names)('%s does not need its program to run before it has a file', (name) => {
    const presets = [...findRecipe(recipeDirectory(), name).options.values()].map((option) => option.default);
    // `systemctl reload` of a unit that does not run fails, and the file would be taken back.
    expect(presets).not.toContainEqual(expect.stringMatching(/^systemctl reload /));
  });

  test.each(names)(
    '%s renders every fixture as promised, and its program accepts each file',
    async (name) => {
      const report = await testRecipe({
        recipe: findRecipe(recipeDirectory(), name),
        load: LOADER,
        path,
      });
      const problems = report.fixtures.flatMap(({ fixture, problems }) =>
        problems.map((one) => `${fixture}: ${one}`),
      );
      expect(problems).toEqual([]);
      expect(report.ok).toBe(true);
    },
  );

  // Their files are pieces of an operator's own, so that options of a copy must fit what stands around them.
  test.each([
    ['haproxy', {}],
    ['haproxy', { backend: 'app', mode: 'tcp', bind: ':8081' }],
  ])('%s installed with %j is accepted by its program, too', async (name, options) => {
    const recipe = findRecipe(recipeDirectory(), name);
    const choice = { values: new Map(Object.entries(options)), tags: undefined };
    const fragment = fragmentOf({ recipe, name, directory: '/etc/reeve', choice });
    const record = { name, recipe: name, choice, target: '', files: new Map<string, string>() };
    const copy = { ...record, directory: '/etc/reeve', fragment, template: templateText(recipe) };
    const report = await testInstalled({ recipe, load: LOADER, path }, copy);
    expect(report.fixtures.flatMap(({ problems }) => problems)).toEqual([]);
  });

  test.each(names)('%s has a page of one screen that shows how to install it', (name) => {
    const { folder, summary } = findRecipe(recipeDirectory(), name);
    expect(readdirSync(folder)).toContain('README.md');
    const page = readFileSync(join(folder, 'README.md'), 'utf8');
    expect(page.split('\n').length).toBeLessThanOrEqual(45);
    expect(page).toContain(`agent recipe add ${name}`);
    expect(summary.length).toBeLessThanOrEqual(60);
  });
});

describe('the programs that check them', () => {
  test.each(names.map((name) => [name, missingChecker(name)] as const))('%s', (name, missing) => {
    if (missing === undefined) return;
    process.stdout.write(
      `     SKIPPED  files of the recipe ${name} were not checked: there is no ${missing}\n`,
    );
    expect(process.env['REEVE_REQUIRE_INTEROP'] === '1' ? `missing: ${missing}` : '').toBe('');
  });
});
