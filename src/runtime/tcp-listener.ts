import { createServer, type Server, type Socket } from 'node:net';
import type { Counters } from '../base/counters.ts';
import { codeOf } from './net-errors.ts';
import type { SocketFamily } from './udp-socket.ts';

/** Pause after a failed accept, doubling up to the second value and reset by a success (memberlist.md 2.5). */
const ACCEPT_BACKOFF_MS = 5;
const MAX_ACCEPT_BACKOFF_MS = 1_000;
/** Connections the kernel may hold for us. */
const BACKLOG = 511;

export interface ListenerOptions {
  readonly ip: string;
  readonly family: SocketFamily;
  /** Connections open at one time; more are closed as they come. */
  readonly maxConnections: number;
  readonly counters: Counters;
  /** Owns the socket from now on. */
  readonly onConnection: (socket: Socket) => void;
  /** Makes a server; given by tests that need one that fails. */
  readonly makeServer?: typeof createServer;
}

/**
 * One listening TCP socket. When accepting fails (no descriptors, no memory) it stops listening for a while instead
 * of spinning, then listens again on the same port.
 */
export class TcpListener {
  readonly #options: ListenerOptions;
  #server: Server | undefined;
  #port = 0;
  #backoffMs = ACCEPT_BACKOFF_MS;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** Listens; rejects with the system's error and leaves nothing open. Port 0 lets the system choose. */
  static async bind(port: number, options: ListenerOptions): Promise<TcpListener> {
    const listener = new TcpListener(options);
    await listener.#listen(port);
    return listener;
  }

  get port(): number {
    return this.#port;
  }

  /** Accepts nothing more; resolves when the listening socket and every accepted connection are closed. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  #listen(port: number): Promise<void> {
    const { ip, family, maxConnections, counters, onConnection, makeServer = createServer } = this.#options;
    // Half-open is allowed because the machine, not the socket, decides when an answer is complete.
    const server = makeServer({ allowHalfOpen: true, noDelay: true });
    server.maxConnections = maxConnections;
    server.on('drop', () => counters.add('drop:connection-limit'));
    server.on('connection', (socket: Socket) => {
      this.#backoffMs = ACCEPT_BACKOFF_MS;
      onConnection(socket);
    });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: ip, port, backlog: BACKLOG, exclusive: true, ipv6Only: family === 'v6' }, () => {
        server.off('error', reject);
        if (this.#closed) {
          server.close();
          resolve();
          return;
        }
        server.on('error', (error) => this.#acceptFailed(error));
        this.#server = server;
        const bound = server.address();
        if (bound !== null && typeof bound === 'object') this.#port = bound.port;
        resolve();
      });
    });
  }

  #acceptFailed(error: Error): void {
    this.#options.counters.add(`accept-error:${codeOf(error)}`);
    if (this.#closed || this.#server === undefined) return;
    this.#server.close();
    this.#server = undefined;
    this.#retry();
  }

  #retry(): void {
    this.#timer = setTimeout(() => {
      this.#listen(this.#port).catch((error: unknown) => {
        this.#options.counters.add(`listen-error:${codeOf(error)}`);
        if (!this.#closed) this.#retry();
      });
    }, this.#backoffMs);
    this.#backoffMs = Math.min(2 * this.#backoffMs, MAX_ACCEPT_BACKOFF_MS);
  }
}
