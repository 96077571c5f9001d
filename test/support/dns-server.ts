import { createSocket, type Socket } from 'node:dgram';
import type { SrvRecord } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';

/** Bytes before the question of a DNS message. */
const HEADER_BYTES = 12;

const TYPE_SRV = 33;

/** A name server on loopback for one test: it knows the A and SRV records it is told, and counts the questions. */
export class DnsServer {
  /** IPv4 addresses by name; may be replaced at any time. */
  readonly records = new Map<string, readonly string[]>();
  /** SRV records by service name. */
  readonly services = new Map<string, readonly SrvRecord[]>();
  readonly #socket: Socket;
  asked = 0;

  /** The port is any free one unless given. */
  static async start(ip: string, port = 0): Promise<DnsServer> {
    const socket = createSocket('udp4');
    socket.bind(port, ip);
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
  readonly lookup = (host: string): Promise<readonly string[]> => this.#resolver().resolve4(host);

  /** Looks a service up at this server and nowhere else. */
  readonly lookupService = (service: string): Promise<SrvRecord[]> => this.#resolver().resolveSrv(service);

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
    const name = labels.join('.').toLowerCase();
    const answers =
      question.readUInt16BE(at + 1) === TYPE_SRV
        ? this.services.get(name)?.map(srvAnswer)
        : this.records.get(name)?.map((ip) => answer(1, Buffer.from(ip.split('.').map(Number))));
    const header = Buffer.alloc(HEADER_BYTES);
    question.copy(header, 0, 0, 2);
    header.writeUInt16BE(answers === undefined ? 0x8583 : 0x8580, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(answers?.length ?? 0, 6);
    return Buffer.concat([header, question.subarray(HEADER_BYTES, at + 5), ...(answers ?? [])]);
  }

  #resolver(): Resolver {
    const { address, port } = this.#socket.address();
    const resolver = new Resolver({ timeout: 1_000, tries: 1 });
    resolver.setServers([`${address}:${port}`]);
    return resolver;
  }
}

/** A record of the name in question: class IN, no caching. */
function answer(type: number, data: Buffer): Buffer {
  const fixed = Buffer.from([0xc0, HEADER_BYTES, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]);
  return Buffer.concat([fixed, data]);
}

function srvAnswer({ priority, weight, port, name }: SrvRecord): Buffer {
  const numbers = Buffer.alloc(6);
  [priority, weight, port].forEach((value, i) => void numbers.writeUInt16BE(value, 2 * i));
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]));
  return answer(TYPE_SRV, Buffer.concat([numbers, ...labels, Buffer.of(0)]));
}
