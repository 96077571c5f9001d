import { messageOf } from '../base/errors.ts';
import type { Announcer } from './output.ts';

/** What the agent does about signals, and when it is over (agent.md 10.2). */

/** Longest graceful leave after a signal. */
export const GRACEFUL_TIMEOUT_MS = 3_000;

/** Signals kept while the agent is busy with an earlier one; further ones say nothing new. */
const PENDING_SIGNALS = 4;

/** QUIT kills Serf as it stands; here it stops the agent at once, so that no handler is left behind. */
export type AgentSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGQUIT';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const satisfies readonly AgentSignal[];

/** Asks for the figures. It decides nothing, so it never counts as the further signal that ends a leave. */
const FIGURES_SIGNAL = 'SIGUSR1';

/** Go's names, which Serf prints. */
const NAMES: Readonly<Record<AgentSignal, string>> = {
  SIGINT: 'interrupt',
  SIGTERM: 'terminated',
  SIGHUP: 'hangup',
  SIGQUIT: 'quit',
};

/** Where signals come from: the process, or a test. */
export interface SignalSource {
  /** Resolves when a signal waits to be taken; at once when one does. */
  arrived(): Promise<void>;
  /** The oldest signal that waits. */
  take(): AgentSignal | undefined;
  /** Who shows the figures when they are asked for; nobody does until this is called. */
  onFigures(show: () => void): void;
}

/** A first-in-first-out of signals. */
export class SignalQueue implements SignalSource {
  readonly #pending: AgentSignal[] = [];
  #waiting: (() => void)[] = [];
  #showFigures: () => void = () => undefined;

  /** One reload that waits reads what the next one would, and must not take the place of an INT or TERM. */
  push(signal: AgentSignal): void {
    const repeated = signal === 'SIGHUP' && this.#pending.includes(signal);
    if (!repeated && this.#pending.length < PENDING_SIGNALS) this.#pending.push(signal);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  arrived(): Promise<void> {
    if (this.#pending.length > 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  take(): AgentSignal | undefined {
    return this.#pending.shift();
  }

  onFigures(show: () => void): void {
    this.#showFigures = show;
  }

  /** Somebody asks for the figures. */
  askForFigures(): void {
    this.#showFigures();
  }
}

/** The process's own signals, caught until `signal` aborts; a listener also keeps Node from dying of them. */
export function processSignals(signal: AbortSignal): SignalSource {
  const queue = new SignalQueue();
  const listen = (name: NodeJS.Signals, listener: () => void): void => {
    process.on(name, listener);
    signal.addEventListener('abort', () => process.off(name, listener), { once: true });
  };
  for (const name of SIGNALS) listen(name, () => queue.push(name));
  listen(FIGURES_SIGNAL, () => queue.askForFigures());
  return queue;
}

export interface SupervisorOptions {
  readonly signals: SignalSource;
  readonly ui: Announcer;
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
  const { ui, signals } = options;
  signals.onFigures(options.dumpMetrics);
  for (;;) {
    const code = await Promise.race([signals.arrived(), options.ended]);
    if (code !== undefined) return code;
    const next = signals.take();
    if (next === undefined) continue;
    ui.heading(`Caught signal: ${NAMES[next]}`);
    if (next === 'SIGHUP') {
      await options.reload();
      continue;
    }
    return isGraceful(next, options) ? await leaveGracefully(options) : 1;
  }
}

function isGraceful(
  signal: AgentSignal,
  {
    skipLeaveOnInterrupt,
    leaveOnTerminate,
  }: Pick<SupervisorOptions, 'skipLeaveOnInterrupt' | 'leaveOnTerminate'>,
): boolean {
  if (signal === 'SIGINT') return !skipLeaveOnInterrupt();
  return signal === 'SIGTERM' && leaveOnTerminate();
}

/** The first of: leave finished or the agent ended otherwise, any further signal, three seconds. */
async function leaveGracefully(options: SupervisorOptions): Promise<number> {
  options.ui.heading('Gracefully shutting down agent...');
  let over = false;
  const left = options.leave().then(
    () => 0,
    (error: unknown) => {
      // The wait goes on: a leave by RPC may be the one that is in progress, and ends the agent.
      if (!over) options.ui.error(`Error: ${messageOf(error)}`);
      return new Promise<number>(() => undefined);
    },
  );
  const impatient = options.signals.arrived().then(() => 1);
  const late = options.sleep(GRACEFUL_TIMEOUT_MS).then(() => 1);
  const code = await Promise.race([left, options.ended, impatient, late]);
  over = true;
  return code;
}
