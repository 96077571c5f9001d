import { CodedError } from '../base/errors.ts';
import { readStartState } from './cluster-start.ts';
import { type Fault, inOrder } from './config/fault.ts';
import { readSources, type SourceFile } from './config/file.ts';
import { flagLayer, type RunArguments } from './config/flags.ts';
import type { ConfigHost } from './config/host.ts';
import type { ConfigLayer } from './config/layer.ts';
import { type Environment, environmentLayer } from './config/load.ts';
import { type MergedConfig, mergeLayers } from './config/merge.ts';
import type { AgentSettings } from './config/settings.ts';
import type { ConfigKey } from './config/table.ts';
import { inspectConfig } from './config/validate.ts';

/** Everything there is to say about a configuration that nobody starts an agent with. */
export interface Inspection {
  /** In the order they were read; directories as the files they stand for. */
  readonly files: readonly SourceFile[];
  /** What every source that could be read adds up to. */
  readonly merged: MergedConfig;
  /** What an agent would start with; undefined where it would not. */
  readonly settings: AgentSettings | undefined;
  /** Everything that is wrong, by file and line; an agent would not start. */
  readonly faults: readonly Fault[];
  /** What `run` would warn of. */
  readonly notes: readonly string[];
}

/** Looks at all sources as `run` would, and goes on after a mistake. Opens no socket and writes nothing. */
export async function inspectSources(
  args: RunArguments,
  env: Environment,
  host: ConfigHost,
): Promise<Inspection> {
  const faults: Fault[] = [];
  const flags = flagsOf(args, faults);
  const files = readSources(args.sources);
  const layers: ConfigLayer[] = [];
  for (const { read } of files) {
    if ('error' in read) faults.push(...read.faults);
    layers.push('error' in read ? (read.partial ?? []) : read.layer);
  }
  const merged = mergeLayers([...layers, environmentLayer(env), flags]);
  const inspected = await inspectConfig(merged, host);
  if ('error' in inspected) faults.push(...inspected.faults);
  else faults.push(...stateFaults(inspected.settings));
  const settings = 'error' in inspected ? undefined : inspected.settings;
  return { files, merged, settings, faults: byFile(faults, files), notes: inspected.notes };
}

/** Faults in the order of the files, and of the lines in each; those outside files at the end. */
function byFile(faults: readonly Fault[], files: readonly SourceFile[]): readonly Fault[] {
  const paths = new Set(files.map(({ path }) => path));
  const inFiles = [...paths].flatMap((path) => inOrder(faults.filter(({ place }) => place?.path === path)));
  return [...inFiles, ...faults.filter(({ place }) => place === undefined)];
}

function flagsOf(args: RunArguments, faults: Fault[]): ConfigLayer {
  try {
    return flagLayer(args.flags);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    faults.push({ code: error.code, text: error.message, source: 'the command line' });
    return [];
  }
}

/** The keys whose files `readStartState` reads, by the code of what is wrong with them. */
const STATE_KEYS: Readonly<Record<string, readonly ConfigKey[]>> = {
  ERR_KEYRING_FILE: ['keyring_file'],
  ERR_TAGS_FILE: ['tags_file'],
  ERR_CONFIG_EXCLUSIVE: ['tags_file', 'keyring_file'],
};

function stateFaults(settings: AgentSettings): readonly Fault[] {
  try {
    readStartState(settings, () => undefined);
    return [];
  } catch (error) {
    const cause = error instanceof CodedError ? error.cause : undefined;
    if (!(cause instanceof CodedError)) throw error;
    const keys = STATE_KEYS[cause.code] ?? [];
    const origins = keys.flatMap((key) => settings.config.origins.get(key) ?? []);
    const origin = origins.find(({ source }) => source !== 'default');
    const source = origin?.place === undefined ? origin?.at : undefined;
    return [{ code: cause.code, text: cause.message, place: origin?.place, source }];
  }
}
