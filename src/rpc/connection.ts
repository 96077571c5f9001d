import type { Socket } from 'node:net';
import { CodedError, messageOf } from '../base/errors.ts';
import { encodeFrame, wireInteger } from './codec.ts';
import { type Fields, fieldsOf, NO_FIELDS, textField, uint64Field } from './fields.ts';
import { AGENT_LIMITS, FrameReader } from './framing.ts';
import { COMMANDS, type CommandName, RPC_ERRORS, type WireStruct } from './protocol.ts';

/** What an answer brought. */
export interface Answer {
  /** The agent's error text; empty is success. */
  readonly error: string;
  /** Without fields for commands that have no answer body. */
  readonly body: Fields;
}

/** Where the records of one stream go. A throw ends the connection. */
export interface RecordSink {
  record(body: Fields): void;
  /** The connection is over: by the peer with a reason, by ourselves without. */
  end(failure?: CodedError): void;
}

interface Waiting {
  readonly hasBody: boolean;
  readonly answered: (answer: Answer) => void;
  readonly failed: (error: CodedError) => void;
}

/** What the next value on the wire is. */
type Expected =
  | { readonly type: 'header' }
  | { readonly type: 'answer'; readonly waiting: Waiting; readonly error: string }
  | { readonly type: 'record'; readonly sink: RecordSink }
  | { readonly type: 'unknown' };

const HEADER: Expected = { type: 'header' };

/**
 * The client's end of one connection: numbers requests, brings answers to those who wait and records to their sinks.
 * Values of a number nobody waits for any more are recognised and skipped, so a late answer never shifts the stream.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #reader = new FrameReader(AGENT_LIMITS);
  readonly #waiting = new Map<bigint, Waiting>();
  readonly #sinks = new Map<bigint, RecordSink>();
  #expected = HEADER;
  #lastSeq = 0n;
  #over: CodedError | undefined;

  /** @param socket connected and owned from now on */
  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#read(chunk));
    socket.once('error', (error) => this.#finish(closedError(error)));
    socket.once('end', () => this.#finish(closedError()));
    socket.once('close', () => this.#finish(closedError()));
  }

  /** The number of a request that will be sent. */
  nextSeq(): bigint {
    this.#lastSeq += 1n;
    return this.#lastSeq;
  }

  /**
   * Sends a request and waits for its answer. Rejects with `ERR_RPC_TIMEOUT`, `ERR_RPC_CLOSED` (`client closed`) or
   * `ERR_RPC_PROTOCOL`; an error of the agent is part of the answer.
   */
  request(
    command: CommandName,
    seq: bigint,
    body: WireStruct | undefined,
    timeoutMs: number,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#over !== undefined) {
        reject(this.#over);
        return;
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(seq);
        reject(timeoutError(command, timeoutMs));
      }, timeoutMs);
      this.#waiting.set(seq, {
        hasBody: COMMANDS[command].answer,
        answered: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        failed: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.#socket.write(encodeFrame({ Command: command, Seq: wireInteger(seq) }, body));
    });
  }

  /** Sends the records of `seq` to `sink`; call before the request that starts them. */
  attach(seq: bigint, sink: RecordSink): void {
    this.#sinks.set(seq, sink);
  }

  /** Records of `seq` are skipped from now on. */
  detach(seq: bigint): void {
    this.#sinks.delete(seq);
  }

  /** Hangs up; whoever still waits for an answer learns `client closed`, streams just end. */
  close(): Promise<void> {
    if (this.#over === undefined) {
      this.#endSinks();
      this.#finish(closedError());
    }
    if (this.#socket.closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#socket.once('close', () => resolve());
      this.#socket.destroy();
    });
  }

  #read(chunk: Uint8Array): void {
    if (this.#over !== undefined) return;
    try {
      this.#reader.push(chunk);
      for (let value = this.#reader.next(); value !== undefined; value = this.#reader.next())
        this.#take(value);
    } catch (error) {
      this.#finish(protocolError(error));
    }
  }

  #take(value: unknown): void {
    const expected = this.#expected;
    this.#expected = HEADER;
    switch (expected.type) {
      case 'answer':
        expected.waiting.answered({ error: expected.error, body: fieldsOf(value, 'answer') });
        return;
      case 'record':
        expected.sink.record(fieldsOf(value, 'record'));
        return;
      case 'unknown':
        if (isHeader(value)) this.#header(fieldsOf(value, 'answer header'));
        return;
      case 'header':
        this.#header(fieldsOf(value, 'answer header'));
    }
  }

  #header(header: Fields): void {
    const seq = uint64Field(header, 'Seq');
    const error = textField(header, 'Error');
    const waiting = this.#waiting.get(seq);
    const sink = this.#sinks.get(seq);
    if (waiting !== undefined) {
      this.#waiting.delete(seq);
      // An agent that does not know a command cannot know that a body belongs to its answer.
      if (waiting.hasBody && error !== RPC_ERRORS.authRequired && error !== RPC_ERRORS.unsupportedCommand)
        this.#expected = { type: 'answer', waiting, error };
      else waiting.answered({ error, body: NO_FIELDS });
    } else if (sink !== undefined) {
      this.#expected = { type: 'record', sink };
    } else {
      this.#expected = { type: 'unknown' };
    }
  }

  /** The connection is over: everyone learns why, once. */
  #finish(why: CodedError): void {
    if (this.#over !== undefined) return;
    this.#over = why;
    this.#socket.destroy();
    this.#socket.on('error', () => undefined);
    for (const waiting of this.#waiting.values()) waiting.failed(why);
    this.#waiting.clear();
    this.#endSinks(why);
  }

  #endSinks(why?: CodedError): void {
    const sinks = [...this.#sinks.values()];
    this.#sinks.clear();
    for (const sink of sinks) sink.end(why);
  }
}

/** The agent's bytes or fields mean nothing to this client. */
export function protocolError(cause: unknown): CodedError {
  return new CodedError('ERR_RPC_PROTOCOL', `the agent sent what is no RPC answer: ${messageOf(cause)}`, {
    cause,
  });
}

/** No body of this protocol has both fields of a header. */
function isHeader(value: unknown): boolean {
  return value instanceof Map && value.has('Seq') && value.has('Error');
}

function closedError(cause?: Error): CodedError {
  return new CodedError(
    'ERR_RPC_CLOSED',
    RPC_ERRORS.clientClosed,
    cause === undefined ? undefined : { cause },
  );
}

function timeoutError(command: string, timeoutMs: number): CodedError {
  return new CodedError(
    'ERR_RPC_TIMEOUT',
    `no answer to '${command}' within ${timeoutMs / 1000} s: the agent is busy or stuck, or the timeout is too short`,
  );
}
