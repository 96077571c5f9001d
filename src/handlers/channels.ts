import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { messageOf } from '../base/errors.ts';
import type { Launch } from './launch.ts';
import {
  discard,
  giveTo,
  hasReader,
  type InputEnds,
  type OutputEnds,
  openFeed,
  openInput,
  openOutput,
  type Pipe,
  type PipeOwner,
  PipePool,
} from './pipes.ts';

/** Joins the two outputs, then becomes the very process that the plain call would be. */
const JOINED_OUTPUT = 'exec "$@" 2>&1';

/** A started program and the streams that its outputs go to: one for both, or stdout and stderr. */
export interface StartedProgram {
  readonly child: ChildProcess;
  readonly outputs: readonly Readable[];
  /** For what is written as long as the program lives. */
  readonly input?: Writable | undefined;
}

/** Standard input and output for one run. */
export interface Channels {
  /** Starts a program in a process group of its own. Throws when the system refuses. */
  spawn(launch: Launch): StartedProgram;
  /** Ends the use of the channels; `drained` says that the outputs were read to their end. */
  release(drained: boolean): void;
}

/** What the channels of a run have to be able to do. */
export type ChannelNeeds = Pick<Launch, 'apart' | 'owner'>;

/**
 * Makes channels that behave as Serf's do. Node's own stdio pipes are sockets, which `/dev/stdin` and `/dev/stderr`
 * cannot be opened through, and cannot be shared between stdout and stderr. So input and output are real pipes; one
 * for both outputs keeps the order of arrival. Where a system offers none, Node's sockets serve, with a shell that
 * joins the outputs.
 */
export class ChannelPool {
  readonly #onFallback: (reason: string) => void;
  readonly #pipes = new PipePool();
  #toldFallback = false;

  /** @param onFallback told once, when the first run has to do with sockets */
  constructor(onFallback: (reason: string) => void) {
    this.#onFallback = onFallback;
  }

  /** Channels whose input holds `input`, or is written as long as the program lives when that is undefined. */
  async acquire(input: Uint8Array | undefined, needs: ChannelNeeds): Promise<Channels> {
    const taken: Pipe[] = [];
    try {
      for (let i = 0; i < (needs.apart ? 3 : 2); i += 1) taken.push(await this.#take(needs.owner));
      const [inputPipe, ...outputPipes] = taken as [Pipe, ...Pipe[]];
      return new PipeChannels({
        pool: this.#pipes,
        inputPipe,
        outputPipes,
        input: input === undefined ? openFeed(inputPipe) : openInput(inputPipe, input),
        reusable: needs.owner === undefined,
      });
    } catch (error) {
      for (const pipe of taken) discard(pipe);
      if (!this.#toldFallback) this.#onFallback(messageOf(error));
      this.#toldFallback = true;
      return socketChannels(input);
    }
  }

  /** Closes the idle pipes; those in use are closed when released. */
  close(): void {
    this.#pipes.close();
  }

  async #take(owner?: PipeOwner): Promise<Pipe> {
    const pipe = await this.#pipes.take();
    if (owner === undefined) return pipe;
    try {
      giveTo(pipe, owner);
      return pipe;
    } catch (error) {
      discard(pipe);
      throw error;
    }
  }
}

interface PipeParts {
  readonly pool: PipePool;
  readonly inputPipe: Pipe;
  readonly outputPipes: readonly Pipe[];
  readonly input: InputEnds;
  /** False for pipes that belong to another user now. */
  readonly reusable: boolean;
}

class PipeChannels implements Channels {
  readonly #parts: PipeParts;

  constructor(parts: PipeParts) {
    this.#parts = parts;
  }

  spawn(launch: Launch): StartedProgram {
    const { input, outputPipes } = this.#parts;
    const outputs: OutputEnds[] = [];
    try {
      for (const pipe of outputPipes) outputs.push(openOutput(pipe));
      const [out, errors = out] = outputs as [OutputEnds, ...OutputEnds[]];
      const child = spawn(launch.file, launch.args, {
        stdio: [input.reader, out.writer, errors.writer],
        cwd: launch.directory,
        env: launch.environment,
        detached: true,
      });
      input.feed();
      return { child, outputs: outputs.map(({ reader }) => openReader(reader)), input: input.writer };
    } catch (error) {
      for (const { reader } of outputs) closeSync(reader);
      throw error;
    } finally {
      closeSync(input.reader);
      for (const { writer } of outputs) closeSync(writer);
    }
  }

  release(drained: boolean): void {
    const { input, inputPipe, outputPipes, pool, reusable } = this.#parts;
    input.close();
    // A process left behind may still read the input; it must not get that of a later run.
    if (reusable && input.isFilled && !hasReader(inputPipe)) pool.putBack(inputPipe);
    else discard(inputPipe);
    for (const pipe of outputPipes) {
      if (drained && reusable) pool.putBack(pipe);
      else discard(pipe);
    }
  }
}

function openReader(fd: number): Readable {
  return new Socket({ fd, readable: true, writable: false });
}

function socketChannels(input: Uint8Array | undefined): Channels {
  return {
    spawn(launch) {
      const { file, args, apart } = launch;
      const child = spawn(
        apart ? file : '/bin/sh',
        apart ? args : ['-c', JOINED_OUTPUT, '/bin/sh', file, ...args],
        {
          stdio: ['pipe', 'pipe', apart ? 'pipe' : 'ignore'],
          cwd: launch.directory,
          env: launch.environment,
          detached: true,
        },
      );
      const { stdin, stdout, stderr } = child;
      // A script that ends without reading its input is no fault of anybody.
      stdin?.on('error', () => {});
      if (input !== undefined) stdin?.end(input);
      child.once('exit', () => stdin?.destroy());
      const outputs = [stdout, stderr].filter((stream) => stream !== null);
      return { child, outputs, input: input === undefined ? (stdin ?? undefined) : undefined };
    },
    release() {},
  };
}
