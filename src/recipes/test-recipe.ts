import { basename, join } from 'node:path';
import { CodedError, messageOf } from '../base/errors.ts';
import { unifiedDiff } from '../render/diff.ts';
import { checkFile, findProgram } from './checker.ts';
import { type Fixture, REQUIRED_FIXTURES, readFixtures } from './fixtures.ts';
import { type Choice, fragmentOf, installedPath, optionValues } from './options.ts';
import type { JsonObject, Recipe } from './recipe.ts';
import type { Installed } from './record.ts';
import {
  judge,
  masked,
  type Outcome,
  type RendererLoader,
  renderFixture,
  templateText,
  updateExpected,
} from './run-fixture.ts';
import { type HandlerLoader, runHandlerFixture } from './run-handler.ts';

/** Reads pieces of configuration with the agent's own reader. */
export interface Loader {
  readonly renderer: RendererLoader;
  readonly handler: HandlerLoader;
}

/** What `recipe test` is given. */
export interface TestRequest {
  readonly recipe: Recipe;
  readonly load: Loader;
  /** The search path for programs. */
  readonly path: string | undefined;
  /** Writes golden files as they come out instead of comparing. */
  readonly update?: boolean;
  /** A recipe of one's own may do without some of the fixtures that those of the package have. */
  readonly isOwn?: boolean;
}

/** One fixture's verdict. */
export interface FixtureReport {
  readonly fixture: string;
  readonly what: string;
  /** Empty when all is well; the first line of each says what is wrong. */
  readonly problems: readonly string[];
}

/** A recipe's, or an installed copy's. */
export interface TestReport {
  /** The recipe, or the name it is installed under. */
  readonly name: string;
  /** Which recipe an installed copy came from; undefined for the recipe itself. */
  readonly installed: string | undefined;
  readonly ok: boolean;
  readonly fixtures: readonly FixtureReport[];
  /** What the program said: how many files it accepted, or why it was not asked. */
  readonly checker: { readonly status: 'accepted' | 'refused' | 'skipped' | 'none'; readonly text: string };
  /** Fixtures that recipes of the package have and this one has not. */
  readonly lacks: readonly string[];
  /** How an edited copy differs from the recipe, for information. */
  readonly differences: readonly string[];
}

/** Where recipes are installed while they are tested: nothing is written there. */
const NOWHERE = '/etc/reeve';

interface Tried {
  readonly outcome: Outcome;
  readonly problems: readonly string[];
}

/** Runs all fixtures of a recipe, and the program that reads such files on each result. */
export async function testRecipe(request: TestRequest): Promise<TestReport> {
  const { recipe } = request;
  const run = (fixture: Fixture): Tried => {
    const outcome = masked(fixture, asShipped(request, fixture, fixture.choice));
    if (request.update === true) updateExpected(fixture, outcome.bytes);
    return { outcome, problems: judge(fixture, outcome) };
  };
  const fixtures = readFixtures(recipe);
  const report = await tested(request, fixtures, run);
  const lacks = REQUIRED_FIXTURES.filter((name) => !fixtures.some((one) => one.name === name));
  const missing = (request.isOwn === true ? [] : lacks).map((name) => ({
    fixture: name,
    what: 'required of every recipe',
    problems: ['there is none'],
  }));
  return {
    ...report,
    name: recipe.name,
    installed: undefined,
    ok: report.ok && missing.length === 0,
    fixtures: [...report.fixtures, ...missing],
    lacks,
  };
}

/** What is installed under a name, as its files are now. */
export interface InstalledCopy extends Installed {
  readonly directory: string;
  readonly fragment: JsonObject;
  /** The template; empty for a handler. */
  readonly template: string;
}

/**
 * Runs the fixtures on an installed copy, with its options and edits. It must render each, its program must accept each,
 * and it may list nobody whom the recipe leaves out; other differences are shown and are the operator's own.
 */
export async function testInstalled(request: TestRequest, copy: InstalledCopy): Promise<TestReport> {
  const { recipe } = request;
  const differences: string[] = [];
  const run = (fixture: Fixture): Tried => {
    const reference = asShipped(request, fixture, { values: copy.choice.values, tags: undefined }, copy);
    const outcome = asInstalled(request, fixture, copy);
    const name = `${copy.name} (${fixture.name})`;
    const texts = [reference, outcome].map((one) => masked(fixture, one).bytes.toString());
    const diff = unifiedDiff(name, texts[0], texts[1] ?? '');
    if (diff !== '') differences.push(diff);
    const listed = reference.leftOut.filter(
      (known) => !outcome.leftOut.some(({ name }) => name === known.name),
    );
    const problems = listed.map(
      ({ name, why }) => `it lists ${JSON.stringify(name)}, which the recipe leaves out: ${why}`,
    );
    return { outcome, problems };
  };
  const report = await tested(request, readFixtures(recipe), run);
  return { ...report, name: copy.name, installed: recipe.name, differences };
}

/** What the recipe makes of a fixture with these options; blocks with the markers of `copy`. */
function asShipped(request: TestRequest, fixture: Fixture, choice: Choice, copy?: InstalledCopy): Outcome {
  const { recipe, load, path } = request;
  const fragment = fragmentOf({ recipe, name: recipe.name, directory: NOWHERE, choice });
  if (recipe.renderer !== undefined) {
    const spec = load.renderer(fragment, recipe.name);
    const block = copy === undefined ? spec.block : load.renderer(copy.fragment, copy.name).block;
    return renderFixture({ ...spec, block }, templateText(recipe), fixture);
  }
  const spec = load.handler(fragment, recipe.name);
  const files = new Map(
    [...recipe.files.values()].map((file) => [
      installedPath(NOWHERE, recipe.name, file),
      join(recipe.folder, file),
    ]),
  );
  const bytes = runHandlerFixture({ spec, target: targetOf(recipe, choice), files, path }, fixture);
  return { bytes, leftOut: [], held: false };
}

function asInstalled({ recipe, load, path }: TestRequest, fixture: Fixture, copy: InstalledCopy): Outcome {
  if (recipe.renderer !== undefined) {
    const mine = load.renderer(copy.fragment, copy.name);
    // Members are chosen as the recipe does: tags of this cluster are not those of the fixtures.
    const tags = copy.choice.tags === undefined ? mine.policy.filter.tags : shippedTags(recipe, load, copy);
    const filter = { ...mine.policy.filter, tags };
    return renderFixture({ ...mine, policy: { ...mine.policy, filter } }, copy.template, fixture);
  }
  const spec = load.handler(copy.fragment, copy.name);
  const paths = [...recipe.files.values()].map((file) => installedPath(copy.directory, copy.name, file));
  const files = new Map(paths.map((file) => [file, file]));
  return {
    bytes: runHandlerFixture({ spec, target: copy.target, files, path }, fixture),
    leftOut: [],
    held: false,
  };
}

function shippedTags(recipe: Recipe, load: Loader, copy: InstalledCopy) {
  const choice = { values: copy.choice.values, tags: undefined };
  const fragment = fragmentOf({ recipe, name: recipe.name, directory: NOWHERE, choice });
  return load.renderer(fragment, recipe.name).policy.filter.tags;
}

function targetOf(recipe: Recipe, choice: Choice): string {
  return optionValues(recipe, choice).get('target') ?? '';
}

async function tested(
  { recipe, path }: TestRequest,
  fixtures: readonly Fixture[],
  run: (fixture: Fixture) => Tried,
): Promise<Omit<TestReport, 'name' | 'installed'>> {
  const { checker } = recipe;
  const program = checker === undefined ? undefined : findProgram(checker.argv[0] ?? '', path);
  const reports: FixtureReport[] = [];
  let accepted = 0;
  let refused = 0;
  for (const fixture of fixtures) {
    const problems: string[] = [];
    try {
      const { outcome, problems: found } = run(fixture);
      problems.push(...found);
      // A guard that keeps the file away leaves the program nothing to read.
      const isThere = !outcome.held || fixture.before !== undefined;
      if (program !== undefined && isThere) {
        const name = basename(targetOf(recipe, fixture.choice)) || 'file';
        const complaint = await checkFile(recipe, name, outcome.bytes, path);
        if (complaint === undefined) accepted += 1;
        else {
          refused += 1;
          problems.push(complaint);
        }
      }
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      problems.push(messageOf(error));
    }
    reports.push({ fixture: fixture.name, what: fixture.what, problems });
  }
  return {
    ok: reports.every(({ problems }) => problems.length === 0),
    fixtures: reports,
    checker: verdict(recipe, program, accepted, refused),
    lacks: [],
    differences: [],
  };
}

function verdict(
  { checker, unchecked }: Recipe,
  program: string | undefined,
  accepted: number,
  refused: number,
): TestReport['checker'] {
  if (checker === undefined) return { status: 'none', text: unchecked };
  if (program === undefined) {
    return {
      status: 'skipped',
      text: `${checker.argv[0]} is not installed (Debian: apt-get install --no-install-recommends ${checker.package})`,
    };
  }
  const text = `${checker.argv[0]} accepted ${accepted} of ${accepted + refused} files`;
  return { status: refused === 0 ? 'accepted' : 'refused', text };
}

/**
 * Renders those fixtures that nothing is wrong with, so that what cannot be rendered with these options is found before
 * it is installed.
 *
 * @throws CodedError
 */
export function tryOut(request: TestRequest, choice: Choice): void {
  for (const fixture of readFixtures(request.recipe)) {
    if (fixture.name === 'many' || fixture.name === 'one') asShipped(request, fixture, choice);
  }
}
