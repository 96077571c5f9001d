import { connect, type Socket } from 'node:net';
import type { MetricsSink } from './hub.ts';
import type { SinkOptions } from './statsd.ts';

/** What may wait for a connection or a slow reader; more is lost, and counted. */
const BACKLOG_BYTES = 256 * 1024;
const FLUSH_MS = 100;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** How long the last lines may take at the end. */
const CLOSE_MS = 1_000;

/** Sends lines to statsite: one TCP connection, opened again when it breaks. */
export class StatsiteSink implements MetricsSink {
  readonly #options: SinkOptions;
  #socket: Socket | undefined;
  #isConnected = false;
  #buffer = '';
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #pauseMs: number;
  #dropped = 0;
  #isTroubled = false;
  #isClosed = false;

  constructor(options: SinkOptions) {
    this.#options = options;
    this.#pauseMs = options.firstPauseMs ?? FIRST_PAUSE_MS;
    void this.#connect();
  }

  get dropped(): number {
    return this.#dropped;
  }

  line(text: string): void {
    if (this.#isClosed) return;
    const waiting = this.#buffer.length + (this.#socket?.writableLength ?? 0);
    if (waiting + text.length > BACKLOG_BYTES) {
      this.#dropped += 1;
      return;
    }
    this.#buffer += text;
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref();
  }

  async close(): Promise<void> {
    this.#flush();
    this.#isClosed = true;
    clearTimeout(this.#retry);
    const socket = this.#socket;
    if (socket === undefined) return;
    const late = setTimeout(() => socket.destroy(), CLOSE_MS);
    await new Promise<void>((resolve) => {
      if (socket.destroyed) resolve();
      else socket.once('close', () => resolve());
      if (this.#isConnected) socket.end();
      else socket.destroy();
    });
    clearTimeout(late);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#isConnected || this.#buffer === '') return;
    this.#socket?.write(this.#buffer);
    this.#buffer = '';
  }

  async #connect(): Promise<void> {
    const { target, lookup } = this.#options;
    try {
      const host = await lookup(target.host);
      if (this.#isClosed) return;
      const socket = connect({ host, port: target.port }).unref();
      this.#socket = socket;
      // Nothing is ever said to us; what is must not fill our memory.
      socket.resume();
      let why = 'the connection was closed';
      socket.on('error', (error) => {
        why = error.message;
      });
      socket.once('connect', () => this.#connected());
      socket.once('close', () => this.#broken(why));
    } catch (error) {
      this.#broken(error instanceof Error ? error.message : String(error));
    }
  }

  #connected(): void {
    this.#isConnected = true;
    this.#pauseMs = this.#options.firstPauseMs ?? FIRST_PAUSE_MS;
    if (this.#isTroubled) this.#options.onTrouble('metrics: statsite is connected again');
    this.#isTroubled = false;
    this.#flush();
  }

  #broken(why: string): void {
    this.#isConnected = false;
    this.#socket = undefined;
    if (this.#isClosed) return;
    if (!this.#isTroubled) {
      const { host, port } = this.#options.target;
      this.#options.onTrouble(`metrics: no connection to statsite at ${host}:${port}: ${why}; trying again`);
    }
    this.#isTroubled = true;
    this.#retry = setTimeout(() => void this.#connect(), this.#pauseMs).unref();
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }
}
