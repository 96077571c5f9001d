import type { Server, Socket } from 'node:net';
import { resolve } from 'node:path';
import { hostPort, ipBytes, ipText } from '../base/address.ts';
import { Counters } from '../base/counters.ts';
import type { Millis } from '../base/machine.ts';
import type { TraceLevel } from '../base/trace.ts';
import type { RpcBackend } from './backend.ts';
import { openListener } from './listener.ts';
import type { RpcAddress } from './protocol.ts';
import { Session } from './session.ts';
import { addressText } from './system-error.ts';

/** Connections at a time: far more than tools need, far fewer than the descriptors gossip needs. */
export const MAX_CLIENTS = 512;

/** Time to complete handshake and authentication. */
export const HANDSHAKE_TIMEOUT_MS = 30_000;

export interface RpcServerOptions {
  readonly backend: RpcBackend;
  /** Where to listen; port 0 lets the system choose. */
  readonly listeners: readonly RpcAddress[];
  /** Absent or empty: no authentication. */
  readonly authKey?: string;
  /** Log lines, `text` with Serf's component in front (`agent.ipc: …`). Must not throw. */
  readonly log: (level: TraceLevel, text: string) => void;
  /** Told of each client and each command, under Serf's names. */
  readonly onMeasured?: ((name: 'agent.ipc.accept' | 'agent.ipc.command') => void) | undefined;
  readonly handshakeTimeoutMs?: number;
  readonly maxClients?: number;
  /** A monotonic clock, in milliseconds. */
  readonly now?: () => Millis;
}

/** What the server holds. */
export interface RpcServerSummary {
  readonly clients: number;
  readonly eventStreams: number;
  readonly monitors: number;
}

/** The agent's local protocol on any number of TCP and unix sockets. */
export class RpcServer {
  readonly #options: RpcServerOptions;
  readonly #servers: Server[] = [];
  readonly #addresses: RpcAddress[] = [];
  readonly #sessions = new Map<Session, Promise<void>>();
  #accepted = 0;
  readonly #counters = new Counters();
  #closing = false;

  /**
   * Listens on every address or on none. Throws a CodedError: `ERR_RPC_IN_USE` when another process has an address,
   * `ERR_RPC_LISTEN` when it cannot be used.
   */
  static async listen(options: RpcServerOptions): Promise<RpcServer> {
    const server = new RpcServer(options);
    try {
      for (const address of options.listeners) await server.#open(address);
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  private constructor(options: RpcServerOptions) {
    this.#options = options;
  }

  /** Where it listens, in the order asked for, with the ports the system chose. */
  get addresses(): readonly RpcAddress[] {
    return this.#addresses;
  }

  /** As a client in another working directory has to say it. */
  get #socketPath(): string | undefined {
    const socket = this.#addresses.find((address) => 'path' in address);
    return socket === undefined ? undefined : resolve(socket.path);
  }

  get summary(): RpcServerSummary {
    const sessions = [...this.#sessions.keys()];
    return {
      clients: sessions.length,
      eventStreams: sessions.reduce((sum, session) => sum + session.eventStreams, 0),
      monitors: sessions.filter((session) => session.hasMonitor).length,
    };
  }

  /** Since the start: clients refused, records lost to slow ones, requests that could not be read, by reason. */
  get counters(): ReadonlyMap<string, number> {
    return this.#counters.values;
  }

  /** Stops listening, removes socket files and closes every connection. May be called more than once. */
  async close(): Promise<void> {
    this.#closing = true;
    const closed = this.#servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve)));
    for (const session of this.#sessions.keys()) session.close();
    await Promise.all([...closed, ...this.#sessions.values()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #open(address: RpcAddress): Promise<void> {
    const server = await openListener(address, (socket) => this.#accept(socket, address));
    server.on('error', (error) =>
      this.#options.log('ERR', `agent.ipc: Failed to accept client: ${error.message}`),
    );
    this.#servers.push(server);
    const bound = server.address();
    const isTcp = bound !== null && typeof bound === 'object' && 'host' in address;
    this.#addresses.push(isTcp ? { host: address.host, port: bound.port } : address);
  }

  #accept(socket: Socket, address: RpcAddress): void {
    this.#accepted += 1;
    this.#options.onMeasured?.('agent.ipc.accept');
    const name = clientName(socket, address, this.#accepted);
    if (this.#closing) {
      socket.destroy();
      return;
    }
    const limit = this.#options.maxClients ?? MAX_CLIENTS;
    if (this.#sessions.size >= limit) {
      this.#counters.add('drop:rpc-client-limit');
      this.#options.log('WARN', `agent.ipc: Refusing client: ${name}: ${limit} are connected`);
      socket.destroy();
      return;
    }
    this.#options.log('INFO', `agent.ipc: Accepted client: ${name}`);
    const session = new Session({
      socket,
      name,
      backend: this.#options.backend,
      authKey: this.#options.authKey ?? '',
      local: 'path' in address,
      socketPath: this.#socketPath,
      log: this.#options.log,
      now: this.#options.now ?? (() => performance.now()),
      handshakeTimeoutMs: this.#options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
      onCommand: () => this.#options.onMeasured?.('agent.ipc.command'),
      onDropped: (what) => this.#counters.add(`drop:rpc-${what}`),
    });
    const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const served = gone.then(() => {
      this.#sessions.delete(session);
    });
    this.#sessions.set(session, served);
    void session.run();
  }
}

/** `127.0.0.1:53220`, or the socket's path and a number because its clients have no address. */
function clientName(socket: Socket, address: RpcAddress, number: number): string {
  const bytes = socket.remoteAddress === undefined ? undefined : ipBytes(socket.remoteAddress);
  const ip = bytes === undefined ? undefined : ipText(bytes);
  if (ip !== undefined) return hostPort({ ip, port: socket.remotePort ?? 0 });
  return `${addressText(address)}#${number}`;
}
