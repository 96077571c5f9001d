import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../base/errors.ts';
import type { CheckedConfig } from './config/settings.ts';
import { CONFIG_KEYS, type ConfigKey, type ConfigValues, specOf } from './config/table.ts';
import type { AgentLog } from './logging.ts';
import type { Announcer } from './output.ts';
import type { RunningAgent } from './running.ts';

/** What a reload does with each key that changed. */
export interface ReloadPlan {
  readonly applied: readonly ConfigKey[];
  readonly needsRestart: readonly ConfigKey[];
}

/** Compares two configurations key by key. */
export function planReload(before: ConfigValues, after: ConfigValues): ReloadPlan {
  const changed = CONFIG_KEYS.filter((key) => !isDeepStrictEqual(before[key], after[key]));
  return {
    applied: changed.filter((key) => specOf(key).reloadable === true),
    needsRestart: changed.filter((key) => specOf(key).reloadable !== true),
  };
}

export interface ReloadOptions {
  readonly agent: Pick<RunningAgent, 'settings' | 'check' | 'apply'>;
  readonly log: Pick<AgentLog, 'write'>;
  readonly ui: Announcer;
  /** Reads all sources again. */
  readonly load: () => Promise<CheckedConfig>;
}

/** Applies a changed configuration, all of it or nothing (agent.md 10.3). Never rejects: what went wrong is told. */
export async function reload({ agent, log, ui, load }: ReloadOptions): Promise<void> {
  ui.heading('Reloading configuration...');
  let checked: CheckedConfig;
  try {
    checked = await load();
    await agent.check(checked.settings);
  } catch (error) {
    ui.error(messageOf(error));
    ui.error('Failed to reload configs');
    return;
  }
  for (const note of checked.notes) ui.heading(note);
  const plan = planReload(agent.settings.config.values, checked.settings.config.values);
  try {
    await agent.apply(checked.settings);
  } catch (error) {
    ui.error(`Failed to update tags: ${messageOf(error)}`);
  }
  if (plan.applied.length > 0) log.write('INFO', 'agent', `reloaded: ${plan.applied.join(', ')}`);
  if (plan.needsRestart.length > 0) {
    log.write('WARN', 'agent', `changed but applied only by a restart: ${plan.needsRestart.join(', ')}`);
  }
}
