import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import type { Counters } from '../base/counters.ts';
import type { Address, DatagramFailure } from '../base/machine.ts';
import { codeOf, datagramFailure } from './net-errors.ts';

/** Kernel buffer asked for, each way; a full push of gossip after a stall fits (memberlist.md 1.11). */
const SOCKET_BUFFER_BYTES = 2 * 1024 * 1024;
/** Below this the system's own default is no worse. */
const MIN_SOCKET_BUFFER_BYTES = 64 * 1024;
/** Datagrams the kernel would not take yet; more are dropped, since old gossip is worth less than memory. */
const MAX_SEND_QUEUE_BYTES = 4 * 1024 * 1024;

/** How a socket is bound: `dual` is IPv6 that also carries IPv4 as mapped addresses. */
export type SocketFamily = 'v4' | 'v6' | 'dual';

/** Where datagrams and their failures go. */
export interface DatagramSink {
  datagram(from: Address, bytes: Uint8Array): void;
  undeliverable(to: Address, why: DatagramFailure): void;
}

const MAPPED = '::ffff:';

/** The address as the protocol knows it: a mapped IPv4 address is IPv4. */
export function unmapped(ip: string): string {
  return ip.startsWith(MAPPED) && isIPv4(ip.slice(MAPPED.length)) ? ip.slice(MAPPED.length) : ip;
}

/** One UDP socket. Failures to send come back as `undeliverable` in a later turn, never during `send`. */
export class UdpSocket {
  readonly #socket: Socket;
  readonly #family: SocketFamily;
  readonly #counters: Counters;
  #sink: DatagramSink | undefined;

  private constructor(socket: Socket, family: SocketFamily, counters: Counters) {
    this.#socket = socket;
    this.#family = family;
    this.#counters = counters;
    socket.on('message', (bytes: Buffer, from: RemoteInfo) => {
      this.#sink?.datagram({ ip: unmapped(from.address), port: from.port }, bytes);
    });
    // A receive error concerns one datagram (an ICMP answer, a lack of memory); the socket stays usable.
    socket.on('error', (error) => counters.add(`udp-error:${codeOf(error)}`));
  }

  /** Binds; rejects with the system's error and leaves nothing open. */
  static bind(ip: string, port: number, family: SocketFamily, counters: Counters): Promise<UdpSocket> {
    const socket = createSocket({
      type: family === 'v4' ? 'udp4' : 'udp6',
      ipv6Only: family === 'v6',
      // The machine speaks IP addresses only; resolving them again would cost a turn per datagram.
      lookup: (host, _options, done) => done(null, host, family === 'v4' ? 4 : 6),
    });
    return new Promise((resolve, reject) => {
      const failed = (error: Error): void => {
        socket.close();
        reject(error);
      };
      socket.once('error', failed);
      socket.bind({ port, address: ip, exclusive: true }, () => {
        socket.off('error', failed);
        enlarge((bytes) => socket.setRecvBufferSize(bytes));
        enlarge((bytes) => socket.setSendBufferSize(bytes));
        resolve(new UdpSocket(socket, family, counters));
      });
    });
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Delivers from now on; what came earlier is lost, as datagrams may be. */
  deliver(sink: DatagramSink): void {
    this.#sink = sink;
  }

  send(to: Address, bytes: Uint8Array): void {
    if (this.#socket.getSendQueueSize() + bytes.length > MAX_SEND_QUEUE_BYTES) {
      this.#counters.add('drop:send-queue');
      this.#failed(to, 'local');
      return;
    }
    const isV4 = isIPv4(to.ip);
    if (isV4 ? this.#family === 'v6' : this.#family === 'v4') {
      this.#counters.add('drop:address-family');
      this.#failed(to, 'unreachable');
      return;
    }
    const host = isV4 && this.#family === 'dual' ? MAPPED + to.ip : to.ip;
    try {
      this.#socket.send(bytes, to.port, host, (error) => {
        if (error !== null) this.#sendFailed(to, error);
      });
    } catch (error) {
      // A port Node refuses to dial (0), which a peer may well have announced.
      setImmediate(() => this.#sendFailed(to, error));
    }
  }

  /** Stops delivering at once; resolves when the socket is closed. */
  close(): Promise<void> {
    this.#sink = undefined;
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #failed(to: Address, why: DatagramFailure): void {
    setImmediate(() => this.#sink?.undeliverable(to, why));
  }

  #sendFailed(to: Address, error: unknown): void {
    this.#counters.add(`send-error:${codeOf(error)}`);
    this.#sink?.undeliverable(to, datagramFailure(codeOf(error)));
  }
}

/** Asks for the buffer, then for half of it, and so on until the system agrees. */
function enlarge(set: (bytes: number) => void): void {
  for (let bytes = SOCKET_BUFFER_BYTES; bytes >= MIN_SOCKET_BUFFER_BYTES; bytes /= 2) {
    try {
      set(bytes);
      return;
    } catch {
      // Too much for this system: try less.
    }
  }
}
