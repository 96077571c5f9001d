import { join } from 'node:path';
import type { Metrics } from '../base/metrics.ts';
import { RunHistory } from '../handlers/history.ts';
import { RunFile } from '../handlers/history-file.ts';
import { HandlerRunner } from '../handlers/runner.ts';
import type { Cluster } from '../runtime/cluster.ts';
import { clusterFacts } from './cluster-facts.ts';
import type { AgentSettings } from './config/settings.ts';
import { SECRET_NAMES } from './config/table.ts';
import { GuardMemory } from './guard-memory.ts';
import { oneLine } from './log-line.ts';
import type { AgentLog } from './logging.ts';

/** The record of runs in a state directory. */
const HISTORY_NAME = 'handler-runs.jsonl';

export interface HandlerStartOptions {
  readonly cluster: Cluster;
  readonly log: Pick<AgentLog, 'write'>;
  readonly metrics: Metrics | undefined;
  /** As configured now; a reload may change them. */
  readonly settings: () => AgentSettings;
}

/** Starts the handlers, with the record of their earlier runs where there is a state directory. */
export function startHandlers({ cluster, log, metrics, settings }: HandlerStartOptions): HandlerRunner {
  const { handlers, supervised, config } = settings();
  const { state_dir: stateDir, handler_timeout: timeoutMs } = config.values;
  const warn = (text: string): void => log.write('WARN', 'agent', text);
  return new HandlerRunner({
    handlers,
    supervised,
    limits: { timeoutMs },
    history: new RunHistory(stateDir === '' ? undefined : new RunFile(join(stateDir, HISTORY_NAME), warn)),
    context: {
      self: () => cluster.localMember(),
      facts: () => clusterFacts(cluster, settings()),
      respond: (queryId, payload) => cluster.respond(queryId, payload),
      // Output of handlers is shown as it is; whatever else may hold words of peers stays on its line.
      log: (level, text) => log.write(level, 'agent', level === 'DEBUG' ? text : oneLine(text)),
      metrics,
      secretNames: SECRET_NAMES,
      memory: new GuardMemory({
        stateDir: () => settings().config.values.state_dir,
        kind: 'handler',
        date: () => new Date(),
        warn,
      }),
    },
  });
}
