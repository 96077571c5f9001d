import { setTimeout as sleep } from 'node:timers/promises';
import { type ConfigHost, systemHost } from './config/host.ts';
import type { Environment } from './config/load.ts';
import { isJournal } from './journal.ts';
import { type LineWriter, lineWriter } from './output.ts';
import { ServiceManager } from './service-manager.ts';
import { processSignals, type SignalSource } from './signals.ts';

/** What the agent takes from its process; tests bring their own. */
export interface AgentWorld {
  readonly env: Environment;
  /** Numeric user id; -1 where there is none. */
  readonly uid: number;
  readonly out: LineWriter;
  readonly err: LineWriter;
  /** `out` is systemd's journal. */
  readonly journal?: boolean | undefined;
  readonly host: ConfigHost;
  readonly now: () => Date;
  /** Catches signals until the abort. */
  readonly signals: (until: AbortSignal) => SignalSource;
  /** Resolves after the time, or at once on the abort; never keeps the process alive. */
  readonly sleep: (ms: number, until?: AbortSignal) => Promise<void>;
  /** Who wants to know that the agent is up; nobody, outside of a service. */
  readonly manager?: ServiceManager | undefined;
}

/** The process itself. */
export function processWorld(): AgentWorld {
  return {
    env: process.env,
    uid: process.getuid?.() ?? -1,
    out: lineWriter(process.stdout),
    err: lineWriter(process.stderr),
    journal: isJournal(process.env['JOURNAL_STREAM']),
    host: systemHost,
    now: () => new Date(),
    signals: processSignals,
    sleep: async (ms, signal) => {
      // An abort only ends the wait.
      await sleep(ms, undefined, { ref: false, signal }).catch(() => undefined);
    },
    manager: ServiceManager.take(process.env),
  };
}
