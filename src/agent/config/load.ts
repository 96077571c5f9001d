import { fileLayers } from './file.ts';
import { flagLayer, type RunArguments } from './flags.ts';
import type { ConfigHost } from './host.ts';
import type { ConfigLayer } from './layer.ts';
import { mergeLayers } from './merge.ts';
import type { CheckedConfig } from './settings.ts';
import { CONFIG_KEYS, specOf } from './table.ts';
import { checkConfig } from './validate.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Everything from the sources to checked settings: defaults, then files, then the environment, then flags.
 *
 * @throws CodedError with the line to print
 */
export async function loadConfig(
  args: RunArguments,
  env: Environment,
  host: ConfigHost,
): Promise<CheckedConfig> {
  // Serf finds mistakes in flags before it opens a file.
  const flags = flagLayer(args.flags);
  return await checkConfig(mergeLayers([...fileLayers(args.sources), environmentLayer(env), flags]), host);
}

/** What the environment states, for the keys that name a variable. */
export function environmentLayer(env: Environment): ConfigLayer {
  return CONFIG_KEYS.flatMap((key) => {
    const name = specOf(key).env;
    const value = name === undefined ? undefined : env[name];
    return name === undefined || value === undefined
      ? []
      : [{ key, value, origin: { source: 'environment', at: name } as const }];
  });
}
