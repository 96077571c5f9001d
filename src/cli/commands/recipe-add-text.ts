import type { InstallPlan, PlannedFile } from '../../recipes/install.ts';
import type { Choice } from '../../recipes/options.ts';
import { notesOf } from '../../recipes/options.ts';
import { unifiedDiff } from '../../render/diff.ts';
import { goJson, type Json } from '../format.ts';
import type { NextStep } from './recipe-world.ts';

/** What `recipe add` tells people and programs. */

const WORDS = {
  new: 'new',
  same: 'as it was',
  ours: 'changed',
  edited: 'written over',
  foreign: 'written over',
} as const;

/** What came of it. */
export interface AddReport {
  readonly plan: InstallPlan;
  readonly choice: Choice;
  readonly written: readonly PlannedFile[];
  /** What it needs and this host lacks: a program, a directory. */
  readonly missing: readonly string[];
  /** The line a sandboxed agent's unit lacks; undefined where nothing is lacking. */
  readonly sandbox: string | undefined;
  readonly next: NextStep;
}

/** For people. */
export function addText(
  { plan, choice, written, missing, sandbox, next }: AddReport,
  program: string,
): string {
  const { recipe, target } = plan;
  if (written.length === 0) {
    return `${plan.name} is installed in ${plan.directory} exactly so already; nothing was written.`;
  }
  const width = Math.max(...written.map(({ path }) => path.length));
  const rows = written.map(({ path, what, standing }) => {
    const kept = standing === 'edited' || standing === 'foreign' ? `; the old one is ${path}.old` : '';
    return `  ${path.padEnd(width)}  ${what}, ${WORDS[standing]}${kept}`;
  });
  const lists = recipe.lists.statuses.join(', ');
  const keeps =
    target === '' ? [] : [`It keeps ${target}${lists === '' ? '' : `, with members that are ${lists}`}.`];
  return [
    'Wrote',
    ...rows,
    '',
    ...keeps,
    ...notesOf(recipe, choice).map((note) => `Once: ${note}`),
    ...missing.map((one) => `Missing: ${one}; the file cannot be kept without it.`),
    ...(sandbox === undefined
      ? []
      : [
          "Once: the agent's systemd unit is sandboxed. Add -systemd to this command, or write a drop-in with",
          `      ${sandbox}`,
        ]),
    '',
    `Next: ${next.command}`,
    `      (${next.why}; then '${program} render -list' shows how it stands)`,
  ].join('\n');
}

/** For programs. */
export function addRecord({ plan, choice, written, missing, next }: AddReport): string {
  const record: Json = {
    name: plan.name,
    recipe: plan.recipe.name,
    target: plan.target,
    files: plan.files.map(({ path, standing }) => ({
      path,
      standing,
      written: written.some((one) => one.path === path),
    })),
    once: notesOf(plan.recipe, choice),
    missing,
    next: next.command,
  };
  return goJson(record);
}

/** What would be written, as differences. */
export function planText({ files }: InstallPlan): string {
  return files
    .map(({ path, bytes, present, standing }) =>
      standing === 'same'
        ? `# ${path} is as it would be written`
        : unifiedDiff(path, present?.toString(), bytes.toString()),
    )
    .join('\n');
}
