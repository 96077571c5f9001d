import { ipText } from '../../base/address.ts';
import { textOfBytes } from '../../base/bytes.ts';
import { WireError } from '../../base/errors.ts';
import {
  CLASS_TOP_BIT,
  type DnsMessage,
  type DnsQuestion,
  type DnsRecord,
  DnsType,
  Flag,
  HEADER_BYTES,
  MAX_LABEL_BYTES,
  MAX_NAME_BYTES,
} from './dns.ts';

/** The longest message of multicast DNS (RFC 6762, 17). */
export const MAX_DNS_BYTES = 9_000;
/** Questions and records of one message; an agent's own answer has four. */
export const MAX_DNS_ENTRIES = 256;
/** Pointers followed for one name; an honest name needs one. */
const MAX_POINTERS = 16;

const POINTER = 0xc0;

function fail(code: string, message: string): never {
  throw new WireError(code, message);
}

/**
 * Reads a message. Records of types not known here are skipped.
 *
 * @throws WireError `dns-size`, `dns-truncated`, `dns-entries`, `dns-name` or `dns-record`
 */
export function decodeDns(bytes: Uint8Array): DnsMessage {
  if (bytes.length > MAX_DNS_BYTES) fail('dns-size', `a DNS message of ${bytes.length} bytes`);
  const reader = new Reader(bytes);
  const id = reader.uint16();
  const flags = reader.uint16();
  const questionCount = reader.uint16();
  const recordCount = reader.uint16() + reader.uint16() + reader.uint16();
  const entries = questionCount + recordCount;
  if (entries > MAX_DNS_ENTRIES) fail('dns-entries', `a DNS message of ${entries} entries`);
  const questions = Array.from({ length: questionCount }, () => readQuestion(reader));
  const records = Array.from({ length: recordCount }, () => readRecord(reader));
  return {
    id,
    response: (flags & Flag.response) !== 0,
    opcode: (flags >> 11) & 0xf,
    rcode: flags & 0xf,
    truncated: (flags & Flag.truncated) !== 0,
    questions,
    records: records.filter((record) => record !== undefined),
  };
}

function readQuestion(reader: Reader): DnsQuestion {
  const name = reader.name();
  const type = reader.uint16();
  return { name, type, directPreferred: (reader.uint16() & CLASS_TOP_BIT) !== 0 };
}

function readRecord(reader: Reader): DnsRecord | undefined {
  const name = reader.name();
  const type = reader.uint16();
  // Class and lifetime: what is found is used at once and kept by nobody.
  reader.take(6);
  const length = reader.uint16();
  const start = reader.at;
  const record = readData(reader, name, type, length);
  if (record === undefined) reader.take(length);
  else if (reader.at !== start + length) fail('dns-record', 'a DNS record of another length than its data');
  return record;
}

function readData(reader: Reader, name: string, type: number, length: number): DnsRecord | undefined {
  switch (type) {
    case DnsType.ptr:
      return { type: 'ptr', name, target: reader.name() };
    case DnsType.srv: {
      // Priority and weight do not matter: every agent found is as good as another.
      reader.take(4);
      const port = reader.uint16();
      return { type: 'srv', name, port, target: reader.name() };
    }
    case DnsType.a:
    case DnsType.aaaa: {
      const ip = ipText(reader.take(type === DnsType.a ? 4 : 16));
      return ip === undefined ? undefined : { type: 'address', name, ip };
    }
    case DnsType.txt:
      return { type: 'txt', name, texts: readTexts(reader, length) };
    default:
      return undefined;
  }
}

function readTexts(reader: Reader, length: number): readonly string[] {
  const texts: string[] = [];
  const end = reader.at + length;
  while (reader.at < end) texts.push(textOfBytes(reader.take(reader.uint8())));
  return texts;
}

/** Takes values from the front. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    if (bytes.length < HEADER_BYTES) fail('dns-truncated', 'a DNS message ends early');
    this.#bytes = bytes;
  }

  get at(): number {
    return this.#at;
  }

  uint8(): number {
    return this.take(1)[0] as number;
  }

  uint16(): number {
    const [high, low] = this.take(2);
    return ((high as number) << 8) | (low as number);
  }

  /** A view of the next `length` bytes. */
  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) fail('dns-truncated', 'a DNS message ends early');
    const view = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return view;
  }

  /** A name, whose end may be a pointer to an earlier one; each pointer leads further back, so none can loop. */
  name(): string {
    const labels: string[] = [];
    let size = 1;
    let pointers = 0;
    let resumeAt: number | undefined;
    let furthest = this.#at;
    for (let head = this.uint8(); head !== 0; head = this.uint8()) {
      if (head >= POINTER) {
        const target = ((head & ~POINTER) << 8) | this.uint8();
        pointers += 1;
        if (target >= furthest || pointers > MAX_POINTERS)
          fail('dns-name', 'a DNS name with a wrong pointer');
        resumeAt ??= this.#at;
        furthest = target;
        this.#at = target;
        continue;
      }
      size += head + 1;
      if (head > MAX_LABEL_BYTES || size > MAX_NAME_BYTES) fail('dns-name', 'a DNS name that is too long');
      labels.push(textOfBytes(this.take(head)));
    }
    this.#at = resumeAt ?? this.#at;
    return labels.join('.');
  }
}
