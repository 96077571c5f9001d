import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { messageOf } from '../base/errors.ts';

/** Linux's flag for a descriptor that names a file without reading or writing it; Node does not export it. */
const O_PATH = 0o10000000;
/** Pipes kept for the next run; more than this many handlers rarely run at once. */
const MAX_IDLE_PIPES = 32;
const MKFIFO_TIMEOUT_MS = 5_000;
/** Memory first: handler input may hold secrets and must not wait for a disk. */
const SCRATCH_FOLDERS: readonly string[] = ['/dev/shm', tmpdir()];
/** Joins the two outputs, then becomes the very process that the plain call would be. */
const JOINED_OUTPUT = 'exec /bin/sh -c "$1" 2>&1';

/** A started script and the one stream that both its outputs go to. */
export interface StartedScript {
  readonly child: ChildProcess;
  readonly output: Readable;
}

/** Standard input and output for one run. */
export interface Channels {
  /** Starts `/bin/sh -c SCRIPT` in a process group of its own. Throws when the system refuses. */
  spawn(script: string, environment: Readonly<Record<string, string>>): StartedScript;
  /** Ends the use of the channels; `drained` says that the output was read to its end. */
  release(drained: boolean): void;
}

/**
 * Makes channels that behave as Serf's do. Node's own stdio pipes are sockets, which `/dev/stdin` and `/dev/stderr`
 * cannot be opened through, and cannot be shared between stdout and stderr. So the output is one named pipe whose
 * name is gone (held by an O_PATH descriptor and opened anew for each run), which keeps the order of arrival; the
 * input is a nameless file in memory, which needs no writer, so a script that never reads blocks nobody. Where a
 * system offers neither, Node's sockets serve, with a shell that joins the outputs.
 */
export class ChannelPool {
  readonly #onFallback: (reason: string) => void;
  #idle: number[] = [];
  #closed = false;
  #toldFallback = false;

  /** @param onFallback told once, when the first run has to do with sockets */
  constructor(onFallback: (reason: string) => void) {
    this.#onFallback = onFallback;
  }

  async acquire(input: Uint8Array): Promise<Channels> {
    let pipe: number | undefined;
    try {
      pipe = this.#idle.pop() ?? (await makePipe());
      return new PipeChannels(openInput(input), pipe, (fd, drained) => this.#putBack(fd, drained));
    } catch (error) {
      if (pipe !== undefined) closeSync(pipe);
      if (!this.#toldFallback) this.#onFallback(messageOf(error));
      this.#toldFallback = true;
      return socketChannels(input);
    }
  }

  /** Closes the idle pipes; those in use are closed when released. */
  close(): void {
    this.#closed = true;
    for (const pipe of this.#idle) closeSync(pipe);
    this.#idle = [];
  }

  /** A pipe that some process may still write to would mix two runs, so only a drained one is used again. */
  #putBack(pipe: number, drained: boolean): void {
    if (drained && !this.#closed && this.#idle.length < MAX_IDLE_PIPES) this.#idle.push(pipe);
    else closeSync(pipe);
  }
}

class PipeChannels implements Channels {
  readonly #input: number;
  readonly #pipe: number;
  readonly #onRelease: (pipe: number, drained: boolean) => void;

  constructor(input: number, pipe: number, onRelease: (pipe: number, drained: boolean) => void) {
    this.#input = input;
    this.#pipe = pipe;
    this.#onRelease = onRelease;
  }

  spawn(script: string, environment: Readonly<Record<string, string>>): StartedScript {
    const path = `/proc/self/fd/${this.#pipe}`;
    let reader = -1;
    let writer = -1;
    try {
      // The reader comes first, because a pipe without one cannot be opened for writing without waiting.
      reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      writer = openSync(path, constants.O_WRONLY);
      const child = spawn('/bin/sh', ['-c', script], {
        stdio: [this.#input, writer, writer],
        env: environment,
        detached: true,
      });
      return { child, output: new Socket({ fd: reader, readable: true, writable: false }) };
    } catch (error) {
      if (reader >= 0) closeSync(reader);
      throw error;
    } finally {
      closeSync(this.#input);
      if (writer >= 0) closeSync(writer);
    }
  }

  release(drained: boolean): void {
    this.#onRelease(this.#pipe, drained);
  }
}

function socketChannels(input: Uint8Array): Channels {
  return {
    spawn(script, environment) {
      const child = spawn('/bin/sh', ['-c', JOINED_OUTPUT, '/bin/sh', script], {
        stdio: ['pipe', 'pipe', 'ignore'],
        env: environment,
        detached: true,
      });
      // A script that ends without reading its input is no fault of anybody.
      child.stdin.on('error', () => {});
      child.stdin.end(input);
      child.once('exit', () => child.stdin.destroy());
      return { child, output: child.stdout };
    },
    release() {},
  };
}

/** A named pipe without its name: an O_PATH descriptor, which counts neither as reader nor as writer. */
async function makePipe(): Promise<number> {
  if (process.platform !== 'linux') throw new Error(`no nameless pipes on ${process.platform}`);
  const folder = inScratch((scratch) => mkdtempSync(join(scratch, 'reeve-')));
  try {
    const path = join(folder, 'output');
    await promisify(execFile)('mkfifo', ['-m', '600', path], { timeout: MKFIFO_TIMEOUT_MS });
    return openSync(path, O_PATH);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function openInput(input: Uint8Array): number {
  if (input.length === 0) return openSync('/dev/null', 'r');
  return inScratch((scratch) => {
    const path = join(scratch, `reeve-${randomBytes(12).toString('hex')}`);
    try {
      writeFileSync(path, input, { flag: 'wx', mode: 0o600 });
      return openSync(path, 'r');
    } finally {
      rmSync(path, { force: true });
    }
  });
}

/** The result in the first scratch folder that can be written to. */
function inScratch<T>(make: (folder: string) => T): T {
  let failure: unknown;
  for (const folder of SCRATCH_FOLDERS) {
    try {
      return make(folder);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
