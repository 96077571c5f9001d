import { spawn } from 'node:child_process';
import { chownSync, closeSync, constants, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/** Linux's flag for a descriptor that names a file without reading or writing it; Node does not export it. */
const O_PATH = 0o10000000;
/** Two for each handler that runs; more than this many rarely run at once. */
const MAX_IDLE_PIPES = 64;
const MAKE_TIMEOUT_MS = 5_000;

/**
 * A pipe held by an O_PATH descriptor, which counts neither as reader nor as writer, so that its ends can be opened
 * anew for each run. Unlike the sockets that Node calls pipes it can be opened through `/dev/stdin` and shared by
 * stdout and stderr; unlike a named pipe, opening it never waits for the other end.
 */
export interface Pipe {
  readonly fd: number;
}

/** The ends of a pipe that carries a script's input. */
export interface InputEnds {
  /** For the script; blocking, as scripts expect. */
  readonly reader: number;
  /** Writes what the pipe could not hold yet, as the script reads; to be called once the script has been started. */
  feed(): void;
  /** Gives up what is not written. */
  close(): void;
  /** Everything is in the pipe, and our end of it is closed. */
  readonly isFilled: boolean;
  /** For input without an end of its own. */
  readonly writer?: Writable;
}

/** The ends of a pipe that carries a script's output. */
export interface OutputEnds {
  readonly writer: number;
  /** Not blocking, for our event loop. */
  readonly reader: number;
}

/** Makes pipes, and keeps those no process can still read or write. */
export class PipePool {
  #idle: Pipe[] = [];
  #closed = false;

  async take(): Promise<Pipe> {
    for (;;) {
      const pipe = this.#idle.pop();
      if (pipe !== undefined) return pipe;
      if (this.#closed) throw new Error('the handlers have been stopped');
      for (const made of await makePipes()) this.putBack(made);
    }
  }

  /** Only for a pipe that no process has open any more: another would mix two runs. */
  putBack(pipe: Pipe): void {
    if (!this.#closed && this.#idle.length < MAX_IDLE_PIPES) this.#idle.push(pipe);
    else discard(pipe);
  }

  close(): void {
    this.#closed = true;
    for (const pipe of this.#idle) discard(pipe);
    this.#idle = [];
  }
}

/** Hands a pipe to a user, who could otherwise not open it by name (`/dev/stdin`); the agent keeps its own ends. */
export function giveTo(pipe: Pipe, owner: PipeOwner): void {
  chownSync(pathOf(pipe), owner.uid, owner.gid);
}

export interface PipeOwner {
  readonly uid: number;
  readonly gid: number;
}

/** Opens a pipe that is written as long as its reader lives. */
export function openFeed(pipe: Pipe): InputEnds {
  const path = pathOf(pipe);
  const reader = openSync(path, constants.O_RDONLY);
  try {
    const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    const writer = new Socket({ fd, readable: false, writable: true });
    return { reader, writer, isFilled: false, feed: () => {}, close: () => writer.destroy() };
  } catch (error) {
    closeSync(reader);
    throw error;
  }
}

/** Gives a pipe up; who has it open keeps it. */
export function discard(pipe: Pipe): void {
  closeSync(pipe.fd);
}

/** Opens a pipe for input and fills it as far as it goes, which is everything for all but huge events. */
export function openInput(pipe: Pipe, input: Uint8Array): InputEnds {
  const path = pathOf(pipe);
  const opened = [openSync(path, constants.O_RDONLY)];
  try {
    opened.push(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
    const [reader, writer] = opened as [number, number];
    const rest = input.subarray(writeWhatFits(writer, input));
    return rest.length === 0 ? filled(reader, writer) : waiting(reader, writer, rest);
  } catch (error) {
    for (const fd of opened) closeSync(fd);
    throw error;
  }
}

export function openOutput(pipe: Pipe): OutputEnds {
  const path = pathOf(pipe);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return { reader, writer: openSync(path, constants.O_WRONLY) };
  } catch (error) {
    closeSync(reader);
    throw error;
  }
}

/**
 * Whether any process can still read the pipe: one that cannot be read cannot be opened for writing without waiting
 * (fifo(7)). Without readers and writers the system has dropped what was left in it.
 */
export function hasReader(pipe: Pipe): boolean {
  try {
    closeSync(openSync(pathOf(pipe), constants.O_WRONLY | constants.O_NONBLOCK));
    return true;
  } catch (error) {
    return !hasCode(error, 'ENXIO');
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function pathOf(pipe: Pipe): string {
  return `/proc/self/fd/${pipe.fd}`;
}

function writeWhatFits(writer: number, input: Uint8Array): number {
  let written = 0;
  try {
    while (written < input.length) written += writeSync(writer, input, written);
  } catch (error) {
    if (!hasCode(error, 'EAGAIN')) throw error;
  }
  return written;
}

/** With everything in the pipe, our end can go: the script reads it to its end. */
function filled(reader: number, writer: number): InputEnds {
  closeSync(writer);
  return { reader, isFilled: true, feed: () => {}, close: () => {} };
}

function waiting(reader: number, writer: number, rest: Uint8Array): InputEnds {
  let socket: Socket | undefined;
  return {
    reader,
    isFilled: false,
    feed() {
      socket = new Socket({ fd: writer, readable: false, writable: true });
      // A script that ends without reading its input is no fault of anybody.
      socket.on('error', () => {});
      socket.end(rest);
    },
    close() {
      if (socket === undefined) closeSync(writer);
      else socket.destroy();
    },
  };
}

/**
 * A shell with the writing ends of six pipes at its descriptors 4 to 9, each inherited from a pipeline around it. It
 * prints its process id and lasts until its input ends. Only the shell's own words: whatever PATH says, this works.
 */
const HOLDER = `exec 3>&1
{ { { { { { read pid rest < /proc/self/stat; echo $pid >&3; read hold
} 4>&1 | read end; } 5>&1 | read end; } 6>&1 | read end; } 7>&1 | read end; } 8>&1 | read end; } 9>&1 | read end`;
const HELD_DESCRIPTORS = [4, 5, 6, 7, 8, 9];

/** Node cannot make a pipe, but a shell can, and what another process has open can be opened by name. */
function makePipes(): Promise<Pipe[]> {
  return new Promise((resolve, reject) => {
    if (process.platform !== 'linux') throw new Error(`no pipes to open on ${process.platform}`);
    const holder = spawn('/bin/sh', ['-c', HOLDER], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: {},
      timeout: MAKE_TIMEOUT_MS,
    });
    let told = '';
    let pipes: Pipe[] = [];
    holder.stdout.on('data', (chunk: Buffer) => {
      told += chunk.toString('latin1');
      const pid = /^(\d+)\n/.exec(told)?.[1];
      if (pid === undefined || pipes.length > 0) return;
      try {
        pipes = openHeld(pid);
      } catch (error) {
        reject(error);
      }
      holder.stdin.end();
    });
    holder.stdin.on('error', () => {});
    holder.once('error', reject);
    // Only now are the pipes ours alone: until its end the holder reads them too.
    holder.once('close', () => {
      if (pipes.length > 0) resolve(pipes);
      else reject(new Error('the shell made no pipes'));
    });
  });
}

function openHeld(pid: string): Pipe[] {
  const pipes: Pipe[] = [];
  try {
    for (const held of HELD_DESCRIPTORS) pipes.push({ fd: openSync(`/proc/${pid}/fd/${held}`, O_PATH) });
    return pipes;
  } catch (error) {
    for (const { fd } of pipes) closeSync(fd);
    throw error;
  }
}
