import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../base/errors.ts';
import type { AgentSettings, CheckedConfig } from './config/settings.ts';
import { CONFIG_KEYS, type ConfigKey, type ConfigValues, specOf } from './config/table.ts';
import { oneLine } from './log-line.ts';
import type { AgentLog } from './logging.ts';
import type { Announcer } from './output.ts';
import type { RunningAgent } from './running.ts';

/** What a reload does with each key. */
export interface ReloadPlan {
  readonly applied: readonly ConfigKey[];
  readonly needsRestart: readonly ConfigKey[];
  readonly unchanged: readonly ConfigKey[];
}

/**
 * Compares a new configuration with what is in force: of the keys a reload applies that is the last one applied
 * (`before`), of all others what the agent was started with, however often it was reloaded since.
 */
export function planReload(started: ConfigValues, before: ConfigValues, after: ConfigValues): ReloadPlan {
  const isReloadable = (key: ConfigKey): boolean => specOf(key).reloadable === true;
  const isChanged = (key: ConfigKey): boolean =>
    !isDeepStrictEqual((isReloadable(key) ? before : started)[key], after[key]);
  const changed = CONFIG_KEYS.filter(isChanged);
  return {
    applied: changed.filter(isReloadable),
    needsRestart: changed.filter((key) => !isReloadable(key)),
    unchanged: CONFIG_KEYS.filter((key) => !isChanged(key)),
  };
}

/** Files with a secret whose content changed while their names did not. */
function changedSecrets(started: AgentSettings, after: AgentSettings): readonly ConfigKey[] {
  const { values } = after.config;
  const keys: ConfigKey[] = [];
  if (values.rpc_auth_file !== '' && started.rpcAuth !== after.rpcAuth) keys.push('rpc_auth_file');
  if (values.encrypt_key_file !== '' && !isDeepStrictEqual(started.encryptKey, after.encryptKey)) {
    keys.push('encrypt_key_file');
  }
  return keys;
}

export interface ReloadOptions {
  readonly agent: Pick<RunningAgent, 'settings' | 'check' | 'apply'>;
  /** What the agent was started with. */
  readonly started: AgentSettings;
  readonly log: Pick<AgentLog, 'write'>;
  readonly ui: Announcer;
  /** Reads all sources again. */
  readonly load: () => Promise<CheckedConfig>;
}

/** Applies a changed configuration, all of it or nothing (agent.md 10.3). Never rejects: what went wrong is told. */
export async function reload({ agent, started, log, ui, load }: ReloadOptions): Promise<void> {
  ui.heading('Reloading configuration...');
  let checked: CheckedConfig;
  try {
    checked = await load();
    await agent.check(checked.settings);
  } catch (error) {
    ui.error(messageOf(error));
    ui.error('Failed to reload configs');
    log.write('ERR', 'agent', `Failed to reload configs, nothing changed: ${oneLine(messageOf(error))}`);
    return;
  }
  for (const note of checked.notes) ui.heading(note);
  const { settings } = checked;
  const plan = planReload(started.config.values, agent.settings.config.values, settings.config.values);
  try {
    await agent.apply(settings);
  } catch (error) {
    ui.error(`Failed to update tags: ${messageOf(error)}`);
  }
  tell(plan, [...new Set([...plan.needsRestart, ...changedSecrets(started, settings)])], log);
}

function tell(plan: ReloadPlan, needsRestart: readonly ConfigKey[], log: Pick<AgentLog, 'write'>): void {
  const applied = plan.applied.length === 0 ? 'nothing' : plan.applied.join(', ');
  log.write('INFO', 'agent', `reloaded: ${applied} (${plan.unchanged.length} keys unchanged)`);
  log.write('DEBUG', 'agent', `unchanged by the reload: ${plan.unchanged.join(', ')}`);
  if (needsRestart.length > 0) {
    log.write('WARN', 'agent', `changed but applied only by a restart: ${needsRestart.join(', ')}`);
  }
}
