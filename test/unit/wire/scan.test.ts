import { describe, expect, it } from 'vitest';
import { WireError } from '../../../src/base/errors.ts';
import { MAX_DEPTH, ValueScan } from '../../../src/wire/scan.ts';
import { unhex } from '../../vectors/load.ts';

/** One value of every form, each the hex of a whole value. */
const VALUES = [
  ...['00', '7f', 'ff', 'e0', 'c0', 'c2', 'c3', 'cc01', 'cd0102', 'ce01020304', 'cf0102030405060708'],
  ...['d001', 'd10102', 'd201020304', 'd30102030405060708', 'ca01020304', 'cb0102030405060708'],
  ...['a0', 'a161', 'd90161', 'da000161', 'db0000000161', 'c401ff', 'c50001ff', 'c600000001ff'],
  ...['d4017f', 'd5017f7f', `d601${'7f'.repeat(4)}`, `d701${'7f'.repeat(8)}`, `d801${'7f'.repeat(16)}`],
  ...['c70205aabb', 'c8000205aabb', 'c90000000205aabb', 'c70005'],
  ...['90', '9201a161', 'dc0002c0c0', 'dd00000001c3', '80', '81a16101', 'de0001a16190', 'df00000001a161c0'],
  ...['929291a1610291a162', '82a16181a16201a1639101'],
];

describe('scanning a value', () => {
  it.each(VALUES)('%s ends where it ends, whatever the chunks', (hex) => {
    const value = unhex(hex);
    const bytes = Uint8Array.of(0x91, ...value, 0xc1, 0xc1);
    const scan = new ValueScan(1);
    for (let length = 0; length < 1 + value.length; length += 1)
      expect(scan.advance(bytes, length)).toBe(false);
    expect(scan.advance(bytes, 1 + value.length)).toBe(true);
    expect(scan.at).toBe(1 + value.length);
    expect(scan.advance(bytes, bytes.length)).toBe(true);
    expect(scan.at).toBe(1 + value.length);
  });

  it('passes several values in a row, and none', () => {
    const bytes = unhex('01a161900203');
    const scan = new ValueScan(0, 3);
    expect([scan.advance(bytes, bytes.length), scan.at]).toEqual([true, 4]);
    const none = new ValueScan(2, 0);
    expect([none.advance(bytes, 2), none.at]).toEqual([true, 2]);
  });

  it('refuses the reserved byte', () => {
    expect(() => new ValueScan(0).advance(unhex('c1'), 1)).toThrow(WireError);
  });

  it('allows a depth of 1024 and no more', () => {
    const nested = (depth: number): Uint8Array => new Uint8Array(depth + 1).fill(0x91, 0, depth);
    expect(new ValueScan(0).advance(nested(MAX_DEPTH), MAX_DEPTH + 1)).toBe(true);
    expect(() => new ValueScan(0).advance(nested(MAX_DEPTH + 1), MAX_DEPTH + 2)).toThrow('1024 levels');
  });

  it('knows at once that a value will be long', () => {
    const scan = new ValueScan(0);
    expect(scan.advance(unhex('dbffffffff'), 5)).toBe(false);
    expect(scan.at).toBe(5 + 0xffff_ffff);
  });

  it('looks at each byte once, however small the chunks', () => {
    const bytes = unhex(`dc01f4${'a161'.repeat(500)}`);
    let reads = 0;
    const watched = new Proxy(bytes, {
      get: (target, key) => {
        reads += 1;
        return Reflect.get(target, key, target);
      },
    });
    const scan = new ValueScan(0);
    for (let length = 1; length < bytes.length; length += 1)
      expect(scan.advance(watched, length)).toBe(false);
    expect(scan.advance(watched, bytes.length)).toBe(true);
    expect(reads).toBeLessThan(2 * bytes.length);
  });
});
