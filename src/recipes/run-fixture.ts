import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { CodedError } from '../base/errors.ts';
import type { LeftOut } from '../policy/view.ts';
import { select } from '../policy/view.ts';
import { compose, holdsContent } from '../render/compose.ts';
import { unifiedDiff } from '../render/diff.ts';
import type { RendererSpec } from '../render/spec.ts';
import { compileTemplate } from '../render/template.ts';
import type { Fixture } from './fixtures.ts';
import { type JsonObject, type Recipe, recipeFile } from './recipe.ts';

/** Reads the renderer `name` of a piece of configuration, as an agent would. */
export type RendererLoader = (fragment: JsonObject, name: string) => RendererSpec;

/** What a renderer or handler made of a fixture. */
export interface Outcome {
  readonly bytes: Buffer;
  readonly leftOut: readonly LeftOut[];
  readonly held: boolean;
}

/**
 * Renders a fixture as an agent does: filter, guards of a small view, template, block.
 *
 * @throws CodedError of the template or the block
 */
export function renderFixture(spec: RendererSpec, template: string, fixture: Fixture): Outcome {
  const { members, leftOut } = select(fixture.members, spec.policy.filter, fixture.self.name);
  const present = fixture.before;
  const { allowEmpty, minMembers } = spec.policy.guards;
  const isEmptied = members.length === 0 && !allowEmpty && holdsContent(spec, present);
  if (isEmptied || members.length < minMembers) {
    return { bytes: present ?? Buffer.alloc(0), leftOut, held: true };
  }
  const composed = compose({
    spec,
    template: compileTemplate(basename(spec.template), template),
    self: fixture.self,
    members,
    present,
  });
  return { bytes: composed.bytes, leftOut: [...leftOut, ...composed.leftOut], held: false };
}

/** The outcome with what differs each time as `…`. */
export function masked({ mask }: Fixture, outcome: Outcome): Outcome {
  if (mask === undefined) return outcome;
  return { ...outcome, bytes: Buffer.from(outcome.bytes.toString().replace(mask, '…')) };
}

/** Compares with the golden file, the members left out, and whether a guard was to hold. */
export function judge(fixture: Fixture, outcome: Outcome): readonly string[] {
  const problems: string[] = [];
  if (outcome.held !== fixture.held) {
    problems.push(outcome.held ? 'a guard holds, which was not expected' : 'no guard holds, and one should');
  }
  problems.push(...leftOutProblems(fixture, outcome.leftOut));
  if (!existsSync(fixture.expectedPath)) {
    problems.push(
      `there is no ${basename(fixture.expectedPath)}; 'recipe test -update' writes it for you to read`,
    );
    return problems;
  }
  const expected = readFileSync(fixture.expectedPath);
  if (!expected.equals(outcome.bytes)) {
    problems.push(unifiedDiff(basename(fixture.expectedPath), expected.toString(), outcome.bytes.toString()));
  }
  return problems;
}

function leftOutProblems({ leftOut: expected }: Fixture, leftOut: readonly LeftOut[]): readonly string[] {
  const problems: string[] = [];
  for (const { name, why } of leftOut) {
    const part = expected.get(name);
    if (part === undefined) problems.push(`${JSON.stringify(name)} is left out, and should not be: ${why}`);
    else if (!why.includes(part)) {
      problems.push(`${JSON.stringify(name)} is left out for another reason: ${why} (expected: ${part})`);
    }
  }
  for (const name of expected.keys()) {
    if (!leftOut.some((one) => one.name === name)) problems.push(`${JSON.stringify(name)} is not left out`);
  }
  return problems;
}

/** The text of the recipe's template. */
export function templateText(recipe: Recipe): string {
  const file = recipe.files.get('template');
  if (file === undefined)
    throw new CodedError('ERR_RECIPE', `recipe ${recipe.name}: 'files' has no 'template'`);
  return recipeFile(recipe, file).toString('utf8');
}

/** Writes the golden file as it came out, for its author to read and keep. */
export function updateExpected(fixture: Fixture, bytes: Uint8Array): void {
  writeFileSync(fixture.expectedPath, bytes);
}
