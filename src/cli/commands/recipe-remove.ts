import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { JsonObject } from '../../recipes/recipe.ts';
import { installedIn, readRecord } from '../../recipes/record.ts';
import {
  cleanBlock,
  planRemoval,
  type Remains,
  refuseEditedRemoval,
  remainsOf,
  remove,
} from '../../recipes/remove.ts';
import type { RendererSpec } from '../../render/spec.ts';
import { defineCommand, failure, usageError } from '../command.ts';
import { EXIT } from '../exit.ts';
import { goJson } from '../format.ts';
import { checkFormat } from '../output-format.ts';
import { RECIPE_FLAGS } from './recipe-flags.ts';
import { LOADER, type NextStep, nextStep } from './recipe-world.ts';

/** `recipe remove`: undoes `recipe add`. */
export const recipeRemoveCommand = defineCommand({
  name: 'recipe remove',
  usage: '[options] NAME',
  examples: [
    ['hosts', 'Take it out of /etc/reeve'],
    ['-clean hosts', 'And its block out of /etc/hosts'],
    ['-dry-run hosts', 'What would go'],
  ],
  about: [
    'Removes what recipe add wrote. Files that were edited since stay, and so does everything else then, unless -force is given. The file that was kept stays as it is; -clean takes the managed block out of it.',
    'NAME is the name it was installed under.',
  ],
  flags: {
    ...RECIPE_FLAGS,
    clean: { kind: 'bool', doc: 'Also take the managed block out of the file that was kept.' },
    force: { kind: 'bool', doc: 'Remove files that were edited, too.' },
    'dry-run': { kind: 'bool', doc: 'Only say what would go.' },
  },
  order: 'anywhere',
  run: async ({ flags, args }, { out, env, program }) => {
    const format = checkFormat(flags.format);
    const [name, ...more] = args;
    if (name === undefined) throw usageError("Give the name it is installed under; 'recipe list' has it.");
    if (more.length > 0) throw usageError('Too many arguments: give one name.');
    const directory = resolve(flags['config-dir']);
    const installed = readRecord(directory, name);
    if (installed === undefined) {
      const known = installedIn(directory).map((one) => one.name);
      const has = known.length === 0 ? 'no recipe is installed there' : `installed are ${known.join(', ')}`;
      throw failure(`${directory} has no recipe '${name}': ${has}. Another directory goes with -config-dir.`);
    }
    const plan = planRemoval(directory, installed);
    const spec = specOf(directory, name);
    const target = spec?.target ?? installed.target;
    const before = remainsOf(target, spec?.block);
    if (!flags['dry-run'] && !flags.force) refuseEditedRemoval(plan);
    // First: where the block cannot be taken out, everything stays.
    const cleaned =
      flags.clean && !flags['dry-run'] && spec?.block !== undefined
        ? await cleanBlock(target, spec.block, env['PATH'])
        : false;
    if (!flags['dry-run']) remove(plan);
    const remains = cleaned ? 'no-block' : before;
    const next = commandAfter(plan.files, nextStep(program, directory));
    if (format === 'json') {
      out.line(
        goJson({ name, removed: flags['dry-run'] ? [] : plan.files, target, remains, next: next ?? null }),
      );
      return EXIT.ok;
    }
    out.line(
      [flags['dry-run'] ? 'Would remove' : 'Removed', ...plan.files.map((path) => `  ${path}`)].join('\n'),
    );
    if (flags['dry-run'] && plan.edited.length > 0)
      out.line(`Edited, so that it takes -force: ${plan.edited.join(', ')}`);
    out.line(`\n${remainsText(remains, target, cleaned)}`);
    if (flags['dry-run']) return EXIT.ok;
    if (next === undefined) out.line('\nNo running agent reads this directory: there is nothing else to do.');
    else {
      const back = cleaned ? ', and puts the block back when members change' : ' as before';
      out.line(`\nNext: ${next}\n      (until then the agent keeps the file${back})`);
    }
    return EXIT.ok;
  },
});

/** What makes a running agent forget it, and systemd its drop-in; undefined where nobody has to be told. */
function commandAfter(removed: readonly string[], { command, isReload }: NextStep): string | undefined {
  const parts = [
    ...(removed.some((path) => path.startsWith('/etc/systemd/')) ? ['systemctl daemon-reload'] : []),
    ...(isReload ? [command] : []),
  ];
  return parts.length === 0 ? undefined : parts.join(' && ');
}

function specOf(directory: string, name: string): RendererSpec | undefined {
  const path = join(directory, `${name}.json`);
  if (!existsSync(path)) return undefined;
  try {
    return LOADER.renderer(JSON.parse(readFileSync(path, 'utf8')) as JsonObject, name);
  } catch {
    // A handler, or broken by hand: there is no block that we could find.
    return undefined;
  }
}

function remainsText(remains: Remains, target: string, cleaned: boolean): string {
  switch (remains) {
    case 'no-file':
      return target === '' ? 'It kept no file.' : `${target} is not there.`;
    case 'no-block':
      return cleaned
        ? `The block was taken out of ${target}; its other lines are as they were.`
        : `${target} holds nothing of it.`;
    case 'block':
      return `${target} stays as it is, with the block; -clean takes the block out.`;
    case 'damaged':
      return `${target} stays as it is; it cannot be read, or the markers of its block are damaged: mend it by hand.`;
    case 'whole-file':
      return `${target} stays as it is. It was written as a whole: remove it when nothing reads it any more.`;
  }
}
