import { describe, expect, it } from 'vitest';
import { decodeCompound, encodeCompound, MAX_COMPOUND_PARTS } from '../../../src/wire/compound.ts';
import { unhex } from '../../vectors/load.ts';

const part = Uint8Array.of(11, 0x80);

describe('compound', () => {
  it('costs two bytes, and two for each part', () => {
    expect(encodeCompound([part, part, part])).toHaveLength(3 * part.length + 3 * 2 + 2);
  });

  it('gives its parts back in order, empty ones too', () => {
    const parts = [part, new Uint8Array(0), Uint8Array.of(8), new Uint8Array(0xffff).fill(3)];
    expect(decodeCompound(encodeCompound(parts).subarray(1))).toEqual({ parts, truncated: 0 });
  });

  it('keeps the parts before one that is cut off', () => {
    const whole = encodeCompound([part, part, part]);
    const cut = decodeCompound(whole.subarray(1, -1));
    expect(cut).toEqual({ parts: [part, part], truncated: 1 });
    expect(decodeCompound(whole.subarray(1, -2 * part.length))).toEqual({ parts: [part], truncated: 2 });
  });

  it('ignores bytes after the last part', () => {
    const padded = Uint8Array.of(...encodeCompound([part]), 1, 2, 3);
    expect(decodeCompound(padded.subarray(1))).toEqual({ parts: [part], truncated: 0 });
  });

  it('refuses a missing count and a cut length table', () => {
    expect(() => decodeCompound(unhex(''))).toThrow('missing compound length byte');
    expect(() => decodeCompound(unhex('80'))).toThrow('truncated len slice');
    expect(() => decodeCompound(unhex('020000ff'.slice(0, 6)))).toThrow('truncated len slice');
  });

  it('takes 255 parts and writes at most 127', () => {
    const body = new Uint8Array(1 + 255 * 2);
    body[0] = 255;
    expect(decodeCompound(body).parts).toHaveLength(255);
    const most = Array.from({ length: MAX_COMPOUND_PARTS }, () => part);
    expect(encodeCompound(most)[1]).toBe(127);
    expect(() => encodeCompound([...most, part])).toThrow('128 parts');
  });
});
