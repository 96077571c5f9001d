import { connect, type Socket } from 'node:net';
import { encodeFrame } from '../../../src/rpc/codec.ts';
import { AGENT_LIMITS, FrameReader } from '../../../src/rpc/framing.ts';
import type { RpcAddress, WireStruct, WireValue } from '../../../src/rpc/protocol.ts';
import { RpcServer, type RpcServerOptions } from '../../../src/rpc/server.ts';
import { FakeBackend } from './fake-backend.ts';

/** Plain objects of what the wire holds: maps by name, bytes as `0x…`, bigints as numbers. */
export function plain(value: unknown): unknown {
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, item]) => [String(plain(key)), plain(item)]));
  }
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return value.map(plain);
  return typeof value === 'bigint' && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** A client that speaks the protocol by hand. */
export class RawClient {
  readonly socket: Socket;
  readonly #reader = new FrameReader(AGENT_LIMITS);
  readonly #values: unknown[] = [];
  #wake: () => void = () => {};
  #ended = false;

  static async connect(address: RpcAddress): Promise<RawClient> {
    const socket = 'path' in address ? connect(address.path) : connect(address.port, address.host);
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawClient(socket);
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay();
    socket.on('data', (chunk) => {
      this.#reader.push(chunk);
      for (let value = this.#reader.next(); value !== undefined; value = this.#reader.next()) {
        this.#values.push(plain(value));
      }
      this.#wake();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('error', end);
    socket.on('end', end);
    socket.on('close', end);
  }

  send(command: string, seq: number | bigint, body?: WireValue): void {
    this.socket.write(encodeFrame({ Command: command, Seq: seq }, body));
  }

  bytes(hex: string): void {
    this.socket.write(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  }

  /** The next `count` values; fewer when the server hangs up first. */
  async read(count: number): Promise<unknown[]> {
    while (this.#values.length < count && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#values.splice(0, count);
  }

  /** Everything until the server hangs up. */
  rest(): Promise<unknown[]> {
    return this.read(Number.POSITIVE_INFINITY);
  }

  /** Sends a request and returns what comes back, `values` of them. */
  async ask(command: string, seq: number, body?: WireStruct, values = 1): Promise<unknown[]> {
    this.send(command, seq, body);
    return this.read(values);
  }

  async handshake(): Promise<void> {
    await this.ask('handshake', 0, { Version: 1 });
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

export const HOST = '127.0.0.1';

/** A server on a free port with a scripted backend, and clients for it; disposing closes all. */
export async function rig(more: Partial<RpcServerOptions> = {}, backend = new FakeBackend()) {
  const logs: string[] = [];
  const server = await RpcServer.listen({
    backend,
    listeners: [{ host: HOST, port: 0 }],
    log: (level, text) => logs.push(`[${level}] ${text}`),
    ...more,
  });
  const clients: RawClient[] = [];
  const address = server.addresses[0] as RpcAddress;
  return {
    backend,
    server,
    logs,
    address,
    /** A fresh connection; `handshake` false leaves it so. */
    async client(options: { handshake?: boolean } = {}): Promise<RawClient> {
      const client = await RawClient.connect(address);
      clients.push(client);
      if (options.handshake !== false) await client.handshake();
      return client;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      for (const client of clients) client.socket.destroy();
      await server.close();
    },
  };
}

/** Resolves when `condition` holds; the loop turns between looks. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

export const ok = (seq: number) => ({ Error: '', Seq: seq });
export const failed = (seq: number, error: string) => ({ Error: error, Seq: seq });
