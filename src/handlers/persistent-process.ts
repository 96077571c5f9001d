import type { ChildProcess } from 'node:child_process';
import type { Writable } from 'node:stream';
import type { Channels } from './channels.ts';
import { type RunOutcome, SUCCESS } from './context.ts';
import { type Launch, launchFailure } from './launch.ts';
import { LineSplitter } from './lines.ts';
import { exitText, type ScriptExit, signalGroup } from './script.ts';
import { OutputTail } from './tail.ts';

/** Last bytes of each output kept of a process's life. */
const TAIL_BYTES = 8_192;
/** How often a group that was told to end is looked at. */
const POLL_MS = 20;
/** After KILL: only a process stuck in the kernel outlives this, and nobody waits for it. */
const KILL_WAIT_MS = 1_000;

export interface ProcessOptions {
  readonly channels: Channels;
  readonly launch: Launch;
  readonly onLine: (line: string) => void;
  /** The process takes input again after `write` said that it does not. */
  readonly onDrain: () => void;
}

/** A process that reads lines as long as it lives, in a process group of its own. */
export class PersistentProcess {
  readonly ended: Promise<RunOutcome>;
  readonly #options: ProcessOptions;
  readonly #output = new OutputTail(TAIL_BYTES);
  readonly #errors = new OutputTail(TAIL_BYTES);
  #settle: (end: RunOutcome) => void = () => {};
  #child: ChildProcess | undefined;
  #input: Writable | undefined;
  #exit: ScriptExit | undefined;
  #over = false;
  #killAt = Number.POSITIVE_INFINITY;
  #pollTimer: NodeJS.Timeout | undefined;

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    try {
      this.#begin();
    } catch (error) {
      this.#exited({ type: 'error', message: launchFailure(options.launch, error) });
    }
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Whether the process has taken what was written before. */
  get takesInput(): boolean {
    return this.#input?.writable === true && !this.#input.writableNeedDrain;
  }

  /** Writes text; call only while `takesInput`, so that what is held for a slow process stays small. */
  write(text: string): void {
    this.#input?.write(text);
  }

  /** Ends its input, by which it knows that nothing more comes. */
  endInput(): void {
    this.#input?.end();
  }

  /** TERM to its group, and KILL after the grace; a second call can only shorten that. */
  stop(graceMs: number): void {
    if (this.#over) return;
    const first = this.#killAt === Number.POSITIVE_INFINITY;
    this.#killAt = Math.min(this.#killAt, performance.now() + graceMs);
    const pid = this.pid;
    if (!first || pid === undefined) return;
    signalGroup(pid, 'SIGTERM');
    this.#poll(pid);
  }

  #begin(): void {
    const { channels, launch, onLine, onDrain } = this.#options;
    const { child, outputs, input } = channels.spawn(launch);
    this.#child = child;
    this.#input = input;
    input?.on('drain', onDrain);
    // A process that ends without reading everything is told by its exit.
    input?.on('error', () => {});
    const splitter = new LineSplitter();
    outputs[0]?.on('data', (chunk: Buffer) => {
      this.#output.push(chunk);
      for (const line of splitter.push(chunk)) onLine(line);
    });
    outputs[1]?.on('data', (chunk: Buffer) => this.#errors.push(chunk));
    for (const output of outputs) output.on('error', () => {});
    child.once('error', (error) => this.#exited({ type: 'error', message: launchFailure(launch, error) }));
    child.once('exit', (code, signal) => {
      const exit: ScriptExit =
        signal === null ? { type: 'code', code: code ?? 0 } : { type: 'signal', signal };
      // What it said last is still in the pipe.
      setImmediate(() => this.#exited(exit, () => outputs.map((output) => output.destroy())));
    });
  }

  #poll(pid: number, giveUpAt = Number.POSITIVE_INFINITY): void {
    const now = performance.now();
    if (this.#exit !== undefined && !signalGroup(pid, 0)) return;
    if (now >= giveUpAt) {
      this.#exited({ type: 'error', message: 'not ended by SIGKILL' });
      return;
    }
    const kill = giveUpAt === Number.POSITIVE_INFINITY && now >= this.#killAt;
    if (kill) signalGroup(pid, 'SIGKILL');
    const next = kill ? now + KILL_WAIT_MS : giveUpAt;
    this.#pollTimer = setTimeout(() => this.#poll(pid, next), POLL_MS);
  }

  #exited(exit: ScriptExit, close: () => void = () => {}): void {
    this.#exit ??= exit;
    if (this.#over) return;
    this.#over = true;
    // Members of its group that it left behind while it was told to end still get their KILL.
    if (this.#killAt === Number.POSITIVE_INFINITY) clearTimeout(this.#pollTimer);
    this.#input?.destroy();
    close();
    this.#options.channels.release(false);
    const failure = exitText(exit);
    this.#settle({
      ok: failure === undefined,
      exit: failure ?? SUCCESS,
      output: this.#output.bytes(),
      errors: this.#errors.bytes(),
    });
  }
}
