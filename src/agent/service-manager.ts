import { spawn } from 'node:child_process';
import { messageOf } from '../base/errors.ts';

/**
 * What systemd wants to hear of a service: that it is up, and now and then that it still works. Node.js has no unix
 * datagram sockets, so `systemd-notify` says it.
 */

/** systemd hears a message and drops it when its sender is gone already, as old versions of the command are. */
const READY_ATTEMPTS = 3;
const RETRY_MS = 1_000;
/** Longest run of the command; it waits until systemd has taken the message. */
const COMMAND_MS = 10_000;
/** No sign of life more often than this, however short the watchdog is. */
const SHORTEST_PERIOD_MS = 500;

/** The variables by which systemd asks. Nobody inherits them: a handler's `haproxy -W` would answer for the agent. */
const VARIABLES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const;

export interface ServiceManagerOptions {
  /** What systemd set for this service. */
  readonly socket: string;
  /** Between two signs of life; 0 for none. */
  readonly periodMs: number;
  /** How the command is found. */
  readonly searchPath: string | undefined;
  readonly command?: string;
  readonly retryMs?: number;
}

/** Reports to systemd. */
export class ServiceManager {
  readonly #options: ServiceManagerOptions;
  #isSaying = false;

  /** Takes what systemd asks for out of the environment; undefined where it asks for nothing. */
  static take(env: NodeJS.ProcessEnv, pid = process.pid): ServiceManager | undefined {
    const [socket = '', usec = '', watched = ''] = VARIABLES.map((name) => env[name]);
    for (const name of VARIABLES) delete env[name];
    if (socket === '') return undefined;
    // A wrapper between systemd and the agent is watched then, not the agent.
    const isWatched = /^[1-9]\d*$/.test(usec) && (watched === '' || watched === String(pid));
    const periodMs = isWatched ? Math.max(SHORTEST_PERIOD_MS, Number(usec) / 2_000) : 0;
    return new ServiceManager({ socket, periodMs, searchPath: env['PATH'] });
  }

  constructor(options: ServiceManagerOptions) {
    this.#options = options;
  }

  /** Between two signs of life; 0 where nobody waits for them. */
  get periodMs(): number {
    return this.#options.periodMs;
  }

  /**
   * Says that the agent is up, and from then on that it works, until the abort.
   *
   * @param onTrouble told when systemd could not be told
   */
  async ready(onTrouble: (text: string) => void, until: AbortSignal): Promise<void> {
    const { periodMs, retryMs = RETRY_MS } = this.#options;
    if (periodMs > 0) {
      const timer = setInterval(() => void this.#alive(), periodMs).unref();
      until.addEventListener('abort', () => clearInterval(timer), { once: true });
    }
    let trouble: string | undefined;
    for (let attempt = 1; attempt <= READY_ATTEMPTS && !until.aborted; attempt += 1) {
      trouble = await this.#say('READY=1');
      if (trouble === undefined) return;
      await new Promise<void>((resolve) => setTimeout(resolve, retryMs).unref());
    }
    if (trouble !== undefined) {
      onTrouble(
        `systemd was not told that this agent is up: ${trouble}; Type=exec in the unit needs no such word`,
      );
    }
  }

  async #alive(): Promise<void> {
    if (this.#isSaying) return;
    this.#isSaying = true;
    await this.#say('WATCHDOG=1');
    this.#isSaying = false;
  }

  /** Settles with what went wrong, or with nothing. */
  #say(text: string): Promise<string | undefined> {
    const { socket, searchPath, command = 'systemd-notify' } = this.#options;
    return new Promise<string | undefined>((resolve) => {
      const child = spawn(command, [text], {
        env: { NOTIFY_SOCKET: socket, ...(searchPath === undefined ? {} : { PATH: searchPath }) },
        stdio: 'ignore',
        // An interrupt at a terminal is for the agent.
        detached: true,
        timeout: COMMAND_MS,
        killSignal: 'SIGKILL',
      });
      child.once('error', (error) => resolve(messageOf(error)));
      child.once('exit', (code, signal) =>
        resolve(code === 0 ? undefined : `'${command}' ended with ${signal ?? code}`),
      );
      // Where memory is short, Node.js throws what it otherwise tells as an event.
    }).catch(messageOf);
  }
}
