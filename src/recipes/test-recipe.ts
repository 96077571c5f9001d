import { CodedError, messageOf } from '../base/errors.ts';
import { unifiedDiff } from '../render/diff.ts';
import type { RendererSpec } from '../render/spec.ts';
import { checkFile, findProgram } from './checker.ts';
import { type Fixture, REQUIRED_FIXTURES, readFixtures } from './fixtures.ts';
import { type Choice, fragmentOf } from './options.ts';
import type { JsonObject, Recipe } from './recipe.ts';
import type { Installed } from './record.ts';
import {
  judge,
  type Outcome,
  type RendererLoader,
  renderFixture,
  templateText,
  updateExpected,
} from './run-fixture.ts';

/** What `recipe test` is given. */
export interface TestRequest {
  readonly recipe: Recipe;
  readonly load: RendererLoader;
  /** The search path for checkers. */
  readonly path: string | undefined;
  /** Writes golden files as they come out instead of comparing. */
  readonly update?: boolean;
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
  /** How an edited copy differs from the recipe, for information. */
  readonly differences: readonly string[];
}

/** Where recipes are installed while they are tested: nothing is written there. */
const NOWHERE = '/etc/reeve';

/** Runs all fixtures of a recipe, and the program that reads such files on each result. */
export async function testRecipe(request: TestRequest): Promise<TestReport> {
  const { recipe, load } = request;
  const template = templateText(recipe);
  const run = (fixture: Fixture): Tried => {
    const outcome = renderFixture(specOf(recipe, fixture.choice, load), template, fixture);
    if (request.update === true) updateExpected(fixture, outcome.bytes);
    return { outcome, problems: judge(fixture, outcome) };
  };
  const fixtures = readFixtures(recipe);
  const missing = REQUIRED_FIXTURES.filter((name) => !fixtures.some((one) => one.name === name));
  const report = await tested(request, fixtures, run);
  const lacking = missing.map((name) => ({
    fixture: name,
    what: 'required of every recipe',
    problems: ['there is none'],
  }));
  return {
    ...report,
    name: recipe.name,
    installed: undefined,
    ok: report.ok && missing.length === 0,
    fixtures: [...report.fixtures, ...lacking],
  };
}

/**
 * Runs the fixtures on an installed copy, with its options and edits. It must render each, its program must accept each,
 * and it may list nobody whom the recipe leaves out; other differences are shown and are the operator's own.
 */
export async function testInstalled(
  request: TestRequest,
  copy: Installed & { readonly fragment: JsonObject; readonly template: string },
): Promise<TestReport> {
  const { recipe, load } = request;
  const differences: string[] = [];
  const shipped = templateText(recipe);
  const run = (fixture: Fixture): Tried => {
    const asShipped: Choice = { values: copy.choice.values, tags: undefined };
    const theirs = specOf(recipe, asShipped, load);
    const mine = load(copy.fragment, copy.name);
    // Members are chosen as the recipe does: tags of this cluster are not those of the fixtures.
    const filter = { ...mine.policy.filter, tags: theirs.policy.filter.tags };
    const outcome = renderFixture({ ...mine, policy: { ...mine.policy, filter } }, copy.template, fixture);
    const reference = renderFixture({ ...theirs, block: mine.block }, shipped, fixture);
    const diff = unifiedDiff(
      `${copy.name} (${fixture.name})`,
      reference.bytes.toString(),
      outcome.bytes.toString(),
    );
    if (diff !== '') differences.push(diff);
    const listed = reference.leftOut.filter(({ name }) => !outcome.leftOut.some((one) => one.name === name));
    return {
      outcome,
      problems: listed.map(
        ({ name, why }) => `it lists ${JSON.stringify(name)}, which the recipe leaves out: ${why}`,
      ),
    };
  };
  const report = await tested(request, readFixtures(recipe), run);
  return { ...report, name: copy.name, installed: recipe.name, differences };
}

interface Tried {
  readonly outcome: Outcome;
  readonly problems: readonly string[];
}

async function tested(
  { recipe, load, path }: TestRequest,
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
      if (program !== undefined) {
        const target = specOf(recipe, fixture.choice, load).target;
        const complaint = await checkFile(recipe, target.split('/').at(-1) ?? 'file', outcome.bytes, path);
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

function specOf(recipe: Recipe, choice: Choice, load: RendererLoader): RendererSpec {
  return load(fragmentOf({ recipe, name: recipe.name, directory: NOWHERE, choice }), recipe.name);
}

/**
 * Renders everybody of the fixture `many`, so that what cannot be rendered with these options is found before it is
 * installed.
 *
 * @throws CodedError
 */
export function tryOut(recipe: Recipe, choice: Choice, load: RendererLoader): void {
  const spec = specOf(recipe, choice, load);
  const template = templateText(recipe);
  for (const fixture of readFixtures(recipe)) {
    if (fixture.name === 'many' || fixture.name === 'one') renderFixture(spec, template, fixture);
  }
}
