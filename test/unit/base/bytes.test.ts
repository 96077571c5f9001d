import { describe, expect, it } from 'vitest';
import { asBuffer, bytesOfText, copyBytes, equalBytes, textOfBytes } from '../../../src/base/bytes.ts';

const of = (...values: number[]): Uint8Array => Uint8Array.of(...values);

describe('text of bytes', () => {
  it('is UTF-8 where the bytes are', () => {
    for (const text of ['', 'node-a', 'café', '€', '😀', 'a\0b', '\ufffd']) {
      expect(textOfBytes(Buffer.from(text))).toBe(text);
      expect(Buffer.from(bytesOfText(text)).toString()).toBe(text);
    }
  });

  it.each([
    ['a lone continuation', [0x80]],
    ['a start without its rest', [0x61, 0xe2, 0x82]],
    ['an overlong form', [0xc0, 0xaf]],
    ['an overlong form of three bytes', [0xe0, 0x80, 0x80]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['bytes that UTF-8 never has', [0xff, 0xfe, 0xf8]],
    ['valid and invalid mixed', [0xe2, 0x82, 0xac, 0xff, 0xf0, 0x9f, 0x98, 0x80, 0xc3]],
    ['a replacement character beside an invalid byte', [0xef, 0xbf, 0xbd, 0xff]],
  ])('keeps %s', (_, values) => {
    expect(bytesOfText(textOfBytes(of(...values)))).toEqual(Buffer.from(values));
  });

  it('never makes two byte strings one text', () => {
    const texts = new Set<string>();
    for (let a = 0; a < 256; a += 1) for (let b = 0; b < 256; b += 1) texts.add(textOfBytes(of(a, b)));
    expect(texts.size).toBe(65_536);
  });
});

describe('byte helpers', () => {
  it('compare by content', () => {
    expect(equalBytes(of(), of())).toBe(true);
    expect(equalBytes(of(1, 2), Buffer.of(1, 2))).toBe(true);
    expect([equalBytes(of(1, 2), of(1, 3)), equalBytes(of(1), of(1, 2))]).toEqual([false, false]);
  });

  it('view the same memory', () => {
    const bytes = of(1, 2, 3).subarray(1);
    asBuffer(bytes)[0] = 9;
    expect(bytes).toEqual(of(9, 3));
  });

  it('copy a range into memory of its own, from a Buffer too', () => {
    const buffer = Buffer.of(1, 2, 3, 4);
    const copies = [copyBytes(buffer), copyBytes(buffer, 1), copyBytes(buffer, 1, 3)];
    buffer.fill(0);
    expect(copies).toEqual([of(1, 2, 3, 4), of(2, 3, 4), of(2, 3)]);
  });
});
