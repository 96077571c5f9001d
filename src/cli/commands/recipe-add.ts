import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import {
  type InstallPlan,
  install,
  type PlannedFile,
  planInstall,
  refuseEdited,
} from '../../recipes/install.ts';
import { findRecipe, isFolder } from '../../recipes/library.ts';
import type { Choice } from '../../recipes/options.ts';
import type { Recipe } from '../../recipes/recipe.ts';
import { readRecord } from '../../recipes/record.ts';
import { tryOut } from '../../recipes/test-recipe.ts';
import { unifiedDiff } from '../../render/diff.ts';
import { type CommandContext, defineCommand, readTags, usageError } from '../command.ts';
import { EXIT } from '../exit.ts';
import { goJson } from '../format.ts';
import { checkFormat } from '../output-format.ts';
import { RECIPE_FLAGS } from './recipe-flags.ts';
import {
  hasUnit,
  LOADER,
  type NextStep,
  nextStep,
  recipeDirectory,
  refuseBadConfig,
} from './recipe-world.ts';

const FLAGS = {
  ...RECIPE_FLAGS,
  target: { kind: 'text', value: 'path', doc: 'The file to keep; each recipe has a usual one.' },
  tag: {
    kind: 'list',
    value: 'key=value',
    doc: 'List members with this tag only, instead of those the recipe lists; the value is a regular expression of the whole value. Can be given several times.',
  },
  set: {
    kind: 'list',
    value: 'option=value',
    doc: "Set an option of the recipe; 'recipe show NAME' has them.",
  },
  name: { kind: 'text', value: 'name', doc: 'Install it under this name. Default: that of the recipe.' },
  systemd: {
    kind: 'bool',
    doc: 'Also write the drop-in that lets the agent of packaging/reeve.service, which is sandboxed, write the file.',
  },
  force: { kind: 'bool', doc: 'Write over files that somebody edited; they are kept as FILE.old.' },
  'dry-run': { kind: 'bool', doc: 'Only show what would be written.' },
} as const;

/** Where an administrator's additions to the unit of packaging/ belong. */
const DROP_INS = '/etc/systemd/system/reeve.service.d';

/** `recipe add`: from nothing to a file that follows the cluster. */
export const recipeAddCommand = defineCommand({
  name: 'recipe add',
  usage: '[options] NAME',
  examples: [
    ['hosts', 'Keep /etc/hosts, with the configuration in /etc/reeve'],
    ['haproxy -tag role=app -set port=8080', 'Another role, another port'],
    ['hosts -config-dir ./conf -target ./hosts', 'Somewhere else, to try it'],
    ['-dry-run hosts', 'What it would write'],
  ],
  about: [
    'Writes the template and the configuration of a recipe into the configuration directory of the agent, and says the one command that is left to do. What it writes is yours to edit: it is never written over without -force.',
    "The outcome is checked by the agent's own reader first; where an agent would not start with it, nothing is written. Needs no agent and no network.",
  ],
  flags: FLAGS,
  order: 'anywhere',
  run: async ({ flags, args }, context) => {
    const format = checkFormat(flags.format);
    const [word, ...more] = args;
    if (word === undefined) throw usageError("Give the name of a recipe; 'recipe list' has them.");
    if (more.length > 0)
      throw usageError(`Too many arguments: '${more[0]}'. Options of the recipe go with -set.`);
    const recipe = findRecipe(recipeDirectory(), word);
    const name = flags.name === '' ? recipe.name : flags.name;
    const source = isFolder(word) ? recipe.folder : recipe.name;
    const directory = resolve(flags['config-dir']);
    const choice = over(chosenBefore(directory, name, source), choiceOf(flags));
    const request = { recipe, source, name, directory, choice };
    const first = planInstall(request);
    const dropIn = dropInOf(recipe, first);
    const plan = flags.systemd && dropIn !== undefined ? planInstall({ ...request, extra: [dropIn] }) : first;
    await refuseWhatWouldNotWork(recipe, plan, choice, context);
    if (flags['dry-run']) return showPlan(plan, format, context);
    if (!flags.force) refuseEdited(plan);
    const written = await install(plan);
    const next = nextOf(plan, context.program, flags.systemd && written.length > 0);
    if (format === 'json') context.out.line(goJson(record(plan, written, next)));
    else {
      const needs = flags.systemd || !hasUnit() ? undefined : dropIn?.text;
      context.out.line(report(plan, written, next, needs, context.program).join('\n'));
    }
    return EXIT.ok;
  },
});

type Flags = Parameters<(typeof recipeAddCommand)['run']>[0]['flags'];

function choiceOf(flags: Flags): Choice {
  const values = readOptions(flags.set);
  if (flags.target !== '') values.set('target', flags.target);
  return { values, tags: flags.tag.length === 0 ? undefined : readTags(flags.tag) };
}

/** What was chosen when it was installed before: to say it again is to keep it. */
function chosenBefore(directory: string, name: string, source: string): Choice | undefined {
  const known = readRecord(directory, name);
  return known?.recipe === source ? known.choice : undefined;
}

function over(before: Choice | undefined, { values, tags }: Choice): Choice {
  return { values: new Map([...(before?.values ?? []), ...values]), tags: tags ?? before?.tags };
}

function readOptions(words: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals < 1) throw usageError(`-set ${word}: write it as option=value, such as -set port=8080.`);
    values.set(word.slice(0, equals), word.slice(equals + 1));
  }
  return values;
}

/** The agent's reader and the template engine have a say before anything is written. */
async function refuseWhatWouldNotWork(
  recipe: Recipe,
  plan: InstallPlan,
  choice: Choice,
  { env }: CommandContext,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'reeve-recipe-'));
  try {
    const draft = join(folder, `${plan.name}.json`);
    const bytes = plan.files.find(({ path }) => path === plan.fragmentPath)?.bytes ?? Buffer.alloc(0);
    writeFileSync(draft, bytes);
    await refuseBadConfig(plan, draft, env);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  // With the recipe's own tags: those of this cluster are not those of its fixtures.
  if (recipe.renderer !== undefined) {
    tryOut({ recipe, load: LOADER, path: env['PATH'] }, { values: choice.values, tags: undefined });
  }
}

/** What lets a sandboxed agent write the target. */
function dropInOf(recipe: Recipe, { name, target }: InstallPlan) {
  if (recipe.writable === 'nothing' || target === '') return undefined;
  const path = recipe.writable === 'file' ? target : dirname(target);
  return {
    path: join(DROP_INS, `${name}.conf`),
    what: 'drop-in',
    text: `# The recipe ${recipe.name} keeps ${target}.\n[Service]\nReadWritePaths=${path}\n`,
  };
}

function nextOf({ directory }: InstallPlan, program: string, withDropIn: boolean): NextStep {
  if (!withDropIn) return nextStep(program, directory);
  return {
    command: 'systemctl daemon-reload && systemctl restart reeve',
    why: 'a sandbox is opened when a unit starts',
  };
}

const WORDS = {
  new: 'new',
  same: 'as it was',
  ours: 'changed',
  edited: 'written over',
  foreign: 'written over',
} as const;

function report(
  plan: InstallPlan,
  written: readonly PlannedFile[],
  next: NextStep,
  needs: string | undefined,
  program: string,
): readonly string[] {
  const { recipe, files, target } = plan;
  if (written.length === 0) {
    return [`${plan.name} is installed in ${plan.directory} exactly so already; nothing was written.`];
  }
  const width = Math.max(...files.map(({ path }) => path.length));
  const rows = files.map(({ path, what, standing }) => {
    const kept = standing === 'edited' || standing === 'foreign' ? `, the old one is ${path}.old` : '';
    return `  ${path.padEnd(width)}  ${what}, ${WORDS[standing]}${kept}`;
  });
  const lists = recipe.lists.statuses.join(', ');
  return [
    'Wrote',
    ...rows,
    '',
    ...(target === ''
      ? []
      : [`It keeps ${target}${lists === '' ? '' : ` and lists members that are ${lists}`}.`]),
    ...recipe.notes.map((note) => `Once: ${note}`),
    ...(needs === undefined
      ? []
      : [
          `The sandbox of the systemd unit must let it: add -systemd to this command, or write a drop-in with`,
          `  ${needs.split('\n')[2]}`,
        ]),
    '',
    `Next: ${next.command}`,
    `      (${next.why}; then '${program} render -list' shows how it stands)`,
  ];
}

function showPlan(plan: InstallPlan, format: 'text' | 'json', { out, program }: CommandContext): number {
  if (format === 'json') {
    out.line(goJson(record(plan, [], nextStep(program, plan.directory))));
    return EXIT.ok;
  }
  for (const { path, bytes, present, standing } of plan.files) {
    if (standing === 'same') out.line(`# ${path} is as it would be written`);
    else out.line(unifiedDiff(path, present?.toString(), bytes.toString()));
  }
  return EXIT.ok;
}

function record(plan: InstallPlan, written: readonly PlannedFile[], next: NextStep) {
  return {
    name: plan.name,
    recipe: plan.recipe.name,
    target: plan.target,
    files: plan.files.map(({ path, standing }) => ({
      path,
      standing,
      written: written.some((one) => one.path === path),
    })),
    next: next.command,
  };
}
