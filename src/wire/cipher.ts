import { createCipheriv, createDecipheriv } from 'node:crypto';
import { assert } from '../base/assert.ts';
import { WireError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';

/** AES-GCM blocks: version, nonce, ciphertext, tag (memberlist.md 1.8). */

/** 0 pads the plaintext (PKCS#7), 1 does not. Both are always understood. */
export type CipherVersion = 0 | 1;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PAD_BLOCK = 16;
const HEAD_BYTES = 1 + NONCE_BYTES;

/** Bytes a block may exceed its plaintext by, which is also the length of the shortest block, by version. */
export const BLOCK_OVERHEAD = { 0: 45, 1: 29 } as const satisfies Readonly<Record<CipherVersion, number>>;

/** What nodes speaking `protocolVersion` encrypt with. */
export function cipherVersion(protocolVersion: number): CipherVersion {
  return protocolVersion === 1 ? 0 : 1;
}

/** The exact length of the block for a plaintext of `length` bytes. */
export function blockLength(version: CipherVersion, length: number): number {
  return HEAD_BYTES + length + padLength(version, length) + TAG_BYTES;
}

function padLength(version: CipherVersion, length: number): number {
  return version === 0 ? PAD_BLOCK - (length % PAD_BLOCK) : 0;
}

/** What a block is bound to besides its key: concatenated, it is the associated data. */
export type AssociatedData = readonly Uint8Array[];

/** Encrypts `plaintext` into `out` at `at`, where `blockLength` bytes are free. The nonce is drawn from `random`. */
export function encryptInto(
  out: Uint8Array,
  at: number,
  plaintext: Uint8Array,
  options: {
    readonly key: Uint8Array;
    readonly version: CipherVersion;
    readonly associated: AssociatedData;
    readonly random: Random;
  },
): void {
  const { key, version, associated, random } = options;
  const nonce = random.bytes(NONCE_BYTES);
  assert(nonce.length === NONCE_BYTES, 'a nonce of another length');
  const cipher = createCipheriv(gcmName(key), key, nonce, { authTagLength: TAG_BYTES });
  const data = joined(associated);
  if (data !== undefined) cipher.setAAD(data);
  out[at] = version;
  out.set(nonce, at + 1);
  let end = at + HEAD_BYTES;
  out.set(cipher.update(plaintext), end);
  end += plaintext.length;
  const pad = padLength(version, plaintext.length);
  if (pad > 0) {
    out.set(cipher.update(new Uint8Array(pad).fill(pad)), end);
    end += pad;
  }
  cipher.final();
  out.set(cipher.getAuthTag(), end);
}

/**
 * Decrypts a block with the first key that authenticates it. WireErrors: `cipher-short`, `cipher-version`,
 * `cipher-key` (no key fits, or the block was changed), `cipher-padding`.
 */
export function decryptBlock(
  block: Uint8Array,
  keys: readonly Uint8Array[],
  associated: AssociatedData,
): Uint8Array {
  const version = block[0];
  if (version === undefined) throw new WireError('cipher-short', 'cannot decrypt empty payload');
  if (version !== 0 && version !== 1) {
    throw new WireError('cipher-version', `unsupported encryption version ${version}`);
  }
  if (block.length < BLOCK_OVERHEAD[version]) {
    throw new WireError('cipher-short', `payload is too small to decrypt: ${block.length}`);
  }
  const data = joined(associated);
  for (const key of keys) {
    const plaintext = tryKey(block, key, data);
    if (plaintext !== undefined) return version === 0 ? unpadded(plaintext) : plaintext;
  }
  throw new WireError('cipher-key', 'no installed keys could decrypt the message');
}

function tryKey(block: Uint8Array, key: Uint8Array, data: Uint8Array | undefined): Uint8Array | undefined {
  const tagAt = block.length - TAG_BYTES;
  const nonce = block.subarray(1, HEAD_BYTES);
  const decipher = createDecipheriv(gcmName(key), key, nonce, { authTagLength: TAG_BYTES });
  if (data !== undefined) decipher.setAAD(data);
  decipher.setAuthTag(block.subarray(tagAt));
  const plaintext = decipher.update(block.subarray(HEAD_BYTES, tagAt));
  try {
    decipher.final();
    return plaintext;
  } catch {
    return undefined;
  }
}

function unpadded(plaintext: Uint8Array): Uint8Array {
  const pad = plaintext[plaintext.length - 1] ?? 0;
  const length = plaintext.length - pad;
  let valid = pad >= 1 && pad <= PAD_BLOCK && length >= 0;
  for (let i = length; valid && i < plaintext.length; i += 1) valid = plaintext[i] === pad;
  if (!valid) throw new WireError('cipher-padding', 'invalid padding after decryption');
  return plaintext.subarray(0, length);
}

function joined(associated: AssociatedData): Uint8Array | undefined {
  const parts = associated.filter((part) => part.length > 0);
  return parts.length > 1 ? Buffer.concat(parts) : parts[0];
}

function gcmName(key: Uint8Array): 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm' {
  return key.length === 16 ? 'aes-128-gcm' : key.length === 24 ? 'aes-192-gcm' : 'aes-256-gcm';
}
