import { describe, expect, it } from 'vitest';
import { type DnsMessage, DnsType } from '../../../../src/agent/mdns/dns.ts';
import { decodeDns, MAX_DNS_BYTES, MAX_DNS_ENTRIES } from '../../../../src/agent/mdns/dns-reader.ts';
import { encodeDns } from '../../../../src/agent/mdns/dns-writer.ts';

const EMPTY: DnsMessage = {
  id: 0,
  response: false,
  opcode: 0,
  rcode: 0,
  truncated: false,
  questions: [],
  records: [],
};

const bytes = (hex: string) => Buffer.from(hex.replace(/\s/g, ''), 'hex');

/** A message of a header with one record, and what follows. */
const oneRecord = (body: string) => bytes(`0000 8400 0000 0001 0000 0000 ${body}`);

describe('a DNS message', () => {
  it('has the bytes of RFC 1035', () => {
    const question = { name: 'a.bc', type: DnsType.ptr, directPreferred: true };
    expect(Buffer.from(encodeDns({ ...EMPTY, id: 0x1234, questions: [question] }))).toEqual(
      bytes('1234 0000 0001 0000 0000 0000  01 61 02 6263 00  000c 8001'),
    );
    const records = [
      { type: 'ptr', name: 'a', target: 'b' },
      { type: 'srv', name: 'a', port: 7946, target: 'b' },
      { type: 'address', name: 'a', ip: '10.0.0.1' },
      { type: 'address', name: 'a', ip: 'fd00::1' },
      { type: 'txt', name: 'a', texts: ['xy'] },
    ] as const;
    expect(Buffer.from(encodeDns({ ...EMPTY, response: true, records }))).toEqual(
      bytes(
        `0000 8400 0000 0005 0000 0000
         0161 00  000c 0001 00000078 0003  0162 00
         0161 00  0021 0001 00000078 0009  000a 0001 1f0a 0162 00
         0161 00  0001 0001 00000078 0004  0a000001
         0161 00  001c 0001 00000078 0010  fd000000000000000000000000000001
         0161 00  0010 0001 00000078 0003  02 7879`,
      ),
    );
  });

  it('keeps names that are no UTF-8', () => {
    const read = decodeDns(bytes('0000 0000 0001 0000 0000 0000  02 ff61 00  00ff 0001'));
    expect(Buffer.from(encodeDns(read)).subarray(12)).toEqual(bytes('02 ff61 00  00ff 0001'));
  });

  it('may end names with a pointer to an earlier one', () => {
    const read = decodeDns(
      bytes(
        '0000 8400 0000 0002 0000 0000  01 61 01 62 00 000c 0001 00000078 0004 01 63 c00e  c01b 00ff 0001 00000078 0000',
      ),
    );
    expect(read.records).toEqual([{ type: 'ptr', name: 'a.b', target: 'c.b' }]);
  });

  it('counts records of all sections, and skips those of other types', () => {
    const read = decodeDns(
      bytes(`0000 8400 0000 0001 0001 0001
        00 0002 0001 00000078 0002 ffff
        00 0001 0001 00000078 0004 01020304
        00 0001 8001 00000078 0004 05060708`),
    );
    expect(read.records.map((record) => record.type === 'address' && record.ip)).toEqual([
      '1.2.3.4',
      '5.6.7.8',
    ]);
  });

  it('shows opcode, rcode and truncation', () => {
    expect(decodeDns(bytes('0001 7a03 0000 0000 0000 0000'))).toEqual({
      ...EMPTY,
      id: 1,
      opcode: 15,
      rcode: 3,
      truncated: true,
    });
    const odd = { ...EMPTY, id: 9, opcode: 2, rcode: 5, truncated: true, response: true };
    expect(decodeDns(encodeDns(odd))).toEqual(odd);
  });

  it.each([
    ['dns-truncated', 'without a whole header', bytes('0000 0000 0001')],
    ['dns-truncated', 'that ends in a name', bytes('0000 0000 0001 0000 0000 0000 05 6162')],
    ['dns-truncated', 'that ends after a name', bytes('0000 0000 0001 0000 0000 0000 00 00')],
    ['dns-truncated', 'whose data is longer than the rest', oneRecord('00 00ff 0001 00000078 0002 00')],
    ['dns-name', 'with a pointer to itself', bytes('0000 0000 0001 0000 0000 0000 c00c 0001 0001')],
    ['dns-name', 'with a pointer ahead', bytes('0000 0000 0001 0000 0000 0000 c00e 00 0001 0001')],
    ['dns-name', 'with pointers in a circle', bytes('0000 0000 0001 0000 0000 0000 01 61 c00c 0001 0001')],
    ['dns-name', 'with a label type of its own', bytes('0000 0000 0001 0000 0000 0000 40 61 00 0001 0001')],
    [
      'dns-name',
      'with a name of more than 255 bytes',
      Buffer.concat([
        bytes('0000 0000 0001 0000 0000 0000'),
        Buffer.alloc(300, bytes('0161')),
        bytes('00 0001 0001'),
      ]),
    ],
    ['dns-record', 'with an address of five bytes', oneRecord('00 0001 0001 00000078 0005 0102030405')],
    ['dns-record', 'with a target beyond its data', oneRecord('00 000c 0001 00000078 0001 01 61 00')],
    ['dns-record', 'with a text beyond its data', oneRecord('00 0010 0001 00000078 0001 01 61')],
    ['dns-entries', 'of too many entries', bytes('0000 8400 0000 0000 0000 ffff')],
    ['dns-size', 'of too many bytes', Buffer.alloc(MAX_DNS_BYTES + 1)],
  ])('is refused as %s %s', (code, _title, message) => {
    expect(() => decodeDns(message)).toThrow(expect.objectContaining({ name: 'WireError', code }));
  });

  it('may have as many entries as the limit says', () => {
    const header = Buffer.alloc(12);
    header.writeUInt16BE(MAX_DNS_ENTRIES, 4);
    const questions = Buffer.concat(Array.from({ length: MAX_DNS_ENTRIES }, () => bytes('00 0001 0001')));
    expect(decodeDns(Buffer.concat([header, questions])).questions).toHaveLength(MAX_DNS_ENTRIES);
  });

  it('may not follow pointers for ever, even if each leads back', () => {
    const LINKS = 20;
    const link = (at: number) => Buffer.from([0xc0, at]);
    // The data of a record of unknown type holds the chain; its first link leads to the empty name at 12.
    const head = bytes('0000 8400 0000 0002 0000 0000  00 00ff 0001 00000078 0028');
    const chain = Array.from({ length: LINKS }, (_, i) => link(i === 0 ? 12 : head.length + 2 * (i - 1)));
    const message = (from: number) =>
      Buffer.concat([head, ...chain, link(head.length + 2 * from), bytes('00ff 0001 00000078 0000')]);
    expect(decodeDns(message(5)).records).toEqual([]);
    expect(() => decodeDns(message(LINKS - 1))).toThrow('wrong pointer');
  });
});
