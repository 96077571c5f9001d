import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Block } from '../../agent/config/block-spec.ts';
import { readConfig } from '../../agent/config/decode.ts';
import { supervisedSpecs } from '../../agent/config/handler-specs.ts';
import { systemHost } from '../../agent/config/host.ts';
import { rendererSpecs } from '../../agent/config/renderer-specs.ts';
import { inspectSources } from '../../agent/inspect.ts';
import { CodedError } from '../../base/errors.ts';
import type { InstallPlan } from '../../recipes/install.ts';
import type { JsonObject } from '../../recipes/recipe.ts';
import type { RendererLoader } from '../../recipes/run-fixture.ts';
import type { HandlerLoader } from '../../recipes/run-handler.ts';
import type { Loader } from '../../recipes/test-recipe.ts';
import type { Environment } from '../command.ts';
import { packageFile } from '../entry.ts';
import { agentsAmong, processesHere } from './recipe-agents.ts';
import { DEFAULT_CONFIG_DIR } from './recipe-flags.ts';

/** What the recipe commands need of the package and of the agent's configuration. */

/** Where the recipes of the package are. */
export function recipeDirectory(): string {
  return fileURLToPath(packageFile('handlers-examples/'));
}

/** Reads a renderer as the agent does. */
const loadRenderer: RendererLoader = (fragment, name) => {
  const spec = rendererSpecs(blocksOf(fragment, name, 'renderers')).find((one) => one.name === name);
  if (spec !== undefined) return spec;
  throw new CodedError('ERR_RECIPE', `the configuration has no renderer '${name}'`);
};

/** Reads a handler as the agent does. */
const loadHandler: HandlerLoader = (fragment, name) => {
  const sources = { host: systemHost, timeoutMs: 0, secretNames: [] };
  const blocks = blocksOf(fragment, name, 'handlers');
  const spec = supervisedSpecs(blocks, sources).find((one) => one.name === name);
  if (spec !== undefined) return spec;
  throw new CodedError('ERR_RECIPE', `the configuration has no handler '${name}'`);
};

/** Reads pieces of configuration with the agent's own reader. */
export const LOADER: Loader = { renderer: loadRenderer, handler: loadHandler };

function blocksOf(
  fragment: JsonObject,
  name: string,
  key: 'renderers' | 'handlers',
): ReadonlyMap<string, Block> {
  const read = readConfig(`${name}.json`, JSON.stringify(fragment));
  if ('error' in read) throw read.error;
  const value = read.layer.find((entry) => entry.key === key)?.value;
  return value instanceof Map ? (value as ReadonlyMap<string, Block>) : new Map();
}

/** The configuration files of a directory in the order an agent reads them. */
function configFiles(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((name) => join(directory, name));
}

/**
 * Refuses a recipe with which an agent would not start, before anything is written.
 *
 * @param draft where the new configuration can be read
 * @throws CodedError `ERR_RECIPE_CONFIG`
 */
export async function refuseBadConfig(plan: InstallPlan, draft: string, env: Environment): Promise<void> {
  const { directory, fragmentPath, name, fragment } = plan;
  const others = configFiles(directory).filter((path) => path !== fragmentPath);
  const before = await inspectSources({ sources: others, flags: new Map() }, env, systemHost);
  const [fault] = before.faults;
  if (fault !== undefined) {
    throw new CodedError(
      'ERR_RECIPE_CONFIG',
      `nothing was written: what ${directory} holds already is wrong: ${fault.text}. See 'config check ${directory}'`,
    );
  }
  for (const key of ['renderers', 'handlers'] as const) {
    if (fragment[key] === undefined || before.settings?.config.values[key].has(name) !== true) continue;
    const origin =
      before.merged.origins
        .get(key)
        ?.map(({ at }) => at)
        .join(', ') ?? directory;
    throw new CodedError(
      'ERR_RECIPE_CONFIG',
      `nothing was written: the configuration has ${key}.${name} already (${origin}). Give this one another name with -name`,
    );
  }
  // Read from another place, and in the order it will have.
  const sources = [...others, fragmentPath]
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((path) => (path === fragmentPath ? draft : path));
  const { faults } = await inspectSources({ sources, flags: new Map() }, env, systemHost);
  const texts = faults.map(({ text }) => text);
  if (texts.length === 0) return;
  throw new CodedError('ERR_RECIPE_CONFIG', `nothing was written: ${texts.join('; ')}`);
}

/** How to make the agent read a directory anew. */
export interface NextStep {
  readonly command: string;
  readonly why: string;
  /** An agent has to be told; otherwise none runs, and the command starts one. */
  readonly isReload: boolean;
}

/** The systemd units of packaging/, where an administrator or a package puts them. */
const UNITS = [
  '/etc/systemd/system/reeve.service',
  '/usr/lib/systemd/system/reeve.service',
  '/lib/systemd/system/reeve.service',
];

/** True where the unit of packaging/ is installed, and this is the directory it reads. */
export function isUnits(directory: string): boolean {
  const isThere = existsSync('/run/systemd/system') && UNITS.some((path) => existsSync(path));
  return isThere && directory === DEFAULT_CONFIG_DIR;
}

/** The command that makes the agent of `directory` see what is there now. */
export function nextStep(program: string, directory: string): NextStep {
  const found = agentsAmong(processesHere(), directory);
  const isUnit = found.some(({ isUnit: under }) => under) || (found.length === 0 && isUnits(directory));
  if (!isUnit && found.length === 0) {
    const command = `${program} run -config-dir=${directory}`;
    return { command, why: 'no running agent reads this directory', isReload: false };
  }
  const command = isUnit ? 'systemctl reload reeve' : `kill -HUP ${found.map(({ pid }) => pid).join(' ')}`;
  return {
    command,
    why: 'the agent reads its configuration again and stays in its cluster',
    isReload: true,
  };
}
