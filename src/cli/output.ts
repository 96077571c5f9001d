import { bytesOfText } from '../base/bytes.ts';

/** Where a command's words go. Data and errors never mix, and a reader that has gone away is not a fault of ours. */
export interface Output {
  /** Text and a newline, on stdout. */
  line(text: string): void;
  /** Bytes as they are, on stdout. */
  bytes(bytes: Uint8Array): void;
  /** Text as it is, on stdout: for control sequences of a terminal. */
  raw(text: string): void;
  /** Text and a newline, on stderr. */
  error(text: string): void;
  /** Resolves once stdout accepts more: streams await it so that a slow reader bounds our memory. */
  ready(): Promise<void>;
  /** Resolves when everything written so far has been handed to the operating system or cannot be. */
  flush(): Promise<void>;
  /** Aborts when nobody reads stdout any more. */
  readonly broken: AbortSignal;
  /** Why stdout could not be written, unless its reader just left early. */
  readonly fault?: Error | undefined;
}

/** An `Output` over two streams, usually the process's own. */
export function streamOutput(stdout: NodeJS.WritableStream, stderr: NodeJS.WritableStream): Output {
  const out = sink(stdout);
  const err = sink(stderr);
  return {
    line: (text) => out.write(bytesOfText(`${text}\n`)),
    bytes: (bytes) => out.write(bytes),
    raw: (text) => out.write(bytesOfText(text)),
    error: (text) => err.write(bytesOfText(`${text}\n`)),
    ready: () => out.ready(),
    flush: async () => {
      await Promise.all([out.flush(), err.flush()]);
    },
    get broken() {
      return out.broken;
    },
    get fault() {
      return out.fault;
    },
  };
}

/** Errors of a pipe or a socket whose other end is gone. */
const READER_LEFT = ['EPIPE', 'ECONNRESET'];

interface Sink {
  write(bytes: Uint8Array): void;
  ready(): Promise<void>;
  flush(): Promise<void>;
  readonly broken: AbortSignal;
  readonly fault: Error | undefined;
}

/** After the first error (EPIPE: the reader has left; ENOSPC: the disk is full) every later byte is dropped. */
function sink(stream: NodeJS.WritableStream): Sink {
  let isBroken = false;
  let fault: Error | undefined;
  // Made for those who ask only: few commands do, and loading the class is part of the cost of a start.
  let broken: AbortController | undefined;
  let pending: Promise<void> = Promise.resolve();
  let full = false;
  // A running agent writes to the same stream, and what becomes of its log does not change its exit code.
  stream.on('error', () => {
    isBroken = true;
    broken?.abort();
  });
  return {
    write: (bytes) => {
      if (isBroken) return;
      pending = new Promise<void>((resolve) => {
        full = !stream.write(bytes, (error: NodeJS.ErrnoException | null | undefined) => {
          if (error && !READER_LEFT.includes(error.code ?? '')) fault ??= error;
          resolve();
        });
      });
    },
    ready: () => (full ? pending : Promise.resolve()),
    flush: () => pending,
    get broken() {
      broken ??= new AbortController();
      if (isBroken) broken.abort();
      return broken.signal;
    },
    get fault() {
      return fault;
    },
  };
}
