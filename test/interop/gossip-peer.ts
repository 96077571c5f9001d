import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { ipBytes, ipText } from '../../src/base/address.ts';
import { seededRandom } from '../../src/base/random.ts';
import { pushPullCodec } from '../../src/serf/messages.ts';
import * as m from '../../src/swim/messages.ts';
import { StreamDecoder } from '../../src/swim/stream-decoder.ts';
import { type EnvelopeConfig, openPacket, sealPacket, sealStream } from '../../src/wire/envelope.ts';
import { unpackMessage } from '../../src/wire/unpack.ts';
import { envelope } from '../vectors/load.ts';

/** A gossip peer without a mind of its own: sends what a test tells it, and writes down every message it hears. */

const PORT = 7946;

/** One message, decoded. */
export interface Decoded {
  readonly type: number;
  // biome-ignore lint/suspicious/noExplicitAny: one of the messages, as its type says
  readonly body: any;
  /** Encoding the decoded message again gives the bytes that came. */
  readonly canonical: boolean;
}

/** One message heard in a datagram, and how it was wrapped. */
export interface Heard extends Decoded {
  /** The datagram's first byte once decrypted, and how many messages it held. */
  readonly wrap: number;
  readonly together: number;
  readonly at: number;
}

/** What came back over a stream until its end, or until nothing more came. */
export interface Reply {
  readonly closed: boolean;
  readonly bytes: Uint8Array;
  /** Decoded, if it was one whole message. */
  readonly message: Decoded | undefined;
}

type Codec = readonly [decode: (body: Uint8Array) => unknown, encode: (message: never) => Uint8Array];

const CODECS: Readonly<Record<number, Codec>> = {
  [m.MessageType.ping]: [m.decodePing, m.encodePing],
  [m.MessageType.indirectPing]: [m.decodeIndirectPing, m.encodeIndirectPing],
  [m.MessageType.ack]: [m.decodeAck, m.encodeAck],
  [m.MessageType.nack]: [m.decodeNack, m.encodeNack],
  [m.MessageType.suspect]: [m.decodeSuspect, m.encodeSuspect],
  [m.MessageType.dead]: [m.decodeDead, m.encodeDead],
  [m.MessageType.alive]: [m.decodeAlive, m.encodeAlive],
  [m.MessageType.pushPull]: [m.decodePushPull, m.encodePushPull],
  [m.MessageType.error]: [m.decodeErrorReply, m.encodeErrorReply],
};

function read(message: Uint8Array): Decoded {
  const type = message[0] ?? -1;
  const codec = CODECS[type];
  if (codec === undefined) return { type, body: Buffer.from(message.subarray(1)), canonical: true };
  const [decode, encode] = codec;
  const body = decode(message.subarray(1));
  const again = encode(body as never);
  return { type, body, canonical: Buffer.compare(again, message) === 0 };
}

export class GossipPeer {
  readonly ip: string;
  readonly heard: Heard[] = [];
  /** Messages of streams others opened to us. */
  readonly streams: Decoded[] = [];
  /** Pings are answered while true. */
  answers = false;
  readonly #envelope: EnvelopeConfig;
  readonly #udp: UdpSocket;
  readonly #tcp: Server;
  readonly #random = seededRandom(Date.now() >>> 0);
  #seq = 1000;

  private constructor(ip: string, config: EnvelopeConfig, udp: UdpSocket, tcp: Server) {
    this.ip = ip;
    this.#envelope = config;
    this.#udp = udp;
    this.#tcp = tcp;
    udp.on('message', (bytes, from) => this.#datagram(bytes, from));
    tcp.on('connection', (socket) => this.#accept(socket));
  }

  /** Listens on port 7946 of `ip`, for datagrams and streams. */
  static async open(ip: string, changes: Partial<EnvelopeConfig> = {}): Promise<GossipPeer> {
    const udp = createSocket('udp4');
    await new Promise<void>((resolve) => udp.bind(PORT, ip, resolve));
    const tcp = createServer();
    await new Promise<void>((resolve) => tcp.listen(PORT, ip, resolve));
    return new GossipPeer(ip, envelope(changes), udp, tcp);
  }

  close(): void {
    this.#udp.close();
    this.#tcp.close();
  }

  nextSeq(): number {
    this.#seq += 1;
    return this.#seq;
  }

  /** Source fields of a ping from here. */
  source(name: string): Pick<m.Ping, 'sourceAddr' | 'sourcePort' | 'sourceNode'> {
    return { sourceAddr: ipBytes(this.ip) ?? new Uint8Array(0), sourcePort: PORT, sourceNode: name };
  }

  /** A datagram exactly as it is. */
  sendRaw(ip: string, bytes: Uint8Array): void {
    this.#udp.send(bytes, PORT, ip);
  }

  /** A message as this peer wraps it. */
  send(ip: string, message: Uint8Array): void {
    this.sendRaw(ip, sealPacket(message, this.#envelope, { crc: false }, this.#random));
  }

  /** The first message that fits, already heard since `since` or coming within `ms`. */
  async hear(fits: (heard: Heard) => boolean, ms: number, since = 0): Promise<Heard | undefined> {
    const end = performance.now() + ms;
    for (;;) {
      const found = this.heard.find((heard) => heard.at >= since && fits(heard));
      if (found !== undefined || performance.now() > end) return found;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Sends a message (or, `raw`, bytes as they are) over a stream of its own, in these chunks, and reads the reply. */
  async exchange(
    ip: string,
    message: Uint8Array,
    options: { readonly raw?: boolean; readonly chunks?: number } = {},
  ): Promise<Reply> {
    const { raw = false, chunks = 1 } = options;
    const bytes = raw ? message : sealStream(message, this.#envelope, this.#random);
    const socket = createConnection({ host: ip, port: PORT, localAddress: this.ip });
    const got: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => got.push(chunk));
    const closed = new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), 1500);
      const finish = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      socket.on('error', () => undefined);
      socket.once('end', finish);
      socket.once('close', finish);
    });
    socket.setNoDelay(true);
    const size = Math.ceil(bytes.length / chunks);
    for (let at = 0; at < bytes.length; at += size) {
      socket.write(bytes.subarray(at, at + size));
      if (chunks > 1) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const ended = await closed;
    socket.destroy();
    const all = Buffer.concat(got);
    return { closed: ended, bytes: all, message: this.#decode(all, 'dialling') };
  }

  #decode(bytes: Uint8Array, role: 'dialling' | 'accepting'): Decoded | undefined {
    if (bytes.length === 0) return undefined;
    const decoder = new StreamDecoder(this.#envelope, role);
    decoder.push(bytes);
    const message = decoder.take();
    return message === undefined ? undefined : read(message);
  }

  #datagram(bytes: Uint8Array, from: { readonly address: string }): void {
    const inner = openPacket(bytes, this.#envelope);
    const outer = this.#envelope.keyring === undefined ? bytes : inner;
    const messages: Uint8Array[] = [];
    unpackMessage(inner, {
      message: (message) => void messages.push(Uint8Array.from(message)),
      dropped: (error) => {
        throw error;
      },
    });
    const at = performance.now();
    for (const message of messages) {
      const heard = { ...read(message), wrap: outer[0] ?? -1, together: messages.length, at };
      this.heard.push(heard);
      if (!this.answers || heard.type !== m.MessageType.ping) continue;
      const { seqNo, sourceAddr } = heard.body as m.Ping;
      this.send(ipText(sourceAddr) ?? from.address, m.encodeAck({ seqNo, payload: null }));
    }
  }

  #accept(socket: Socket): void {
    const got: Buffer[] = [];
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      got.push(chunk);
      const message = this.#decode(Buffer.concat(got), 'accepting');
      if (message !== undefined) this.streams.push(message);
    });
  }
}

/** Serf's part of a push/pull, readable; Serf lists the empty slots of its event ring too, which mean nothing. */
export function serfState(state: Uint8Array): {
  readonly eventLTime: number;
  readonly events: readonly unknown[];
} {
  const { statusLTimes, events, ...rest } = pushPullCodec.decode(state);
  const used = events.filter((slot) => slot !== null).sort((a, b) => a.ltime - b.ltime);
  return { ...rest, events: used, ...{ statusLTimes: Object.fromEntries([...statusLTimes].sort()) } };
}
