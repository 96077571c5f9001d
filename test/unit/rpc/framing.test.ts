import { describe, expect, it } from 'vitest';
import { textOfBytes } from '../../../src/base/bytes.ts';
import { encodeFrame, wireFloat, wireInteger, wireText, wireTextMap } from '../../../src/rpc/codec.ts';
import { fieldsOf, textField } from '../../../src/rpc/fields.ts';
import { FrameReader } from '../../../src/rpc/framing.ts';
import { plain } from './harness.ts';

const LIMITS = { depth: 4, bytes: 1000, items: 50 };

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function readAll(bytes: Uint8Array, limits = LIMITS): unknown[] {
  const reader = new FrameReader(limits);
  reader.push(bytes);
  const out: unknown[] = [];
  for (let value = reader.next(); value !== undefined; value = reader.next()) out.push(plain(value));
  return out;
}

const encoded = (value: Parameters<typeof encodeFrame>[1]): string =>
  Buffer.from(encodeFrame({}, value)).toString('hex').slice(2);

describe('reading frames', () => {
  it('several values in one read come out one by one', () => {
    expect(readAll(hex('82a54572726f72a0a353657101 81a34e756d01'))).toEqual([
      { Error: '', Seq: 1 },
      { Num: 1 },
    ]);
  });

  it('a value may arrive one byte at a time', () => {
    const reader = new FrameReader(LIMITS);
    const bytes = hex('82a7436f6d6d616e64d909 68616e647368616b65 a3536571 cd0100');
    for (const byte of bytes.subarray(0, -1)) {
      reader.push(Uint8Array.of(byte));
      expect(reader.next()).toBeUndefined();
    }
    expect(reader.isBetweenValues).toBe(false);
    reader.push(bytes.subarray(-1));
    expect(plain(reader.next())).toEqual({ Command: 'handshake', Seq: 256 });
    expect(reader.isBetweenValues).toBe(true);
  });

  it('every family of the dialect is understood', () => {
    const values =
      'c0 c2 c3 7f e0 cc80 cd0100 ce00010000 cf0000000000000001 d080 d18000 d280000000 d3ffffffffffffffff';
    expect(readAll(hex(values))).toEqual([
      null,
      false,
      true,
      127,
      -32,
      128,
      256,
      65536,
      1,
      -128,
      -32768,
      -(2 ** 31),
      -1,
    ]);
    expect(
      readAll(hex('cb3ff8000000000000 ca3fc00000 c40102 c5000102 c60000000102 d90161 da000161 db0000000161')),
    ).toEqual([1.5, 1.5, '0x02', '0x02', '0x02', 'a', 'a', 'a']);
    expect(readAll(hex('9101 dc000101 dd0000000101 80 de0001a16101 df00000001a16101'))).toEqual([
      [1],
      [1],
      [1],
      {},
      { a: 1 },
      { a: 1 },
    ]);
  });

  it.each(['d40000', 'd500', 'd8', 'c70000', 'c8', 'c9', 'c1', '91d4', '81a161d6'])(
    'an extension or the unused byte is refused: %s',
    (bytes) => {
      expect(() => readAll(hex(bytes))).toThrow(/malformed frame: byte 0x.. starts no value/);
    },
  );

  it('nesting is bounded before anything is built', () => {
    expect(readAll(hex('91919191c0'))).toEqual([[[[[null]]]]]);
    expect(() => readAll(hex('9191919191c0'))).toThrow('nesting deeper than 4');
    expect(() => readAll(Buffer.alloc(1_000_000, 0x91))).toThrow('nesting deeper than 4');
  });

  it('a claimed length is refused when it is read, not when it has arrived', () => {
    expect(() => readAll(hex('db7fffffff'))).toThrow('value of 2147483652 bytes; at most 1000 are read');
    expect(() => readAll(hex('c6000003e4'))).toThrow('value of 1001 bytes');
    expect(() => readAll(hex('ddffffffff'))).toThrow('array of 4294967295 entries; at most 50');
    expect(() => readAll(hex('df00000019'))).toThrow('map of 25 entries');
    expect(() => readAll(hex('de0018'))).not.toThrow();
  });

  it('the bytes of scalars count too', () => {
    const reader = new FrameReader({ depth: 4, bytes: 10, items: 50 });
    reader.push(hex('dc000a 01010101 01010101'));
    expect(() => reader.next()).toThrow('value beyond 10 bytes');
  });

  it('limits hold for each value, not for the stream', () => {
    expect(readAll(Buffer.concat(Array.from({ length: 100 }, () => hex('c40400000000'))))).toHaveLength(100);
  });

  it('text that is not UTF-8 keeps its bytes, of any length and as a key', () => {
    for (const length of [1, 31, 32, 255, 256, 300]) {
      const content = Buffer.alloc(length, 0xff);
      const header =
        length < 32 ? [0xa0 + length] : length < 256 ? [0xd9, length] : [0xda, length >> 8, length & 0xff];
      const reader = new FrameReader(LIMITS);
      reader.push(Buffer.concat([hex('82 a14b a26f6b a14e'), Buffer.from(header), content]));
      const fields = fieldsOf(reader.next(), 'test');
      expect(textField(fields, 'K')).toBe('ok');
      expect(textField(fields, 'N')).toBe(textOfBytes(content));
    }
    expect(readAll(hex('81 a2c328 01'))).toEqual([{ '0xc328': 1 }]);
  });

  it('names of a prototype are just names', () => {
    expect(
      readAll(
        encodeFrame(
          {},
          new Map([
            ['__proto__', 'a'],
            ['constructor', 'b'],
          ]),
        ),
      )[1],
    ).toEqual(
      Object.fromEntries([
        ['__proto__', 'a'],
        ['constructor', 'b'],
      ]),
    );
  });

  it('a large value in one-byte pieces costs time in proportion', () => {
    const bytes = Buffer.concat([hex('c600020000'), Buffer.alloc(0x20000)]);
    const reader = new FrameReader({ depth: 4, bytes: 200_000, items: 50 });
    for (const byte of bytes.subarray(0, -1)) {
      reader.push(Uint8Array.of(byte));
      reader.next();
    }
    reader.push(bytes.subarray(-1));
    expect(reader.next()).toHaveLength(0x20000);
  });
});

describe('writing frames', () => {
  it.each([
    [0, '00'],
    [200, 'ccc8'],
    [0xffff_ffff, 'ceffffffff'],
    [0x1_0000_0000, 'cf0000000100000000'],
    [5, '05'],
    [-1, 'ff'],
    [-5_000_000_000, 'd3fffffffed5fa0e00'],
  ])('integer %d takes the shortest form whether number or bigint', (value, bytes) => {
    expect(encoded(wireInteger(value))).toBe(bytes);
    expect(encoded(wireInteger(BigInt(value)))).toBe(bytes);
  });

  it('the largest Seq is exact', () => {
    expect(encoded(wireInteger(0xffff_ffff_ffff_ffffn))).toBe('cfffffffffffffffff');
  });

  it('a float without fraction stays a float', () => {
    expect(encoded(wireFloat(0))).toBe('cb0000000000000000');
    expect(encoded([wireFloat(2), wireFloat(0.5)])).toBe('92cb4000000000000000cb3fe0000000000000');
  });

  it('bytes use the binary family and text str8', () => {
    expect(encoded(Uint8Array.of(1, 2))).toBe('c4020102');
    expect(encoded(new Uint8Array(0))).toBe('c400');
    expect(encoded('x'.repeat(32))).toBe(`d920${'78'.repeat(32)}`);
    expect(encoded('é'.repeat(200))).toBe(`da0190${'c3a9'.repeat(200)}`);
  });

  it.each([1, 100, 300, 70_000])(
    'text made of %d bytes that are not UTF-8 is written as those bytes',
    (length) => {
      const content = Buffer.alloc(length, 0xfe);
      const frame = Buffer.from(encodeFrame({}, wireText(textOfBytes(content))));
      expect(frame.subarray(-length).equals(content)).toBe(true);
      const reader = new FrameReader({ depth: 4, bytes: 100_000, items: 50 });
      reader.push(frame);
      reader.next();
      expect(Buffer.from(reader.next() as Uint8Array).equals(content)).toBe(true);
      expect(reader.isBetweenValues).toBe(true);
    },
  );

  it('maps keep raw keys and values, and their order', () => {
    const map = new Map([
      ['b', '1'],
      [textOfBytes(Uint8Array.of(0xff)), textOfBytes(Uint8Array.of(0x80))],
    ]);
    expect(encoded(wireTextMap(map))).toBe('82a162a131d901ffd90180');
  });

  it('a long struct has no room reserved for keys that are not there', () => {
    expect(encoded({ A: null, B: { C: [] } })).toBe('82a141c0a14281a14390');
  });
});
