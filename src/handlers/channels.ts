import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { messageOf } from '../base/errors.ts';
import { discard, type InputEnds, openInput, openOutput, type Pipe, PipePool } from './pipes.ts';

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

  async acquire(input: Uint8Array): Promise<Channels> {
    const taken: Pipe[] = [];
    try {
      const inputPipe = await this.#pipes.take();
      taken.push(inputPipe);
      const outputPipe = await this.#pipes.take();
      taken.push(outputPipe);
      return new PipeChannels(this.#pipes, inputPipe, outputPipe, openInput(inputPipe, input));
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
}

class PipeChannels implements Channels {
  readonly #pool: PipePool;
  readonly #inputPipe: Pipe;
  readonly #outputPipe: Pipe;
  readonly #input: InputEnds;

  constructor(pool: PipePool, inputPipe: Pipe, outputPipe: Pipe, input: InputEnds) {
    this.#pool = pool;
    this.#inputPipe = inputPipe;
    this.#outputPipe = outputPipe;
    this.#input = input;
  }

  spawn(script: string, environment: Readonly<Record<string, string>>): StartedScript {
    let output: { readonly reader: number; readonly writer: number } | undefined;
    try {
      output = openOutput(this.#outputPipe);
      const child = spawn('/bin/sh', ['-c', script], {
        stdio: [this.#input.reader, output.writer, output.writer],
        env: environment,
        detached: true,
      });
      this.#input.feed();
      return { child, output: new Socket({ fd: output.reader, readable: true, writable: false }) };
    } catch (error) {
      if (output !== undefined) closeSync(output.reader);
      throw error;
    } finally {
      closeSync(this.#input.reader);
      if (output !== undefined) closeSync(output.writer);
    }
  }

  release(drained: boolean): void {
    this.#input.close();
    // A process left behind may still read the input, and nothing tells; it must not get that of a later run.
    discard(this.#inputPipe);
    if (drained) this.#pool.putBack(this.#outputPipe);
    else discard(this.#outputPipe);
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
