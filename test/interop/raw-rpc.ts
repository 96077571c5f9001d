import { createConnection, type Socket } from 'node:net';
import { Packr } from 'msgpackr/pack';
import { AGENT_LIMITS, FrameReader } from '../../src/rpc/framing.ts';

/** A client of the RPC port that knows no rules: it sends the bytes it is told and keeps every value that comes back. */

const packr = new Packr({ useRecords: false, variableMapSize: true });

/** Silence after which an agent is taken to have said all it will. */
const QUIET_MS = 300;
const CONNECT_TIMEOUT_MS = 5_000;
/** Above what any command here takes. */
const FENCE_TIMEOUT_MS = 20_000;
/** The Seq of a request whose answer says that all before it are out. */
const FENCE = 99_999;

export type Body = Readonly<Record<string, unknown>>;

/** One msgpack value. */
export function value(of: unknown): Buffer {
  return Buffer.from(packr.pack(of));
}

/** A request header, and its body when there is one. */
export function request(command: string, seq: number | bigint, body?: Body): Buffer {
  const header = value({ Command: command, Seq: seq });
  return body === undefined ? header : Buffer.concat([header, value(body)]);
}

export const HANDSHAKE = request('handshake', 0, { Version: 1 });

/** What an agent said, decoded: maps as objects with sorted keys, bytes as `0x…`, integers as numbers or texts. */
export type Heard = unknown;

export class RawRpc {
  readonly #socket: Socket;
  readonly #reader = new FrameReader(AGENT_LIMITS);
  readonly #heard: Heard[] = [];
  #closed = false;
  #lastAt = performance.now();

  static async open(host: string): Promise<RawRpc> {
    const socket = createConnection({ host, port: 7373, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
      socket.setTimeout(CONNECT_TIMEOUT_MS, () => reject(new Error('no connection')));
    });
    socket.setTimeout(0);
    return new RawRpc(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', () => undefined);
    socket.once('end', () => {
      this.#closed = true;
    });
    socket.once('close', () => {
      this.#closed = true;
    });
  }

  send(bytes: Uint8Array): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
  }

  /** Each byte in a packet of its own. */
  async trickle(bytes: Uint8Array): Promise<void> {
    for (const byte of bytes) {
      this.send(Uint8Array.of(byte));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Everything heard since the last call, once the agent has been silent; ends with `closed` when it hung up. */
  async listen(quietMs = QUIET_MS): Promise<Heard[]> {
    this.#lastAt = performance.now();
    while (!this.#closed && performance.now() - this.#lastAt < quietMs) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const heard = this.#heard.splice(0);
    if (this.#closed) heard.push('closed');
    return heard;
  }

  /** Sends a request and returns its header and body; for connections without streams. */
  async ask(command: string, body?: Body): Promise<Heard[]> {
    this.send(request(command, 1, body));
    return this.fenced();
  }

  /**
   * Everything heard since the last call up to the answer of a request of our own, so that no answer is missed however
   * slow the agent; ends with `closed` when it hung up. The connection must have had its handshake.
   */
  async fenced(): Promise<Heard[]> {
    this.send(request('stop', FENCE, { Stop: 0 }));
    const deadline = performance.now() + FENCE_TIMEOUT_MS;
    for (;;) {
      const at = this.#heard.findIndex((item) => (item as { Seq?: unknown } | null)?.Seq === FENCE);
      if (at >= 0) {
        this.#heard.splice(at, 1);
        return this.#heard.splice(0);
      }
      if (this.#closed) return [...this.#heard.splice(0), 'closed'];
      if (performance.now() > deadline) throw new Error('the agent does not answer');
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Uint8Array): void {
    this.#lastAt = performance.now();
    this.#reader.push(chunk);
    for (let next = this.#reader.next(); next !== undefined; next = this.#reader.next()) {
      this.#heard.push(plain(next));
    }
  }
}

function plain(of: unknown): Heard {
  if (of instanceof Uint8Array) return `0x${Buffer.from(of).toString('hex')}`;
  if (of instanceof Map) {
    const entries = [...of].map(([key, item]) => [String(plain(key)), plain(item)] as const);
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  if (Array.isArray(of)) return of.map(plain);
  if (typeof of === 'bigint') return of <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(of) : String(of);
  return of;
}
