import { createHash, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { bytesOfText } from '../base/bytes.ts';
import { messageOf, WireError } from '../base/errors.ts';
import type { Millis } from '../base/machine.ts';
import type { TraceLevel } from '../base/trace.ts';
import type { RpcBackend } from './backend.ts';
import { encodeFrame, wireInteger } from './codec.ts';
import type { Access, Command, CommandContext, Reply } from './commands/command.ts';
import { COMMAND_TABLE } from './commands/index.ts';
import { type Fields, fieldsOf, NO_FIELDS, textField, uint64Field } from './fields.ts';
import { CLIENT_LIMITS, FrameReader, STRANGER_LIMITS } from './framing.ts';
import { ClientOutput } from './output.ts';
import {
  COMMANDS,
  isCommand,
  privilegedError,
  RPC_ERRORS,
  type WireStruct,
  type WireValue,
} from './protocol.ts';
import type { StreamHost } from './streams/host.ts';
import { StreamTable } from './streams/table.ts';

/** How long a client may take to read what is left when the server hangs up. */
const LINGER_MS = 2000;

/** How long `leave` waits for its answer to reach the system. */
const FLUSH_MS = 1000;

/** What a server gives each connection. */
export interface SessionOptions {
  readonly socket: Socket;
  /** How logs name the client. */
  readonly name: string;
  readonly backend: RpcBackend;
  /** Empty: whoever connects may do anything, but over TCP nothing privileged. */
  readonly authKey: string;
  /** The client came through the unix socket, which only the agent's user may. */
  readonly local: boolean;
  /** The unix socket beside this way in, for those who are told to use it. */
  readonly socketPath?: string | undefined;
  readonly log: (level: TraceLevel, text: string) => void;
  readonly now: () => Millis;
  /** How long a connection may stay without completing handshake and authentication. */
  readonly handshakeTimeoutMs: number;
  /** Something was lost or refused; `reason` ends the counter's name. */
  readonly onDropped: (reason: string) => void;
  /** A command has come in. */
  readonly onCommand: () => void;
}

interface Request {
  readonly command: string;
  readonly seq: bigint;
}

/**
 * One client's connection: handshake, authentication, then requests strictly one after another, while streams write
 * their records in between (agent.md 2, 5). What it reads is bounded by framing.ts, what it holds for the client by
 * output.ts.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #reader = new FrameReader(STRANGER_LIMITS);
  readonly #output: ClientOutput;
  readonly #streams: StreamTable;
  readonly #access: Access;
  readonly #handshakeTimer: NodeJS.Timeout;
  #handshaken = false;
  #authenticated: boolean;
  #toldLogsDropped = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#socket = options.socket;
    this.#chunks = options.socket.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]();
    this.#authenticated = options.authKey === '';
    this.#output = new ClientOutput(options.socket, () => this.#cutOff());
    this.#streams = new StreamTable(this.#streamHost(), options.now);
    this.#access = this.#accessControl();
    this.#handshakeTimer = setTimeout(() => this.#giveUp(), options.handshakeTimeoutMs);
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.once('close', () => {
      clearTimeout(this.#handshakeTimer);
      this.#streams.close();
    });
  }

  get eventStreams(): number {
    return this.#streams.eventStreams;
  }

  get hasMonitor(): boolean {
    return this.#streams.hasMonitor;
  }

  /** Serves the connection until it ends; never rejects. */
  async run(): Promise<void> {
    try {
      let more = true;
      while (more) {
        const request = await this.#request();
        more = request !== undefined && (await this.#handle(request));
      }
    } catch (error) {
      if (error instanceof WireError) {
        this.#options.onDropped(error.code === 'ERR_RPC_FRAME' ? 'frame' : 'field');
        this.#log('ERR', `bad request: ${error.message}`);
      } else if (!this.#socket.destroyed) this.#log('ERR', `connection failed: ${messageOf(error)}`);
    }
    this.close();
  }

  /** Hangs up: streams end at once, answers already given still leave if the client reads them soon. */
  close(): void {
    this.#streams.close();
    if (this.#socket.destroyed) return;
    const timer = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    this.#socket.once('close', () => clearTimeout(timer));
    this.#socket.destroySoon();
  }

  /** The next header; undefined when the client has ended the connection. */
  async #request(): Promise<Request | undefined> {
    // A client that asks without reading the answers waits here, not in our memory.
    await this.#output.ready();
    let value = await this.#value();
    while (isStrayBody(value)) value = await this.#value();
    if (value === undefined) return undefined;
    const header = fieldsOf(value, 'request header');
    return { command: textField(header, 'Command'), seq: uint64Field(header, 'Seq') };
  }

  /** Answers one request. False when the connection must end. */
  async #handle({ command, seq }: Request): Promise<boolean> {
    this.#options.onCommand();
    if (!this.#handshaken && command !== 'handshake') {
      this.#answer(seq, RPC_ERRORS.handshakeRequired);
      return false;
    }
    if (!this.#authenticated && command !== 'handshake' && command !== 'auth') {
      // Serf leaves the body unread and answers it as a second request; ours knows which commands have one.
      if (isCommand(command) && COMMANDS[command].request) await this.#body();
      this.#answer(seq, RPC_ERRORS.authRequired);
      return true;
    }
    if (!isCommand(command)) {
      this.#answer(seq, RPC_ERRORS.unsupportedCommand);
      return false;
    }
    const body = COMMANDS[command].request ? await this.#body() : NO_FIELDS;
    if (body === undefined) return false;
    const entry: Command = COMMAND_TABLE[command];
    const reply = await this.#run(entry, seq, body);
    this.#answer(seq, reply.error ?? '', reply.body);
    await reply.afterwards?.();
    return true;
  }

  async #run(command: Command, seq: bigint, body: Fields): Promise<Reply> {
    const trusted = this.#options.local || this.#options.authKey !== '';
    if (command.privileged === true && !trusted) {
      const { emptyBody: body } = command;
      const error = privilegedError(this.#options.socketPath);
      return body === undefined ? { error } : { error, body };
    }
    const context: CommandContext = {
      trusted,
      backend: this.#options.backend,
      seq,
      streams: this.#streams,
      access: this.#access,
      log: (level, text) => this.#options.log(level, text),
      flushed: () => this.#output.flushed(FLUSH_MS),
    };
    try {
      return await command.run(context, body);
    } catch (error) {
      if (error instanceof WireError) throw error;
      const text = messageOf(error) || 'unknown error';
      return command.emptyBody === undefined ? { error: text } : { error: text, body: command.emptyBody };
    }
  }

  #answer(seq: bigint, error: string, body?: WireValue): void {
    this.#output.send(encodeFrame({ Error: error, Seq: wireInteger(seq) }, body));
  }

  async #body(): Promise<Fields | undefined> {
    const value = await this.#value();
    return value === undefined ? undefined : fieldsOf(value, 'request body');
  }

  /** The next msgpack value; undefined when the connection has ended. */
  async #value(): Promise<unknown> {
    for (;;) {
      const value = this.#reader.next();
      if (value !== undefined) return value;
      const chunk = await this.#chunks.next().catch(() => undefined);
      if (chunk === undefined || chunk.done === true) return undefined;
      this.#reader.push(chunk.value);
    }
  }

  #accessControl(): Access {
    const session = this;
    return {
      get handshaken() {
        return session.#handshaken;
      },
      handshake: () => {
        this.#handshaken = true;
        this.#admit();
      },
      authenticate: (key) => {
        const good = sameText(key, this.#options.authKey);
        if (good) this.#authenticated = true;
        this.#admit();
        return good;
      },
    };
  }

  /** A client that is known may take its time and send larger requests. */
  #admit(): void {
    if (!this.#handshaken || !this.#authenticated) return;
    clearTimeout(this.#handshakeTimer);
    this.#reader.limit(CLIENT_LIMITS);
  }

  #streamHost(): StreamHost {
    return {
      backend: this.#options.backend,
      record: (seq: bigint, body: WireStruct) => this.#answer(seq, '', body),
      ready: async () => {
        await this.#output.ready();
        this.#toldLogsDropped = false;
      },
      dropped: (what) => this.#dropped(what),
      failed: (error) => this.#log('ERR', `stream failed: ${messageOf(error)}`),
    };
  }

  #dropped(what: 'event' | 'logs'): void {
    this.#options.onDropped(what);
    if (what === 'event') {
      this.#options.log('WARN', `agent.ipc: Dropping event to ipc.client: ${this.#options.name}`);
      return;
    }
    // The line itself is a log record: once per stall, and outside the log path.
    if (this.#toldLogsDropped) return;
    this.#toldLogsDropped = true;
    setImmediate(() => {
      this.#options.log('WARN', `agent.ipc: Dropping logs to ipc.client: ${this.#options.name}`);
    });
  }

  #giveUp(): void {
    this.#log('WARN', 'no complete handshake in time, closing');
    this.#socket.destroy();
  }

  #cutOff(): void {
    if (this.#socket.destroyed) return;
    this.#log('WARN', 'does not read its answers, closing');
    this.#socket.destroy();
  }

  #log(level: TraceLevel, text: string): void {
    this.#options.log(level, `agent.ipc: ipc.client: ${this.#options.name}: ${text}`);
  }
}

/**
 * A map, or an empty array for one, that cannot be a header: old clients send a body, mostly an empty one, also with commands that take none. Serf
 * decodes it over the header before it, so that it repeats the request; here it is skipped.
 */
function isStrayBody(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value instanceof Map && !value.has('Command') && !value.has('Seq');
}

/** Compares without telling, by its time, how much of a guess was right. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(bytesOfText(text)).digest();
  return timingSafeEqual(digest(a), digest(b));
}
