import { describe, expect, it } from 'vitest';
import { WireError } from '../../../src/base/errors.ts';
import * as k from '../../../src/wire/msgpack.ts';
import { MAX_DECODED_ITEMS } from '../../../src/wire/msgpack-reader.ts';
import { hex, unhex } from '../../vectors/load.ts';

interface Sample {
  readonly zulu: number;
  readonly alpha: string;
  readonly memo: Uint8Array;
}

const sample = k.struct<Sample>({
  zulu: ['Zulu', k.u32],
  alpha: ['Alpha', k.text],
  memo: ['Memo', k.bytes, 'omit-empty'],
});

function codeOf(kind: k.Kind<unknown>, input: string): string {
  try {
    k.decode(kind, unhex(input));
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
  return 'accepted';
}

const write = <T>(kind: k.Kind<T>, value: T): string => hex(k.encode(kind, value));

describe('integers', () => {
  it.each([
    [0, '00'],
    [127, '7f'],
    [128, 'cc80'],
    [255, 'ccff'],
    [256, 'cd0100'],
    [65_535, 'cdffff'],
    [65_536, 'ce00010000'],
    [0xffff_ffff, 'ceffffffff'],
    [0x1_0000_0000, 'cf0000000100000000'],
    [Number.MAX_SAFE_INTEGER, 'cf001fffffffffffff'],
    [-1, 'ff'],
    [-32, 'e0'],
    [-33, 'd0df'],
    [-128, 'd080'],
    [-129, 'd1ff7f'],
    [-32_768, 'd18000'],
    [-32_769, 'd2ffff7fff'],
    [-0x8000_0000, 'd280000000'],
    [-0x8000_0001, 'd3ffffffff7fffffff'],
    [Number.MIN_SAFE_INTEGER, 'd3ffe0000000000001'],
  ])('%i is written in its shortest form and read back', (value, bytes) => {
    expect(write(k.i64, value)).toBe(bytes);
    expect(k.decode(k.i64, unhex(bytes))).toBe(value);
  });

  it.each([
    '05',
    'cc05',
    'cd0005',
    'ce00000005',
    'cf0000000000000005',
    'd005',
    'd10005',
    'd200000005',
    'd30000000000000005',
  ])('of any width are read: %s', (bytes) => {
    for (const kind of [k.u8, k.u16, k.u32, k.u64, k.i64]) expect(k.decode(kind, unhex(bytes))).toBe(5);
  });

  it('that do not fit the field are refused', () => {
    expect(codeOf(k.u8, 'cd0100')).toBe('msgpack-range');
    expect(codeOf(k.u16, 'ce00010000')).toBe('msgpack-range');
    expect(codeOf(k.u32, 'cf0000000100000000')).toBe('msgpack-range');
    for (const negative of ['ff', 'd0ff', 'd1ffff', 'd2ffffffff', 'd3ffffffffffffffff']) {
      for (const kind of [k.u8, k.u16, k.u32, k.u64]) expect(codeOf(kind, negative)).toBe('msgpack-range');
    }
  });

  it('of a Lamport time end at 2^53-1', () => {
    expect(k.decode(k.u64, unhex('cf001fffffffffffff'))).toBe(Number.MAX_SAFE_INTEGER);
    expect(codeOf(k.u64, 'cf0020000000000000')).toBe('lamport-too-large');
    expect(codeOf(k.u64, 'cfffffffffffffffff')).toBe('lamport-too-large');
  });

  it('above 2^63-1 are negative for a signed field, as in Go', () => {
    expect(k.decode(k.i64, unhex('cfffffffffffffffff'))).toBe(-1);
    expect(k.decode(k.i64, unhex('cf7fffffffffffffff'))).toBe(2 ** 63);
  });

  it('are never floats or text', () => {
    for (const bytes of ['ca42280000', 'cb4045000000000000', 'a12a', 'c3', '90', '80', 'c1']) {
      expect(codeOf(k.u32, bytes)).toBe('msgpack-type');
    }
  });

  it('that the wire cannot carry are our own mistake', () => {
    expect(() => k.encode(k.u64, 2 ** 53)).toThrow('broken invariant');
    expect(() => k.encode(k.u32, 1.5)).toThrow('broken invariant');
  });
});

describe('floats and booleans', () => {
  it('floats are written in eight bytes and read in any form', () => {
    expect(write(k.f64, 1.5)).toBe('cb3ff8000000000000');
    expect(write(k.f64, 0)).toBe('cb0000000000000000');
    for (const [bytes, value] of [
      ['cb3ff8000000000000', 1.5],
      ['ca3fc00000', 1.5],
      ['05', 5],
      ['d1ff7f', -129],
      ['c0', 0],
    ] as const) {
      expect(k.decode(k.f64, unhex(bytes))).toBe(value);
    }
    expect(k.decode(k.f64, unhex('cb7ff8000000000000'))).toBeNaN();
  });

  it('booleans are read from 0 and 1 too, from nothing else', () => {
    expect(['c3', '01', 'c2', '00', 'c0'].map((bytes) => k.decode(k.bool, unhex(bytes)))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    for (const bytes of ['02', 'ff', 'a0', 'cc01']) expect(codeOf(k.bool, bytes)).toBe('msgpack-type');
    expect([write(k.bool, true), write(k.bool, false)]).toEqual(['c3', 'c2']);
  });
});

describe('text and bytes', () => {
  it.each([
    [0, 'a0'],
    [31, 'bf'],
    [32, 'da0020'],
    [255, 'da00ff'],
    [65_535, 'daffff'],
    [65_536, 'db00010000'],
  ])('of %i bytes have a raw header, never str8 or bin', (length, header) => {
    const ascii = 'x'.repeat(length);
    expect(write(k.text, ascii)).toBe(header + '78'.repeat(length));
    expect(write(k.bytes, new Uint8Array(length))).toBe(header + '00'.repeat(length));
    expect(k.decode(k.text, k.encode(k.text, ascii))).toBe(ascii);
    expect(k.decode(k.bytes, k.encode(k.bytes, Buffer.from(ascii)))).toEqual(
      Uint8Array.from(Buffer.from(ascii)),
    );
  });

  it('are read from both families of every width', () => {
    for (const header of ['a1', 'd901', 'da0001', 'db00000001', 'c401', 'c50001', 'c600000001']) {
      expect(k.decode(k.text, unhex(`${header}62`))).toBe('b');
      expect(k.decode(k.bytes, unhex(`${header}62`))).toEqual(Uint8Array.of(0x62));
    }
  });

  it('bytes may be an array of integers 0..255', () => {
    expect(k.decode(k.bytes, unhex('9301ccff03'))).toEqual(Uint8Array.of(1, 255, 3));
    expect(k.decode(k.bytes, unhex('dc000105'))).toEqual(Uint8Array.of(5));
    expect(codeOf(k.bytes, '91cd0100')).toBe('msgpack-range');
    expect(codeOf(k.bytes, '91ff')).toBe('msgpack-range');
    expect(codeOf(k.text, '9101')).toBe('msgpack-type');
  });

  it('nil is empty, or null where the difference matters', () => {
    expect(k.decode(k.text, unhex('c0'))).toBe('');
    expect(k.decode(k.bytes, unhex('c0'))).toHaveLength(0);
    expect(k.decode(k.bytesOrNull, unhex('c0'))).toBeNull();
    expect(k.decode(k.bytesOrNull, unhex('a0'))).toHaveLength(0);
    expect([null, new Uint8Array(0)].map((value) => write(k.bytesOrNull, value))).toEqual(['c0', 'a0']);
    expect([write(k.bytes, new Uint8Array(0)), write(k.bytesEmptyAsNil, new Uint8Array(0))]).toEqual([
      'a0',
      'c0',
    ]);
  });

  it('text keeps invalid UTF-8 and multi-byte characters', () => {
    for (const bytes of ['a2fffe', 'a3e282ac', 'a4f09f9880', 'a3e28261']) {
      expect(write(k.text, k.decode(k.text, unhex(bytes)))).toBe(bytes);
    }
    expect(k.decode(k.text, unhex('a3e282ac'))).toBe('€');
  });

  it('a negative integer is not text', () => {
    for (const head of ['e0', 'ff'])
      expect(codeOf(k.text, `${head}${'61'.repeat(100)}`)).toBe('msgpack-type');
  });

  it('results do not share memory with the input', () => {
    const input = unhex('a3010203');
    const value = k.decode(k.bytes, input);
    const viaBuffer = k.decode(k.bytes, Buffer.from(input.buffer));
    input.fill(0);
    expect([value, viaBuffer]).toEqual([Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 3)]);
  });
});

describe('structs', () => {
  const value = { zulu: 7, alpha: 'a', memo: Uint8Array.of(1) };

  it('are maps with sorted keys; empty omit-empty fields are left out', () => {
    expect(write(sample, value)).toBe('83a5416c706861a161a44d656d6fa101a45a756c7507');
    expect(write(sample, { ...value, memo: new Uint8Array(0) })).toBe('82a5416c706861a161a45a756c7507');
  });

  it('are read with keys in any order, in any string form, unknown ones skipped', () => {
    expect(k.decode(sample, unhex('83a45a756c7507a44d656d6fa101a5416c706861a161'))).toEqual(value);
    expect(k.decode(sample, unhex('de0001da00045a756c7507'))).toEqual({
      ...value,
      alpha: '',
      memo: k.bytes.zero,
    });
    expect(k.decode(sample, unhex('df00000001c4045a756c7507')).zulu).toBe(7);
    const nested = '93c081a16101d8000102030405060708090a0b0c0d0e0f10';
    const padded = `83a3666f6f${nested}a45a756c7507a36261720f`;
    expect(k.decode(sample, unhex(padded.padEnd(padded.length + 2, '0')))).toMatchObject({
      zulu: 7,
      alpha: '',
    });
  });

  it('take the last of repeated keys, know keys by exact case, refuse keys that are not text', () => {
    expect(k.decode(sample, unhex('82a45a756c7501a45a756c7502')).zulu).toBe(2);
    expect(k.decode(sample, unhex('81a47a756c7502')).zulu).toBe(0);
    for (const keyBytes of ['01', 'ff', 'c3', '90'])
      expect(codeOf(sample, `81${keyBytes}02`)).toBe('msgpack-type');
  });

  it('are all zero from nil and from an empty map', () => {
    for (const bytes of ['c0', '80', '90']) {
      expect(k.decode(sample, unhex(bytes))).toEqual({ zulu: 0, alpha: '', memo: new Uint8Array(0) });
    }
  });

  it('are read from an array in declaration order, shorter and longer ones too', () => {
    expect(k.decode(sample, unhex('9307a161a101'))).toEqual(value);
    expect(k.decode(sample, unhex('9107'))).toEqual({ zulu: 7, alpha: '', memo: new Uint8Array(0) });
    expect(k.decode(sample, unhex('9407a161a10181a16101'))).toEqual(value);
  });

  it('nest, may be null, and stand in arrays and maps', () => {
    const outer = k.struct<{
      readonly list: readonly (Sample | null)[];
      readonly times: ReadonlyMap<string, number>;
    }>({
      list: ['List', k.arrayOf(k.nullable(sample))],
      times: ['Times', k.mapOf(k.u64)],
    });
    const input = {
      list: [null, value, null],
      times: new Map([
        ['b', 1],
        ['a', 2],
      ]),
    };
    const bytes = k.encode(outer, input);
    expect(k.decode(outer, bytes)).toEqual(input);
    expect(hex(bytes)).toContain('82a16201a16102');
    expect(k.decode(outer, unhex('c0'))).toEqual({ list: [], times: new Map() });
  });

  it('hold names that JavaScript gives a meaning to', () => {
    const names = k.mapOf(k.text);
    const map = new Map([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(k.decode(names, k.encode(names, map))).toEqual(map);
  });
});

describe('arrays and maps', () => {
  it('an empty array is nil or empty as Go has it', () => {
    expect([write(k.arrayOf(k.u8), []), write(k.arrayOf(k.u8, 'array'), [])]).toEqual(['c0', '90']);
    expect(write(k.mapOf(k.u8), new Map())).toBe('80');
  });

  it.each([15, 16, 65_535, 65_536])('of %i elements are read back', (length) => {
    const array = Array.from({ length }, (_, i) => i % 100);
    expect(k.decode(k.arrayOf(k.u8), k.encode(k.arrayOf(k.u8), array))).toEqual(array);
    const map = new Map(array.map((value, i) => [`k${i}`, value]));
    expect(k.decode(k.mapOf(k.u8), k.encode(k.mapOf(k.u8), map)).size).toBe(length);
  });

  it('that announce more than there are bytes are refused before anything is allocated', () => {
    for (const bytes of ['ddffffffff', 'dc0fff00', '9100'.slice(0, 2)]) {
      expect(codeOf(k.arrayOf(k.u8), bytes)).toBe('msgpack-truncated');
      expect(codeOf(k.bytes, bytes)).toBe('msgpack-truncated');
    }
    for (const bytes of ['dfffffffff', 'deffff00', '81a0']) {
      expect(codeOf(k.mapOf(k.u8), bytes)).toBe('msgpack-truncated');
      expect(codeOf(sample, bytes)).toBe('msgpack-truncated');
    }
  });

  it('hold a bounded number of elements in all', () => {
    const bytes = new Uint8Array(5 + MAX_DECODED_ITEMS + 1).fill(0xc0);
    bytes.set(unhex('dd00100001'));
    expect(codeOf(k.arrayOf(k.nullable(sample)), hex(bytes))).toBe('msgpack-items');
    bytes[4] = 0;
    expect(k.decode(k.arrayOf(k.nullable(sample)), bytes)).toHaveLength(MAX_DECODED_ITEMS);
  });
});

describe('decoding', () => {
  it('ignores what follows a value and tells where the value ended', () => {
    const bytes = unhex('ff82a5416c706861a161a45a756c7507deadbeef');
    expect(k.decode(sample, bytes, 1).zulu).toBe(7);
    expect(k.decodeFirst(sample, bytes, 1).end).toBe(bytes.length - 4);
  });

  it('refuses a value that is cut anywhere', () => {
    const whole = k.encode(sample, { zulu: 70_000, alpha: 'x'.repeat(40), memo: new Uint8Array(40) });
    for (let length = 0; length < whole.length; length += 1) {
      expect(codeOf(sample, hex(whole.subarray(0, length)))).toBe('msgpack-truncated');
    }
  });

  it('writes a type byte before and a tail after', () => {
    expect(hex(k.encode(k.u8, 5, 9, Uint8Array.of(1, 2)))).toBe('09050102');
  });

  it('of one value does not disturb another encoded later', () => {
    const first = k.encode(k.text, 'first');
    k.encode(k.text, 'other');
    expect(hex(first)).toBe('a56669727374');
  });
});
