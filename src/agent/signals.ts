import { messageOf } from '../base/errors.ts';
import type { Console } from './output.ts';

/** What the agent does about signals, and when it is over (agent.md 10.2). */

/** Longest graceful leave after a signal. */
export const GRACEFUL_TIMEOUT_MS = 3_000;

/** Signals kept while the agent is busy with an earlier one; further ones say nothing new. */
const PENDING_SIGNALS = 4;

export type AgentSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGUSR1';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1'] as const satisfies readonly AgentSignal[];

/** Go's names, which Serf prints. */
const NAMES: Readonly<Record<AgentSignal, string>> = {
  SIGINT: 'interrupt',
  SIGTERM: 'terminated',
  SIGHUP: 'hangup',
  SIGUSR1: 'user defined signal 1',
};

/** Where signals come from: the process, or a test. */
export interface SignalSource {
  /** The next signal, also one that came before this call. Awaited by one reader at a time. */
  next(): Promise<AgentSignal>;
}

/** The process's own signals, caught until `stop`; a listener also keeps Node from dying of them. */
export function processSignals(): SignalSource & { stop(): void } {
  const pending: AgentSignal[] = [];
  let waiting: ((signal: AgentSignal) => void) | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    const signal = SIGNALS.find((known) => known === name);
    if (signal === undefined) return;
    const reader = waiting;
    waiting = undefined;
    if (reader !== undefined) reader(signal);
    else if (pending.length < PENDING_SIGNALS) pending.push(signal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return {
    next: () => {
      const signal = pending.shift();
      if (signal !== undefined) return Promise.resolve(signal);
      return new Promise((resolve) => {
        waiting = resolve;
      });
    },
    stop: () => {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    },
  };
}

export interface SupervisorOptions {
  readonly signals: SignalSource;
  readonly console: Console;
  /** Settles when the agent ends of itself: an RPC leave, a lost name conflict, retry join that gave up. */
  readonly ended: Promise<number>;
  /** As configured now; a reload may change them. */
  readonly leaveOnTerminate: () => boolean;
  readonly skipLeaveOnInterrupt: () => boolean;
  readonly leave: () => Promise<void>;
  /** Applies a changed configuration; tells by itself what went wrong. */
  readonly reload: () => Promise<void>;
  readonly dumpMetrics: () => void;
  /** Resolves after the time; must not keep the process alive. */
  readonly sleep: (ms: number) => Promise<void>;
}

/** Waits for the end of the agent and returns its exit code. The caller shuts everything down. */
export async function supervise(options: SupervisorOptions): Promise<number> {
  const { console, signals } = options;
  for (;;) {
    const next = await Promise.race([signals.next(), options.ended]);
    if (typeof next === 'number') return next;
    if (next === 'SIGUSR1') {
      options.dumpMetrics();
      continue;
    }
    console.heading(`Caught signal: ${NAMES[next]}`);
    if (next === 'SIGHUP') {
      await options.reload();
      continue;
    }
    const graceful = next === 'SIGINT' ? !options.skipLeaveOnInterrupt() : options.leaveOnTerminate();
    return graceful ? await leaveGracefully(options) : 1;
  }
}

/** The first of: leave finished or the agent ended otherwise, any further signal, three seconds. */
async function leaveGracefully(options: SupervisorOptions): Promise<number> {
  options.console.heading('Gracefully shutting down agent...');
  const left = options.leave().then(
    () => 0,
    (error: unknown) => {
      // The wait goes on: a leave by RPC may be the one that is in progress, and ends the agent.
      options.console.error(`Error: ${messageOf(error)}`);
      return new Promise<number>(() => undefined);
    },
  );
  const impatient = options.signals.next().then(() => 1);
  const late = options.sleep(GRACEFUL_TIMEOUT_MS).then(() => 1);
  return await Promise.race([left, options.ended, impatient, late]);
}
