import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { findProgram } from '../../recipes/checker.ts';
import { type InstallPlan, install, planInstall, refuseEdited } from '../../recipes/install.ts';
import { findRecipe, isFolder } from '../../recipes/library.ts';
import type { Choice } from '../../recipes/options.ts';
import type { Recipe } from '../../recipes/recipe.ts';
import { type Installed, readRecord } from '../../recipes/record.ts';
import { tryOut } from '../../recipes/test-recipe.ts';
import { type CommandContext, defineCommand, readTags, usageError } from '../command.ts';
import { EXIT } from '../exit.ts';
import { checkFormat } from '../output-format.ts';
import { type AddReport, addRecord, addText, planText } from './recipe-add-text.ts';
import { RECIPE_FLAGS } from './recipe-flags.ts';
import {
  isUnits,
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
    doc: 'Also write the drop-in that lets the agent of packaging/reeve.service, which is sandboxed, write the file. Default: true where that unit is installed and reads -config-dir.',
  },
  force: { kind: 'bool', doc: 'Write over files that somebody edited; they are kept as FILE.old.' },
  'dry-run': { kind: 'bool', doc: 'Only show what would be written.' },
} as const;

/** A sandbox is made when its unit starts. */
const RESTART: NextStep = {
  command: 'systemctl daemon-reload && systemctl restart reeve',
  why: 'a sandbox is opened when its unit starts',
  isReload: true,
};

/** Where an administrator's additions to the unit of packaging/ belong. */
const DROP_INS = '/etc/systemd/system/reeve.service.d';

/** What that unit lets its agent write by itself. */
const UNIT_DIRECTORIES = ['/etc/reeve', '/var/lib/reeve', '/run/reeve'];

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
  run: async ({ flags, given, args }, context) => {
    const format = checkFormat(flags.format);
    const [word, ...more] = args;
    if (word === undefined) throw usageError("Give the name of a recipe; 'recipe list' has them.");
    if (more.length > 0)
      throw usageError(`Too many arguments: '${more[0]}'. Options of the recipe go with -set.`);
    const recipe = findRecipe(recipeDirectory(), word);
    const name = flags.name === '' ? recipe.name : flags.name;
    const source = isFolder(word) ? recipe.folder : recipe.name;
    const directory = resolve(flags['config-dir']);
    const known = recordOf(directory, name, flags.force);
    const choice = over(known?.recipe === source ? known.choice : undefined, choiceOf(flags));
    const request = { recipe, source, name, directory, choice };
    const first = planInstall(request);
    const dropIn = dropInOf(recipe, first);
    const asked = given.some((flag) => flag.name === 'systemd') ? flags.systemd : isUnits(directory);
    const withDropIn = dropIn !== undefined && (asked || known?.files.has(dropIn.path) === true);
    const plan = withDropIn ? planInstall({ ...request, extra: [dropIn] }) : first;
    await refuseWhatWouldNotWork(recipe, plan, choice, context);
    if (!flags['dry-run'] && !flags.force) refuseEdited(plan);
    const written = flags['dry-run'] ? [] : await install(plan);
    const opened = written.some(({ what }) => what === 'drop-in');
    const report: AddReport = {
      plan,
      choice,
      written,
      missing: missingThings(plan, withDropIn || isUnits(directory), context),
      sandbox: withDropIn || !isUnits(directory) ? undefined : dropIn?.line,
      next: opened ? RESTART : nextStep(context.program, directory),
    };
    if (format === 'json') context.out.line(addRecord(report));
    else context.out.line(flags['dry-run'] ? planText(plan) : addText(report, context.program));
    return EXIT.ok;
  },
});

type Flags = Parameters<(typeof recipeAddCommand)['run']>[0]['flags'];

function choiceOf(flags: Flags): Choice {
  const values = readOptions(flags.set);
  if (flags.target !== '') values.set('target', flags.target);
  return { values, tags: flags.tag.length === 0 ? undefined : readTags(flags.tag) };
}

/** What is installed under the name; one that makes no sense counts as nothing when it is to be written over. */
function recordOf(directory: string, name: string, force: boolean): Installed | undefined {
  try {
    return readRecord(directory, name);
  } catch (error) {
    if (!force) throw error;
    return undefined;
  }
}

/** What is not said again stays as it was. */
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

/** What lets a sandboxed agent write the target. One that is not there yet must not keep the agent from starting. */
function dropInOf(recipe: Recipe, { name, target }: InstallPlan) {
  if (recipe.writable === 'nothing' || target === '') return undefined;
  const opened = recipe.writable === 'file' ? target : dirname(target);
  if (UNIT_DIRECTORIES.some((open) => `${opened}/`.startsWith(`${open}/`))) return undefined;
  const line = `ReadWritePaths=${systemdWord(`-${opened}`)}`;
  const text = `# The recipe ${recipe.name} keeps ${target}.\n[Service]\n${line}\n`;
  return { path: join(DROP_INS, `${name}.conf`), what: 'drop-in', text, line };
}

/** A word as a list of a unit takes it: `%` begins a specifier there, and quotes hold blanks. */
function systemdWord(word: string): string {
  const text = word.replaceAll('%', '%%');
  return /^[\w./%@:+-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** Programs that the renderer's check and reload start, and the directory of the file, or the file itself. */
function missingThings(plan: InstallPlan, isSandboxed: boolean, { env }: CommandContext): readonly string[] {
  const { recipe, fragment, name, directory, target } = plan;
  const folder = dirname(target);
  const places = target === '' || existsSync(folder) ? [] : [`the directory ${folder} does not exist`];
  if (isSandboxed && recipe.writable === 'file' && !existsSync(target)) {
    places.push(`the file ${target}, which a sandboxed agent cannot make (touch it)`);
  }
  if (recipe.renderer === undefined) return places;
  const { check, reload } = LOADER.renderer(fragment, name).commands;
  const [program] = check ?? [];
  // A script of the recipe's own asks the program in its turn.
  const judge = program?.startsWith(`${directory}/`) === true ? recipe.checker?.argv[0] : program;
  const programs = [judge, reload?.[0]].filter((one) => one !== undefined);
  const missing = [...new Set(programs)]
    .filter((one) => !one.startsWith('/') && findProgram(one, env['PATH']) === undefined)
    .map((one) => (one === recipe.checker?.argv[0] ? `${one} (Debian: ${recipe.checker.package})` : one));
  return [...places, ...missing.map((one) => `${one} is not installed here`)];
}
