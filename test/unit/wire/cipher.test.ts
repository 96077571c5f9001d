import { createCipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { WireError } from '../../../src/base/errors.ts';
import { seededRandom } from '../../../src/base/random.ts';
import {
  BLOCK_OVERHEAD,
  blockLength,
  type CipherVersion,
  cipherVersion,
  decryptBlock,
  encryptInto,
} from '../../../src/wire/cipher.ts';
import { fixedNonce, hex, unhex } from '../../vectors/load.ts';

const key = Buffer.from('0123456789abcdef');
const nonce = Buffer.from('abcdefghijkl');
const nack = unhex('0b81a55365714e6f2a');
const blue = Buffer.from('blue');

function sealed(
  version: CipherVersion,
  plaintext: Uint8Array,
  associated: readonly Uint8Array[],
): Uint8Array {
  const out = new Uint8Array(blockLength(version, plaintext.length));
  encryptInto(out, 0, plaintext, { key, version, associated, random: fixedNonce(nonce) });
  return out;
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
  return 'accepted';
}

/** A version 0 block whose padding is what we say. */
function padded(plaintext: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-128-gcm', key, nonce);
  return Buffer.concat([Buffer.of(0), nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

describe('cipher block', () => {
  const v1 = '016162636465666768696a6b6cee53d9e636d417ca7394c74008d05816d653d06f471296a3ce';
  const v1Blue = '016162636465666768696a6b6cee53d9e636d417ca73777b7c74e38284faa31bc30b4ce48333';
  const v0 = '006162636465666768696a6b6cee53d9e636d417ca7337b33df139d80e8884d62c6c8a02f94d4d09102810da10';
  const golden: readonly (readonly [string, CipherVersion, readonly Uint8Array[], string])[] = [
    ['version 1', 1, [], v1],
    ['version 1 bound to a label', 1, [blue], v1Blue],
    ['version 0', 0, [], v0],
  ];
  it.each(golden)('%s is what Go makes', (_, version, associated, block) => {
    expect(hex(sealed(version, nack, associated))).toBe(block);
    expect(hex(decryptBlock(unhex(block), [key], associated))).toBe(hex(nack));
  });

  it.each([16, 24, 32])('with a key of %i bytes round-trips at every length around a block', (size) => {
    const random = seededRandom(size);
    const own = random.bytes(size);
    for (const version of [0, 1] as const) {
      for (let length = 0; length < 40; length += 1) {
        const plaintext = random.bytes(length);
        const out = new Uint8Array(3 + blockLength(version, length));
        encryptInto(out, 3, plaintext, { key: own, version, associated: [blue], random });
        expect(hex(decryptBlock(out.subarray(3), [own], [blue]))).toBe(hex(plaintext));
      }
    }
  });

  it('exceeds its plaintext by what a budget reserves, at most', () => {
    for (let length = 0; length < 100; length += 1) {
      expect(blockLength(1, length)).toBe(length + 29);
      expect(blockLength(0, length)).toBe(1 + 12 + length + (16 - (length % 16)) + 16);
      expect(blockLength(0, length) - length).toBeLessThanOrEqual(BLOCK_OVERHEAD[0]);
    }
  });

  it('is of version 0 only for protocol 1', () => {
    expect([1, 2, 3, 4, 5].map(cipherVersion)).toEqual([0, 1, 1, 1, 1]);
  });

  it('tries every key', () => {
    const others = [new Uint8Array(32), new Uint8Array(24)];
    expect(hex(decryptBlock(unhex(v1), [...others, key], []))).toBe(hex(nack));
    expect(codeOf(() => decryptBlock(unhex(v1), others, []))).toBe('cipher-key');
    expect(codeOf(() => decryptBlock(unhex(v1), [], []))).toBe('cipher-key');
  });

  it('is refused when a single bit or the label differs', () => {
    for (let at = 1; at < unhex(v1).length; at += 1) {
      const changed = unhex(v1);
      changed[at] = (changed[at] as number) ^ 1;
      expect(codeOf(() => decryptBlock(changed, [key], []))).toBe('cipher-key');
    }
    expect(codeOf(() => decryptBlock(unhex(v1Blue), [key], []))).toBe('cipher-key');
  });

  it('is refused for an unknown version or when shorter than its version can be', () => {
    expect(codeOf(() => decryptBlock(unhex(`02${v1.slice(2)}`), [key], []))).toBe('cipher-version');
    expect(codeOf(() => decryptBlock(new Uint8Array(0), [key], []))).toBe('cipher-short');
    expect(codeOf(() => decryptBlock(unhex(v1).subarray(0, 28), [key], []))).toBe('cipher-short');
    expect(codeOf(() => decryptBlock(unhex(v0).subarray(0, 44), [key], []))).toBe('cipher-short');
  });

  it('of version 0 is refused unless its padding is 1 to 16 equal bytes', () => {
    const good = [...new Array<number>(10).fill(1), ...new Array<number>(6).fill(6)];
    expect(decryptBlock(padded(Uint8Array.from(good)), [key], [])).toHaveLength(10);
    for (const last of [0, 17, 255]) {
      const bad = Uint8Array.from([...good.slice(0, 15), last]);
      expect(codeOf(() => decryptBlock(padded(bad), [key], []))).toBe('cipher-padding');
    }
    const unequal = Uint8Array.from([...good.slice(0, 12), 5, 6, 6, 6]);
    expect(codeOf(() => decryptBlock(padded(unequal), [key], []))).toBe('cipher-padding');
  });
});
