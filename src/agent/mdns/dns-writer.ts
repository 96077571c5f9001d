import { ipBytes, isMappedV4 } from '../../base/address.ts';
import { assert, unreachable } from '../../base/assert.ts';
import { bytesOfText } from '../../base/bytes.ts';
import {
  CLASS_IN,
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

/** What Serf announces (agent.md 12). */
const TTL_SECONDS = 120;
const SRV_PRIORITY = 10;
const SRV_WEIGHT = 1;

/** A text of a TXT record has one length byte. */
const MAX_TEXT_BYTES = 255;

/** Bytes of `name` on the wire. */
export function nameSize(name: string): number {
  return bytesOfText(name).length + 2;
}

/** The message as bytes, its records in the answer section, authoritative if it is a response. Names must fit. */
export function encodeDns(message: DnsMessage): Uint8Array {
  const header = Buffer.alloc(HEADER_BYTES);
  const flags =
    (message.response ? Flag.response | Flag.authoritative : 0) |
    (message.opcode << 11) |
    (message.truncated ? Flag.truncated : 0) |
    message.rcode;
  header.writeUInt16BE(message.id, 0);
  header.writeUInt16BE(flags, 2);
  header.writeUInt16BE(message.questions.length, 4);
  header.writeUInt16BE(message.records.length, 6);
  return Buffer.concat([header, ...message.questions.flatMap(question), ...message.records.flatMap(record)]);
}

function question({ name, type, directPreferred }: DnsQuestion): readonly Uint8Array[] {
  return [encodeName(name), uint16(type), uint16(CLASS_IN | (directPreferred ? CLASS_TOP_BIT : 0))];
}

function record(content: DnsRecord): readonly Uint8Array[] {
  const { type, data } = recordData(content);
  const lifetime = Buffer.alloc(4);
  lifetime.writeUInt32BE(TTL_SECONDS);
  return [encodeName(content.name), uint16(type), uint16(CLASS_IN), lifetime, uint16(data.length), data];
}

function recordData(content: DnsRecord): { readonly type: number; readonly data: Uint8Array } {
  switch (content.type) {
    case 'ptr':
      return { type: DnsType.ptr, data: encodeName(content.target) };
    case 'srv': {
      const numbers = [SRV_PRIORITY, SRV_WEIGHT, content.port].map(uint16);
      return { type: DnsType.srv, data: Buffer.concat([...numbers, encodeName(content.target)]) };
    }
    case 'address':
      return addressData(content.ip);
    case 'txt':
      return { type: DnsType.txt, data: Buffer.concat(content.texts.flatMap(text)) };
    default:
      return unreachable(content);
  }
}

function addressData(ip: string): { readonly type: number; readonly data: Uint8Array } {
  const bytes = ipBytes(ip);
  assert(bytes !== undefined, 'an address record holds an IP address');
  const data = isMappedV4(bytes) ? bytes.subarray(12) : bytes;
  return { type: data.length === 4 ? DnsType.a : DnsType.aaaa, data };
}

function text(content: string): readonly Uint8Array[] {
  const bytes = bytesOfText(content);
  assert(bytes.length <= MAX_TEXT_BYTES, 'a text has one length byte');
  return [Uint8Array.of(bytes.length), bytes];
}

function encodeName(name: string): Uint8Array {
  assert(nameSize(name) <= MAX_NAME_BYTES, 'a DNS name fits its limit');
  const labels = name.split('.').flatMap((label) => {
    const bytes = bytesOfText(label);
    assert(bytes.length > 0 && bytes.length <= MAX_LABEL_BYTES, 'a DNS label fits its limit');
    return [Uint8Array.of(bytes.length), bytes];
  });
  return Buffer.concat([...labels, Uint8Array.of(0)]);
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}
