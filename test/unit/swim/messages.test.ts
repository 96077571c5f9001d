import { describe, expect, it } from 'vitest';
import { textOfBytes } from '../../../src/base/bytes.ts';
import { WireError } from '../../../src/base/errors.ts';
import * as m from '../../../src/swim/messages.ts';
import { hex, unhex } from '../../vectors/load.ts';

const ip = Uint8Array.of(127, 0, 0, 1);
const source = { sourceAddr: ip, sourcePort: 7946, sourceNode: 'a' };
const noSource = { sourceAddr: new Uint8Array(0), sourcePort: 0, sourceNode: '' };
const vsn = Uint8Array.of(1, 5, 2, 2, 5, 4);
const bareVsn = Uint8Array.of(1, 5, 2, 0, 0, 0);
const none = new Uint8Array(0);
const asked = { seqNo: 300, target: ip, port: 7947, node: 'c' };
const b = { incarnation: 1, addr: ip, port: 7946, meta: Uint8Array.of(1), vsn };

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
  return 'accepted';
}

interface Golden {
  readonly name: string;
  readonly bytes: string;
  readonly encoded: Uint8Array;
  readonly decode: (body: Uint8Array) => unknown;
  readonly value: unknown;
}

function golden<T>(
  name: string,
  bytes: string,
  codec: readonly [encode: (value: T) => Uint8Array, decode: (body: Uint8Array) => T],
  value: T,
): Golden {
  return { name, bytes, encoded: codec[0](value), decode: codec[1], value };
}

const ping = [m.encodePing, m.decodePing] as const;
const indirect = [m.encodeIndirectPing, m.decodeIndirectPing] as const;
const ack = [m.encodeAck, m.decodeAck] as const;
const alive = [m.encodeAlive, m.decodeAlive] as const;

const GOLDEN: readonly Golden[] = [
  golden('ping without source', '0082a44e6f6465a162a55365714e6f2a', ping, {
    seqNo: 42,
    node: 'b',
    ...noSource,
  }),
  golden(
    'ping with source',
    '0085a44e6f6465a162a55365714e6f2aaa536f7572636541646472a47f000001aa536f757263654e6f6465a161aa536f75726365506f7274cd1f0a',
    ping,
    { seqNo: 42, node: 'b', ...source },
  ),
  golden(
    'indirect ping',
    '0188a44e61636bc3a44e6f6465a163a4506f7274cd1f0ba55365714e6fcd012caa536f7572636541646472a47f000001aa536f757263654e6f6465a161aa536f75726365506f7274cd1f0aa6546172676574a47f000001',
    indirect,
    { ...asked, nack: true, ...source },
  ),
  golden(
    'indirect ping without nack and source',
    '0185a44e61636bc2a44e6f6465a163a4506f7274cd1f0ba55365714e6fcd012ca6546172676574a47f000001',
    indirect,
    { ...asked, nack: false, ...noSource },
  ),
  golden('ack', '0282a75061796c6f6164c0a55365714e6f2a', ack, { seqNo: 42, payload: null }),
  golden('ack with payload', '0282a75061796c6f6164a26869a55365714e6fce00011170', ack, {
    seqNo: 70_000,
    payload: Uint8Array.of(0x68, 0x69),
  }),
  golden('nack', '0b81a55365714e6f2a', [m.encodeNack, m.decodeNack], { seqNo: 42 }),
  golden('error', '0d81a54572726f72a3454f46', [m.encodeErrorReply, m.decodeErrorReply], { error: 'EOF' }),
  golden(
    'suspect',
    '0383a446726f6da161ab496e6361726e6174696f6e01a44e6f6465a162',
    [m.encodeSuspect, m.decodeSuspect],
    { incarnation: 1, node: 'b', from: 'a' },
  ),
  golden('dead', '0583a446726f6da162ab496e6361726e6174696f6e01a44e6f6465a162', [m.encodeDead, m.decodeDead], {
    incarnation: 1,
    node: 'b',
    from: 'b',
  }),
  golden(
    'alive',
    '0486a441646472a47f000001ab496e6361726e6174696f6e01a44d657461a101a44e6f6465a162a4506f7274cd1f0aa356736ea6010502020504',
    alive,
    { ...b, node: 'b' },
  ),
  golden(
    'alive without meta',
    '0486a441646472a47f000001ab496e6361726e6174696f6eccc8a44d657461c0a44e6f6465a162a4506f7274cd1f0aa356736ea6010502000000',
    alive,
    { ...b, node: 'b', incarnation: 200, meta: none, vsn: bareVsn },
  ),
];

const HEADER_ONE = '83a44a6f696ec3a54e6f64657301ac5573657253746174654c656e00';
const NODE_LEFT =
  '87a441646472a47f000001ab496e6361726e6174696f6e01a44d657461a101a44e616d65a162a4506f7274cd1f0aa5537461746503a356736ea6010502020504';
const NODE_BARE =
  '87a441646472a47f000001ab496e6361726e6174696f6e01a44d657461c0a44e616d65a162a4506f7274cd1f0aa5537461746500a356736ea6010502000000';

describe('messages have the bytes Go gives them', () => {
  it.each(GOLDEN)('$name', ({ bytes, encoded, decode, value }) => {
    expect(hex(encoded)).toBe(bytes);
    expect(decode(unhex(bytes).subarray(1))).toEqual(value);
  });

  it.each([
    [NODE_LEFT, { ...b, name: 'b', state: 3 }],
    [NODE_BARE, { ...b, name: 'b', state: 0, meta: none, vsn: bareVsn }],
  ])('push/pull of one node', (bytes, node) => {
    const state = { join: true, nodes: [node], userState: none };
    expect(hex(m.encodePushPull(state))).toBe(`06${HEADER_ONE}${bytes}`);
    expect(m.decodePushPull(unhex(HEADER_ONE + bytes))).toEqual(state);
  });

  it('a meta of 40 bytes has a 16-bit header', () => {
    expect(hex(m.encodeAlive({ ...b, node: 'b', meta: new Uint8Array(40) }))).toContain(
      `a44d657461da0028${'00'.repeat(40)}`,
    );
  });

  it.each([
    ['81aa557365724d73674c656ecc', 'c8', 200],
    ['81aa557365724d73674c656ed100', 'c8', 200],
    ['81aa557365724d73674c656e', '05', 5],
  ])('the stream user header %s%s', (start, end, length) => {
    const header = unhex(start + end);
    expect(m.userStreamExtent(header)).toEqual({ start: header.length, end: header.length + length });
  });

  it('a user message on a stream is written in the old form', () => {
    expect(hex(m.encodeUserStream(new Uint8Array(5)))).toBe('0881aa557365724d73674c656e050000000000');
    expect(hex(m.encodeUserStream(new Uint8Array(200)))).toMatch(/^0881aa557365724d73674c656eccc8(00){200}$/);
  });

  it.each([
    ['ccc8', 'cd012c', 200, 300],
    ['d100c8', 'd1012c', 200, 300],
    ['cd9c40', 'ce00011170', 40_000, 70_000],
    ['d200009c40', 'd200011170', 40_000, 70_000],
  ])('a push/pull header with %s nodes and %s bytes is read', (nodes, bytes, count, length) => {
    const header = unhex(`83a44a6f696ec2a54e6f646573${nodes}ac5573657253746174654c656e${bytes}`);
    expect(m.decodePushPullHeader(header)).toEqual({
      nodes: count,
      userStateLen: length,
      join: false,
      end: header.length,
    });
  });
});

describe('what a receiver must accept, and refuse', () => {
  const accepted: readonly (readonly [string, number, string])[] = [
    ['82a44e6f6465d90162a55365714e6f2a', 42, 'b'],
    ['82a44e6f6465c40162a55365714e6f2a', 42, 'b'],
    ['82a44e6f6465c0a55365714e6fcf000000000000002a', 42, ''],
    ['82a44e6f6465a162a55365714e6fd30000000000000002', 2, 'b'],
    ['83a44e6f6465a162a55365714e6f2aa3466f6f93010203', 42, 'b'],
    ['82a46e6f6465a162a57365716e6f2a', 0, ''],
    ['922aa162', 42, 'b'],
    ['c0', 0, ''],
    ['80', 0, ''],
    ['82a44e6f6465a162a44e6f6465a163', 0, 'c'],
    ['df00000001da00055365714e6f2a', 42, ''],
  ];
  it.each(accepted)('ping %s is read', (body, seqNo, node) => {
    expect(m.decodePing(unhex(body))).toEqual({ seqNo, node, ...noSource });
  });

  it.each([
    ['82a44e6f6465a162a55365714e6fcf0000000100000001', 'msgpack-range'],
    ['82a44e6f6465a162a55365714e6fff', 'msgpack-range'],
    ['82a44e6f6465a162a55365714e6fca42280000', 'msgpack-type'],
  ])('ping %s is refused', (body, code) => {
    expect(codeOf(() => m.decodePing(unhex(body)))).toBe(code);
  });

  it('a port above 65535 is refused', () => {
    expect(codeOf(() => m.decodeAlive(unhex('81a4506f7274ce00010000')))).toBe('msgpack-range');
  });

  it('two names that differ in invalid UTF-8 stay two names', () => {
    const name = (byte: string): string => m.decodePing(unhex(`81a44e6f6465a261${byte}`)).node;
    expect(name('ff')).not.toBe(name('fe'));
    expect(name('ff')).toBe(textOfBytes(Uint8Array.of(0x61, 0xff)));
    expect(hex(m.encodePing({ seqNo: 0, node: name('ff'), ...noSource }))).toContain('a261ff');
  });
});

describe('push/pull limits hold before anything is allocated', () => {
  const header = (nodes: string, bytes: string): Uint8Array =>
    unhex(`83a44a6f696ec2a54e6f646573${nodes}ac5573657253746174654c656e${bytes}`);

  it.each([
    ['d1ffff', '00', 'push-pull-nodes'],
    ['ce77359400', '00', 'push-pull-nodes'],
    ['ce00100001', '00', 'push-pull-nodes'],
    ['cfffffffffffffffff', '00', 'push-pull-nodes'],
    ['00', 'ff', 'push-pull-state'],
    ['00', 'ce01400001', 'push-pull-state'],
    ['00', 'ce01c9c380', 'push-pull-state'],
    ['ce00100000', '00', 'push-pull-nodes'],
    ['cd0401', '00', 'push-pull-nodes'],
    ['cd0400', '00', 'msgpack-truncated'],
    ['00', 'ce01400000', 'push-pull-truncated'],
    ['00', '01', 'push-pull-truncated'],
  ])('nodes %s, user state %s: %s', (nodes, bytes, code) => {
    expect(codeOf(() => m.decodePushPull(header(nodes, bytes)))).toBe(code);
  });

  it('a header that holds only a negative node count is refused', () => {
    expect(codeOf(() => m.decodePushPull(unhex('81a54e6f646573d1ffff')))).toBe('push-pull-nodes');
  });

  it('a stream user message is limited likewise', () => {
    for (const length of ['ff', 'ce01400001', 'ce01c9c380']) {
      const body = unhex(`81aa557365724d73674c656e${length}`);
      expect(codeOf(() => m.decodeUserStream(body))).toBe('user-length');
    }
    expect(codeOf(() => m.decodeUserStream(unhex('81aa557365724d73674c656e0201')))).toBe('user-truncated');
    expect(m.decodeUserStream(unhex('81aa557365724d73674c656e00'))).toHaveLength(0);
  });

  it('bytes after the user state are ignored, and nothing is a view of the input', () => {
    const state = { join: false, nodes: [{ ...b, name: 'b', state: 0 }], userState: Uint8Array.of(1, 2) };
    const body = Uint8Array.of(...m.encodePushPull(state).subarray(1), 9, 9);
    const decoded = m.decodePushPull(body);
    body.fill(0);
    expect(decoded).toEqual(state);
  });
});
