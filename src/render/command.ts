import { type ChildProcess, spawn } from 'node:child_process';
import { messageOf } from '../base/errors.ts';

/** Bytes kept of each of stdout and stderr, the last ones. */
export const OUTPUT_TAIL_BYTES = 8_192;

/** Between TERM and KILL of a command that took too long. */
const KILL_GRACE_MS = 2_000;

/** How long output may stay open after the exit: a service the command started may hold it for ever. */
const OUTPUT_GRACE_MS = 500;

/** A command to run: no shell is between us and it. */
export interface CommandRequest {
  /** What it is for, in records: `check`, `reload`, `verify`. */
  readonly step: string;
  /** The program and its arguments, placeholders filled in. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Ends it early, as its timeout would. */
  readonly signal?: AbortSignal | undefined;
}

/** How a command went. */
export interface CommandRecord {
  readonly step: string;
  readonly argv: readonly string[];
  readonly ok: boolean;
  /** `exit 1`, `signal SIGKILL`, `timeout after 30s`, or why it did not start; `ok` when all went well. */
  readonly outcome: string;
  readonly durationMs: number;
  /** The last bytes of each, as text. */
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in a process group of its own and resolves when it is over; never rejects. */
export function runCommand(request: CommandRequest): Promise<CommandRecord> {
  const began = performance.now();
  const [program = '', ...args] = request.argv;
  const stdout = new Tail();
  const stderr = new Tail();
  return new Promise((resolve) => {
    const finish = (ok: boolean, outcome: string): void => {
      const durationMs = Math.round(performance.now() - began);
      const { step, argv } = request;
      resolve({ step, argv, ok, outcome, durationMs, stdout: stdout.text, stderr: stderr.text });
    };
    let child: ChildProcess;
    try {
      child = spawn(program, args, {
        env: { ...request.env },
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      });
    } catch (error) {
      finish(false, messageOf(error));
      return;
    }
    child.stdout?.on('data', (chunk: Uint8Array) => stdout.push(chunk)).on('error', () => undefined);
    child.stderr?.on('data', (chunk: Uint8Array) => stderr.push(chunk)).on('error', () => undefined);
    const ending = endLateGroup(child, request);
    child.once('error', (error) => {
      ending.done();
      finish(false, notStarted(program, error));
    });
    child.once('exit', (code, signal) => {
      ending.done();
      const outcome =
        ending.why ?? (signal !== null ? `signal ${signal}` : code === 0 ? 'ok' : `exit ${code}`);
      const ok = code === 0 && ending.why === undefined;
      void outputOver(child).then(() => finish(ok, outcome));
    });
  });
}

interface Ending {
  /** Why it was ended by us, if it was. */
  readonly why: string | undefined;
  done(): void;
}

/** TERM to the whole group at the timeout or the abort, KILL after a grace. */
function endLateGroup(child: ChildProcess, { timeoutMs, signal }: CommandRequest): Ending {
  let why: string | undefined;
  let kill: NodeJS.Timeout | undefined;
  const end = (reason: string): void => {
    if (why !== undefined) return;
    why = reason;
    signalGroup(child, 'SIGTERM');
    kill = setTimeout(() => signalGroup(child, 'SIGKILL'), KILL_GRACE_MS);
  };
  const onAbort = (): void => end('stopped with the agent');
  const timer = setTimeout(() => end(`timeout after ${timeoutMs / 1_000}s`), timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  return {
    get why() {
      return why;
    },
    done: () => {
      clearTimeout(timer);
      clearTimeout(kill);
      // Children of a command that was ended have no right to outlive it.
      if (why !== undefined) signalGroup(child, 'SIGKILL');
      signal?.removeEventListener('abort', onAbort);
    },
  };
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone, which is what was wanted.
  }
}

function outputOver(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      clearTimeout(timer);
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve();
    };
    const timer = setTimeout(over, OUTPUT_GRACE_MS);
    child.once('close', over);
  });
}

function notStarted(program: string, error: Error): string {
  const missing = 'code' in error && error.code === 'ENOENT';
  return missing ? `'${program}' is not installed or not on the PATH` : `cannot start: ${error.message}`;
}

/** The last bytes of an output. */
class Tail {
  #chunks: Uint8Array[] = [];
  #size = 0;

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size <= 4 * OUTPUT_TAIL_BYTES) return;
    const kept = Buffer.concat(this.#chunks).subarray(-OUTPUT_TAIL_BYTES);
    this.#chunks = [Buffer.from(kept)];
    this.#size = kept.length;
  }

  get text(): string {
    return Buffer.concat(this.#chunks).subarray(-OUTPUT_TAIL_BYTES).toString('utf8');
  }
}
