import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { NO_BYTES } from '../base/bytes.ts';
import type { Channels } from './channels.ts';
import { type Launch, launchFailure } from './launch.ts';
import { OutputTail } from './tail.ts';

/** Bytes of output kept, the last ones: an answer to a query is at most a packet (agent.md 14.2). */
export const OUTPUT_LIMIT = 8192;
const SLOW_MS = 1_000;
/** How often a group that was told to end is looked at. */
const POLL_MS = 20;
/** After KILL: only a process stuck in the kernel outlives this, and nobody waits for it. */
const KILL_WAIT_MS = 1_000;

export type ScriptExit =
  | { readonly type: 'code'; readonly code: number }
  | { readonly type: 'signal'; readonly signal: NodeJS.Signals }
  /** It never started, or outlived KILL. */
  | { readonly type: 'error'; readonly message: string };

export interface ScriptResult {
  readonly exit: ScriptExit;
  /** What ended the wait: the script itself, its timeout, or the stopping agent. */
  readonly why: 'finished' | 'timeout' | 'stopped';
  /** The last bytes of stdout; where both outputs share a stream, of both in order of arrival. */
  readonly output: Uint8Array;
  readonly outputBytes: number;
  /** The last bytes of stderr, where it has a stream of its own. */
  readonly errors: Uint8Array;
  /** It exited, but a process it left behind kept the output open until the wait was given up. */
  readonly outputHeld: boolean;
}

export interface ScriptOptions {
  readonly channels: Channels;
  readonly launch: Launch;
  /** Milliseconds; 0 means no timeout. */
  readonly timeoutMs: number;
  readonly termGraceMs: number;
  /** Called once when the run exceeds a second. */
  readonly onSlow: () => void;
}

/**
 * One run of a script in a process group of its own. It is over when the script has exited and its output is closed,
 * as in Serf. The group is signalled only when the timeout or the stopping agent ends a script that still runs:
 * after a script's own exit, what it left behind is none of our business.
 */
export class ScriptProcess {
  readonly done: Promise<ScriptResult>;
  readonly #options: ScriptOptions;
  /** One for each output stream. */
  #tails: readonly OutputTail[] = [];
  #slowTimer: NodeJS.Timeout | undefined;
  #timeoutTimer: NodeJS.Timeout | undefined;
  #pollTimer: NodeJS.Timeout | undefined;
  #settle: (result: ScriptResult) => void = () => {};
  #child: ChildProcess | undefined;
  #outputs: readonly Readable[] = [];
  #exit: ScriptExit | undefined;
  /** Output streams not read to their end, and those not closed. */
  #undrained = 0;
  #unclosed = 0;
  #outputHeld = false;
  #why: ScriptResult['why'] = 'finished';
  #settled = false;
  #killAt = 0;

  constructor(options: ScriptOptions) {
    this.#options = options;
    this.done = new Promise((resolve) => {
      this.#settle = resolve;
    });
    try {
      const { child, outputs } = options.channels.spawn(options.launch);
      this.#child = child;
      this.#watch(child, outputs);
    } catch (error) {
      this.#exit = { type: 'error', message: launchFailure(options.launch, error) };
      this.#finish();
    }
  }

  /**
   * Ends the script with TERM and, after the grace, KILL; `done` follows within the grace and a second. A script that
   * is being ended already gets no more than this grace.
   */
  stop(graceMs: number): void {
    this.#end('stopped', graceMs);
  }

  #watch(child: ChildProcess, outputs: readonly Readable[]): void {
    this.#outputs = outputs;
    this.#tails = outputs.map((output) => this.#follow(output));
    child.once('error', (error) => {
      this.#exit ??= { type: 'error', message: launchFailure(this.#options.launch, error) };
      this.#finishIfOver();
    });
    child.once('exit', (code, signal) => {
      this.#exit ??= signal === null ? { type: 'code', code: code ?? 0 } : { type: 'signal', signal };
      this.#finishIfOver();
    });
    this.#slowTimer = setTimeout(this.#options.onSlow, SLOW_MS);
    const { timeoutMs, termGraceMs } = this.#options;
    if (timeoutMs > 0) {
      this.#timeoutTimer = setTimeout(() => this.#end('timeout', termGraceMs), timeoutMs);
    }
  }

  #follow(output: Readable): OutputTail {
    const tail = new OutputTail(OUTPUT_LIMIT);
    this.#undrained += 1;
    this.#unclosed += 1;
    output.on('data', (chunk: Uint8Array) => tail.push(chunk));
    output.on('end', () => {
      this.#undrained -= 1;
    });
    output.on('error', () => {});
    output.on('close', () => {
      this.#unclosed -= 1;
      this.#finishIfOver();
    });
    return tail;
  }

  #finishIfOver(): void {
    if (this.#why === 'finished' && this.#exit !== undefined && this.#unclosed === 0) this.#finish();
  }

  #end(why: 'timeout' | 'stopped', graceMs: number): void {
    if (this.#settled) return;
    const killAt = performance.now() + graceMs;
    if (this.#why !== 'finished') {
      this.#killAt = Math.min(this.#killAt, killAt);
      return;
    }
    const pid = this.#child?.pid;
    if (this.#exit !== undefined || pid === undefined) {
      this.#outputHeld = true;
      this.#finish();
      return;
    }
    this.#why = why;
    this.#killAt = killAt;
    signalGroup(pid, 'SIGTERM');
    this.#pollGroup(pid);
  }

  /** Waits until script and group are gone, sends KILL when it is time, and gives up a second after that. */
  #pollGroup(pid: number, giveUpAt = Number.POSITIVE_INFINITY): void {
    const now = performance.now();
    const gone = this.#exit !== undefined && !signalGroup(pid, 0);
    if (gone || now >= giveUpAt) {
      this.#finish();
      return;
    }
    const kill = giveUpAt === Number.POSITIVE_INFINITY && now >= this.#killAt;
    if (kill) signalGroup(pid, 'SIGKILL');
    const next = kill ? now + KILL_WAIT_MS : giveUpAt;
    this.#pollTimer = setTimeout(() => this.#pollGroup(pid, next), POLL_MS);
  }

  #finish(): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#slowTimer);
    clearTimeout(this.#timeoutTimer);
    clearTimeout(this.#pollTimer);
    for (const output of this.#outputs) output.destroy();
    const [out, errors] = this.#tails;
    this.#options.channels.release(this.#undrained === 0 && this.#unclosed === 0);
    this.#settle({
      exit: this.#exit ?? { type: 'error', message: 'not ended by SIGKILL' },
      why: this.#why,
      output: out?.bytes() ?? NO_BYTES,
      outputBytes: out?.total ?? 0,
      errors: errors?.bytes() ?? NO_BYTES,
      outputHeld: this.#outputHeld,
    });
  }
}

/** Signals a whole process group (0 only asks); false when nobody is in it. */
export function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch (error) {
    // EPERM: someone is there who changed user; it must be waited for like the others.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

const GO_SIGNAL_NAMES: Readonly<Partial<Record<NodeJS.Signals, string>>> = {
  SIGHUP: 'hangup',
  SIGINT: 'interrupt',
  SIGQUIT: 'quit',
  SIGILL: 'illegal instruction',
  SIGTRAP: 'trace/breakpoint trap',
  SIGABRT: 'aborted',
  SIGBUS: 'bus error',
  SIGFPE: 'floating point exception',
  SIGKILL: 'killed',
  SIGUSR1: 'user defined signal 1',
  SIGSEGV: 'segmentation fault',
  SIGUSR2: 'user defined signal 2',
  SIGPIPE: 'broken pipe',
  SIGALRM: 'alarm clock',
  SIGTERM: 'terminated',
};

/** Serf's words for a failed exit: `exit status 3`, `signal: killed`. Undefined for a success. */
export function exitText(exit: ScriptExit): string | undefined {
  switch (exit.type) {
    case 'code':
      return exit.code === 0 ? undefined : `exit status ${exit.code}`;
    case 'signal':
      return `signal: ${GO_SIGNAL_NAMES[exit.signal] ?? exit.signal}`;
    case 'error':
      return exit.message;
  }
}
