import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { ipBytes } from '../../src/base/address.ts';
import { copyBytes } from '../../src/base/bytes.ts';
import { type PushPullState, pushPullCodec } from '../../src/serf/messages.ts';
import { encodeTags } from '../../src/serf/tags.ts';
import {
  decodeIndirectPing,
  decodePing,
  decodePushPull,
  encodeAck,
  encodeAlive,
  encodePushPull,
  MessageType,
  type PushPull,
  type PushPullNode,
} from '../../src/swim/messages.ts';
import { frameUser } from '../../src/swim/packer.ts';
import { StreamDecoder, type StreamRole } from '../../src/swim/stream-decoder.ts';
import { type EnvelopeConfig, openPacket } from '../../src/wire/envelope.ts';
import { unpackMessage } from '../../src/wire/unpack.ts';

/**
 * A peer made of sockets and codecs, without any rule of its own: it answers pings so that nobody takes it for dead,
 * says what it is told, and keeps every Serf message it hears.
 */

const PORT = 7946;
const EXCHANGE_TIMEOUT_MS = 5_000;
const VERSIONS = Uint8Array.of(1, 5, 2, 2, 5, 5);
const PLAIN: EnvelopeConfig = {
  label: new Uint8Array(0),
  skipInboundLabelCheck: false,
  keyring: undefined,
  verifyIncoming: true,
  verifyOutgoing: true,
  compression: false,
  protocolVersion: 2,
};

export const EMPTY_STATE: PushPullState = {
  ltime: 1,
  statusLTimes: new Map(),
  leftMembers: [],
  eventLTime: 1,
  events: [],
  queryLTime: 1,
};

export interface PeerOptions {
  readonly name: string;
  readonly ip: string;
  readonly tags?: Readonly<Record<string, string>>;
}

export class RawPeer {
  readonly name: string;
  readonly ip: string;
  /** Serf messages heard in datagrams, in order. */
  readonly heard: Uint8Array[] = [];
  /** Push/pulls others started with us. */
  readonly visits: { readonly join: boolean; readonly state: PushPullState }[] = [];
  /** What we answer to a push/pull. */
  state: PushPullState = EMPTY_STATE;
  /** A silent peer answers no ping and no stream. */
  silent = false;
  #incarnation = 1;
  #meta: Uint8Array;
  readonly #udp: UdpSocket;
  readonly #tcp: Server;

  static async open({ name, ip, tags = {} }: PeerOptions): Promise<RawPeer> {
    const udp = createSocket('udp4');
    const tcp = createServer();
    await new Promise<void>((resolve) => udp.bind(PORT, ip, resolve));
    await new Promise<void>((resolve) => tcp.listen(PORT, ip, resolve));
    return new RawPeer(name, ip, encodeTags(new Map(Object.entries(tags)), 5), udp, tcp);
  }

  private constructor(name: string, ip: string, meta: Uint8Array, udp: UdpSocket, tcp: Server) {
    this.name = name;
    this.ip = ip;
    this.#meta = meta;
    this.#udp = udp;
    this.#tcp = tcp;
    udp.on('error', () => undefined);
    udp.on('message', (bytes, from) => this.#datagram(bytes, from.address, from.port));
    tcp.on('connection', (socket) => this.#visited(socket));
  }

  /** One Serf message in a datagram of its own. */
  say(to: string, message: Uint8Array): void {
    this.raw(to, frameUser(message));
  }

  /** Any bytes. */
  raw(to: string, bytes: Uint8Array): void {
    this.#udp.send(bytes, PORT, to, () => undefined);
  }

  /** Announces `name` (ourselves by default), each time as somebody newer. */
  announce(
    to: string,
    options: { name?: string; ip?: string; meta?: Uint8Array; vsn?: Uint8Array } = {},
  ): void {
    this.#incarnation += 1;
    if (options.name === undefined && options.meta !== undefined) this.#meta = options.meta;
    this.raw(
      to,
      encodeAlive({
        incarnation: this.#incarnation,
        node: options.name ?? this.name,
        addr: ipBytes(options.ip ?? this.ip) ?? new Uint8Array(0),
        port: PORT,
        meta: options.meta ?? this.#meta,
        vsn: options.vsn ?? VERSIONS,
      }),
    );
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  /** A push/pull that we start; resolves with the other side's state. */
  async exchange(to: string, state: PushPullState, join = true): Promise<PushPullState> {
    const socket = createConnection({ host: to, port: PORT });
    try {
      socket.write(this.#pushPull(state, join));
      const reply = await readMessage(socket, 'dialling');
      return pushPullCodec.decode(decodePushPull(reply.subarray(1)).userState);
    } finally {
      socket.destroy();
    }
  }

  close(): void {
    this.#udp.close();
    this.#tcp.close();
  }

  #pushPull(state: PushPullState, join: boolean): Uint8Array {
    const node: PushPullNode = {
      name: this.name,
      addr: ipBytes(this.ip) ?? new Uint8Array(0),
      port: PORT,
      meta: this.#meta,
      incarnation: this.#incarnation,
      state: 0,
      vsn: VERSIONS,
    };
    return encodePushPull({ join, nodes: [node], userState: pushPullCodec.encode(state) });
  }

  #datagram(bytes: Uint8Array, ip: string, port: number): void {
    unpackMessage(openPacket(bytes, PLAIN), {
      message: (message) => this.#message(message, ip, port),
      dropped: () => undefined,
    });
  }

  #message(message: Uint8Array, ip: string, port: number): void {
    if (message[0] === MessageType.user) this.heard.push(copyBytes(message.subarray(1)));
    if (this.silent) return;
    const seqNo =
      message[0] === MessageType.ping
        ? decodePing(message.subarray(1)).seqNo
        : message[0] === MessageType.indirectPing
          ? decodeIndirectPing(message.subarray(1)).seqNo
          : undefined;
    if (seqNo === undefined) return;
    this.#udp.send(encodeAck({ seqNo, payload: null }), port, ip, () => undefined);
  }

  #visited(socket: Socket): void {
    socket.on('error', () => undefined);
    if (this.silent) {
      socket.destroy();
      return;
    }
    void readMessage(socket, 'accepting').then(
      (message) => {
        if (message[0] === MessageType.pushPull) {
          const pushed: PushPull = decodePushPull(message.subarray(1));
          this.visits.push({ join: pushed.join, state: pushPullCodec.decode(pushed.userState) });
          socket.end(this.#pushPull(this.state, false));
        } else {
          socket.destroy();
        }
      },
      () => socket.destroy(),
    );
  }
}

function readMessage(socket: Socket, role: StreamRole): Promise<Uint8Array> {
  const decoder = new StreamDecoder(PLAIN, role);
  return new Promise((resolve, reject) => {
    socket.setTimeout(EXCHANGE_TIMEOUT_MS, () => reject(new Error('the exchange took too long')));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the stream ended early')));
    socket.on('data', (chunk) => {
      try {
        decoder.push(chunk);
      } catch (error) {
        reject(error);
      }
      const message = decoder.take();
      if (message !== undefined) resolve(message);
    });
  });
}
