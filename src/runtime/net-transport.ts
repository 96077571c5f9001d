import type { Socket } from 'node:net';
import { hostPort } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import { Counters } from '../base/counters.ts';
import { CodedError } from '../base/errors.ts';
import type { Address, StreamId } from '../base/machine.ts';
import { codeOf, systemText } from './net-errors.ts';
import { StreamTable } from './stream-table.ts';
import { TcpListener } from './tcp-listener.ts';
import type { Ingress, Transport } from './transport.ts';
import { type SocketFamily, UdpSocket } from './udp-socket.ts';

/** Streams accepted at one time; memberlist runs 127 exchanges, pings and closing streams come on top. */
export const MAX_INBOUND_STREAMS = 512;
/** Attempts to find a port that is free for both protocols (memberlist.md 6.1). */
const PORT_ATTEMPTS = 10;

/** Errors that say: this host has no IPv6. */
const NO_V6 = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL']);

interface Bound {
  readonly udp: UdpSocket;
  readonly tcp: TcpListener;
}

/**
 * The real network: one UDP socket and one TCP listener on the same address and port. An unspecified address, of
 * either family, listens on IPv4 and IPv6 where the host has both, as Go does; any other listens on itself alone.
 */
export class NetTransport implements Transport {
  readonly #bindAddress: Address;
  readonly #counters = new Counters();
  readonly #streams: StreamTable;
  #ingress: Ingress | undefined;
  #bound: Bound | undefined;
  #started = false;
  #stopped: Promise<void> = Promise.resolve();

  /** @param bindAddress an IP of this host; port 0 lets the system choose */
  constructor(bindAddress: Address) {
    this.#bindAddress = bindAddress;
    this.#streams = new StreamTable((id, input) => this.#ingress?.stream(id, input), this.#counters);
  }

  get localPort(): number {
    return this.#bound?.tcp.port ?? 0;
  }

  get counters(): ReadonlyMap<string, number> {
    return this.#counters.values;
  }

  async start(ingress: Ingress, signal: AbortSignal): Promise<void> {
    assert(!this.#started, 'a transport starts once');
    this.#started = true;
    signal.throwIfAborted();
    const bound = await this.#bindBoth();
    if (signal.aborted) {
      await Promise.all([bound.udp.close(), bound.tcp.close()]);
      signal.throwIfAborted();
    }
    this.#bound = bound;
    this.#ingress = ingress;
    bound.udp.deliver(ingress);
    signal.addEventListener('abort', () => this.#stop(bound), { once: true });
  }

  stopped(): Promise<void> {
    return this.#stopped;
  }

  sendDatagram(to: Address, bytes: Uint8Array): void {
    if (this.#ingress !== undefined) this.#bound?.udp.send(to, bytes);
  }

  openStream(to: Address): StreamId {
    return this.#streams.open(to);
  }

  writeStream(id: StreamId, bytes: Uint8Array): void {
    this.#streams.write(id, bytes);
  }

  closeStream(id: StreamId): void {
    this.#streams.close(id);
  }

  #stop(bound: Bound): void {
    this.#ingress = undefined;
    const closing = [this.#streams.destroy(), bound.udp.close(), bound.tcp.close()];
    this.#stopped = Promise.all(closing).then(() => undefined);
  }

  async #bindBoth(): Promise<Bound> {
    const { ip, port } = this.#bindAddress;
    if (ip !== '0.0.0.0' && ip !== '::') return this.#bindPort(ip, ip.includes(':') ? 'v6' : 'v4', port);
    try {
      return await this.#bindPort('::', 'dual', port);
    } catch (error) {
      const cause = error instanceof CodedError ? error.cause : error;
      if (ip === '::' || !NO_V6.has(codeOf(cause))) throw error;
      return this.#bindPort(ip, 'v4', port);
    }
  }

  /** TCP first, then UDP on the port it got; a port the system chose may be taken for UDP, so that is tried anew. */
  async #bindPort(ip: string, family: SocketFamily, port: number): Promise<Bound> {
    for (let attempt = 1; ; attempt += 1) {
      const tcp = await this.#bindTcp(ip, family, port);
      try {
        return { tcp, udp: await UdpSocket.bind(ip, tcp.port, family, this.#counters) };
      } catch (error) {
        await tcp.close();
        if (port === 0 && codeOf(error) === 'EADDRINUSE' && attempt < PORT_ATTEMPTS) continue;
        throw this.#bindError('UDP', port === 0 ? tcp.port : port, error);
      }
    }
  }

  async #bindTcp(ip: string, family: SocketFamily, port: number): Promise<TcpListener> {
    try {
      return await TcpListener.bind(port, {
        ip,
        family,
        maxConnections: MAX_INBOUND_STREAMS,
        counters: this.#counters,
        onConnection: (socket) => this.#accept(socket),
      });
    } catch (error) {
      throw this.#bindError('TCP', port, error);
    }
  }

  #accept(socket: Socket): void {
    // Between the two binds nobody listens yet, and a peer would wait for an answer that never comes.
    if (this.#ingress === undefined) socket.destroy();
    else this.#streams.accept(socket);
  }

  #bindError(protocol: 'TCP' | 'UDP', port: number, cause: unknown): CodedError {
    const { ip } = this.#bindAddress;
    const where = `listen ${protocol.toLowerCase()} ${hostPort({ ip, port })}`;
    return new CodedError(
      'ERR_BIND',
      `Failed to start ${protocol} listener on "${ip}" port ${port}: ${where}: bind: ${systemText(cause)}`,
      { cause },
    );
  }
}
