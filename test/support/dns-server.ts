import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';

/** Bytes before the question of a DNS message. */
const HEADER_BYTES = 12;

/** A name server on loopback for one test: it knows the A records it is told, and counts the questions. */
export class DnsServer {
  /** IPv4 addresses by name; may be replaced at any time. */
  readonly records = new Map<string, readonly string[]>();
  readonly #socket: Socket;
  asked = 0;

  static async start(ip: string): Promise<DnsServer> {
    const socket = createSocket('udp4');
    socket.bind(0, ip);
    await once(socket, 'listening');
    return new DnsServer(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (question, from) => {
      this.asked += 1;
      socket.send(this.#answer(question), from.port, from.address);
    });
  }

  /** Looks a name up at this server and nowhere else. */
  readonly lookup = (host: string): Promise<readonly string[]> => {
    const { address, port } = this.#socket.address();
    const resolver = new Resolver({ timeout: 1_000, tries: 1 });
    resolver.setServers([`${address}:${port}`]);
    return resolver.resolve4(host);
  };

  close(): void {
    this.#socket.close();
  }

  #answer(question: Buffer): Buffer {
    let at = HEADER_BYTES;
    const labels: string[] = [];
    for (let length = question.readUInt8(at); length > 0; length = question.readUInt8(at)) {
      labels.push(question.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const ips = this.records.get(labels.join('.').toLowerCase());
    const header = Buffer.alloc(HEADER_BYTES);
    question.copy(header, 0, 0, 2);
    header.writeUInt16BE(ips === undefined ? 0x8583 : 0x8580, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(ips?.length ?? 0, 6);
    // Name as in the question, type A, class IN, no caching, four bytes.
    const fixed = Buffer.from([0xc0, HEADER_BYTES, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
    const answers = (ips ?? []).map((ip) => Buffer.concat([fixed, Buffer.from(ip.split('.').map(Number))]));
    return Buffer.concat([header, question.subarray(HEADER_BYTES, at + 5), ...answers]);
  }
}
