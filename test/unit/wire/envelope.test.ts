import { describe, expect, it } from 'vitest';
import { WireError } from '../../../src/base/errors.ts';
import { seededRandom } from '../../../src/base/random.ts';
import { compressMessage, decompressMessage } from '../../../src/wire/compress.ts';
import {
  type EnvelopeConfig,
  labelHeader,
  openPacket,
  packetOverhead,
  sealPacket,
  sealStream,
} from '../../../src/wire/envelope.ts';
import { Keyring } from '../../../src/wire/keyring.ts';
import { envelope, fixedNonce, hex, ring, unhex } from '../../vectors/load.ts';

const random = seededRandom(3);
const nack = unhex('0b81a55365714e6f2a');
const keyHex = Buffer.from('0123456789abcdef').toString('hex');
const otherHex = '00'.repeat(32);
const nonce = fixedNonce(Buffer.from('abcdefghijkl'));
const label = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const plain = { crc: false };

function codeOf(bytes: Uint8Array, config: EnvelopeConfig): string {
  try {
    openPacket(bytes, config);
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('a sealed packet', () => {
  it('is the message itself when nothing is on, in memory of its own', () => {
    const sealed = sealPacket(nack, envelope(), plain, random);
    expect(hex(sealed)).toBe(hex(nack));
    expect(sealed.buffer).not.toBe(nack.buffer);
  });

  it('has the checksum Go computes', () => {
    const sealed = sealPacket(nack, envelope(), { crc: true }, random);
    expect(hex(sealed)).toBe('0ca5cfa8170b81a55365714e6f2a');
    expect(hex(openPacket(sealed, envelope()))).toBe(hex(nack));
  });

  it('is compressed only when that is strictly shorter', () => {
    const config = envelope({ compression: true });
    const same = Buffer.concat([Buffer.of(8), Buffer.alloc(23, 'a')]);
    const longer = Buffer.concat([Buffer.of(8), Buffer.alloc(200, 'a')]);
    expect(hex(sealPacket(nack, config, plain, random))).toBe(hex(nack));
    expect(hex(sealPacket(same, config, plain, random))).toBe(hex(same));
    const sealed = sealPacket(longer, config, plain, random);
    expect(sealed[0]).toBe(9);
    expect(sealed.length).toBeLessThan(longer.length);
    expect(hex(decompressMessage(sealed.subarray(1), 1000))).toBe(hex(longer));
  });

  it('at the very length of its compressed form is sent as it is', () => {
    // Grows a repeated message until compression first pays, and checks the step before.
    const config = envelope({ compression: true });
    let length = 1;
    let before = 0;
    for (; length < 200; length += 1) {
      const message = new Uint8Array(length).fill(8);
      const compressed = (compressMessage(message) as Uint8Array).length;
      const sealed = sealPacket(message, config, plain, random);
      expect(sealed.length).toBe(Math.min(length, compressed));
      expect(sealed[0] === 9).toBe(compressed < length);
      if (compressed === length) before += 1;
    }
    expect(before).toBeGreaterThan(0);
  });

  it('is encrypted and labelled as Go does it', () => {
    const blue = envelope({ keyring: ring(keyHex), label: label('blue') });
    const sealed = sealPacket(nack, blue, plain, nonce);
    expect(hex(sealed)).toBe(
      'f404626c7565016162636465666768696a6b6cee53d9e636d417ca73777b7c74e38284faa31bc30b4ce48333',
    );
    expect(hex(openPacket(sealed, blue))).toBe(hex(nack));
  });

  it('of protocol 1 is encrypted with padding', () => {
    const sealed = sealPacket(nack, envelope({ keyring: ring(keyHex), protocolVersion: 1 }), plain, nonce);
    expect(sealed[0]).toBe(0);
  });

  it('stays plain while outgoing encryption is off or the ring is empty', () => {
    for (const changes of [{ keyring: ring(keyHex), verifyOutgoing: false }, { keyring: new Keyring() }]) {
      expect(hex(sealPacket(nack, envelope(changes), plain, random))).toBe(hex(nack));
    }
  });

  it('with all layers opens again', () => {
    const config = envelope({ keyring: ring(keyHex), label: label('x'), compression: true });
    const message = Buffer.alloc(500, 8);
    const opened = openPacket(sealPacket(message, config, { crc: true }, random), config);
    expect(hex(decompressMessage(opened.subarray(1), 1000))).toBe(hex(message));
  });
});

describe('opening a packet', () => {
  it('names what is wrong', () => {
    const red = envelope({ label: label('red') });
    const encrypted = sealPacket(nack, envelope({ keyring: ring(keyHex) }), plain, random);
    const crc = sealPacket(nack, envelope(), { crc: true }, random);
    crc[1] = (crc[1] as number) ^ 1;
    expect(codeOf(new Uint8Array(0), envelope())).toBe('packet-empty');
    expect(codeOf(crc, envelope())).toBe('crc-mismatch');
    expect(codeOf(unhex('0c00000000'), envelope())).toBe('message-empty');
    expect(codeOf(encrypted, envelope({ keyring: ring(otherHex) }))).toBe('cipher-key');
    expect(codeOf(nack, envelope({ keyring: ring(keyHex) }))).toBe('cipher-version');
    expect(codeOf(nack, red)).toBe('label-mismatch');
    for (const cut of ['f4', 'f478', 'f40278']) expect(codeOf(unhex(cut), red)).toBe('label-truncated');
    expect(codeOf(unhex('f4000b80'), red)).toBe('label-empty');
    expect(codeOf(unhex('f4036162630b80'), red)).toBe('label-mismatch');
    expect(codeOf(unhex('f4036162630b80'), envelope())).toBe('label-mismatch');
    expect(codeOf(unhex('f403726564'), red)).toBe('message-empty');
  });

  it('takes off a label that is ours and leaves the rest intact', () => {
    const abc = envelope({ label: label('abc') });
    for (const rest of ['0b80', '0d80']) expect(hex(openPacket(unhex(`f403616263${rest}`), abc))).toBe(rest);
  });

  it('with the label check skipped wants no label header but still binds the block to our label', () => {
    const blue = envelope({ keyring: ring(keyHex), label: label('blue') });
    const skipping = { ...blue, skipInboundLabelCheck: true };
    const sealed = sealPacket(nack, blue, plain, random);
    expect(codeOf(sealed, skipping)).toBe('label-double');
    expect(hex(openPacket(sealed.subarray(labelHeader(blue).length), skipping))).toBe(hex(nack));
  });

  it('while migrating takes plaintext where encryption fails', () => {
    const lenient = envelope({ keyring: ring(keyHex), verifyIncoming: false });
    expect(hex(openPacket(nack, lenient))).toBe(hex(nack));
    const encrypted = sealPacket(nack, lenient, plain, random);
    expect(hex(openPacket(encrypted, lenient))).toBe(hex(nack));
  });

  it('follows the keyring as it changes', () => {
    const keyring = new Keyring();
    const config = envelope({ keyring });
    expect(hex(openPacket(nack, config))).toBe(hex(nack));
    keyring.add(unhex(keyHex));
    expect(codeOf(nack, config)).toBe('cipher-version');
    const old = sealPacket(nack, config, plain, random);
    keyring.add(unhex(otherHex));
    keyring.use(unhex(otherHex));
    expect(hex(openPacket(old, config))).toBe(hex(nack));
    keyring.remove(unhex(keyHex));
    expect(codeOf(old, config)).toBe('cipher-key');
  });

  it('leaves a checksum shorter than its header to the dispatcher, which knows no such type', () => {
    expect(hex(openPacket(unhex('0c0000'), envelope()))).toBe('0c0000');
  });
});

describe('packet overhead', () => {
  const cases: readonly (readonly [string, Partial<EnvelopeConfig>, number, number])[] = [
    ['nothing', {}, 0, 0],
    ['an empty ring', { keyring: new Keyring() }, 0, 0],
    ['a label', { label: label('a') }, 3, 3],
    ['a longer label', { label: label('abcdefg') }, 9, 9],
    ['encryption', { keyring: ring(keyHex) }, 29, 29],
    ['encryption for protocol 1', { keyring: ring(keyHex), protocolVersion: 1 }, 45, 45],
    ['a key that is not used for sending', { keyring: ring(keyHex), verifyOutgoing: false }, 0, 29],
    ['both', { keyring: ring(keyHex), label: label('a') }, 32, 32],
  ];
  it.each(cases)('with %s', (_, changes, sealed, anyKey) => {
    const config = envelope(changes);
    expect([packetOverhead(config, 'sealed'), packetOverhead(config, 'any-key')]).toEqual([sealed, anyKey]);
    const grown = sealPacket(nack, config, plain, random).length - nack.length;
    expect(grown).toBeLessThanOrEqual(sealed);
  });
});

describe('labels', () => {
  it('have a header of two bytes, none when empty, and at most 255 bytes', () => {
    expect(hex(labelHeader(envelope({ label: label('foo') })))).toBe('f403666f6f');
    expect(labelHeader(envelope())).toHaveLength(0);
    expect(labelHeader(envelope({ label: new Uint8Array(255) }))).toHaveLength(257);
    expect(() => labelHeader(envelope({ label: new Uint8Array(256) }))).toThrow('256 bytes');
  });
});

describe('a sealed stream', () => {
  it('is framed and bound to header and label as Go does it', () => {
    const config = envelope({ keyring: ring(keyHex) });
    expect(hex(sealStream(nack, config, nonce))).toBe(
      '0a00000026016162636465666768696a6b6cee53d9e636d417ca73d44b60752de6c28cb1e0412ec9ba2404',
    );
    expect(hex(sealStream(nack, { ...config, label: label('blue') }, nonce))).toBe(
      '0a00000026016162636465666768696a6b6cee53d9e636d417ca73cd35695fb279fe4a60f9d703ce546d11',
    );
  });

  it('is compressed even when it grows', () => {
    const sealed = sealStream(nack, envelope({ compression: true }), random);
    expect(sealed[0]).toBe(9);
    expect(sealed.length).toBeGreaterThan(nack.length);
  });

  it('is a copy when nothing is on', () => {
    const sealed = sealStream(nack, envelope(), random);
    expect(hex(sealed)).toBe(hex(nack));
    expect(sealed.buffer).not.toBe(nack.buffer);
  });
});

describe('a compress message', () => {
  it.each([
    ['a', '0982a4416c676f00a3427566a400c30404'],
    ['hello hello hello hello', '0982a4416c676f00a3427566b200d19461c3e60d0881040d222c787060c180'],
    ['a'.repeat(24), '0982a4416c676f00a3427566ab00c3081c48b0a0c1810101'],
  ])('of %j is what Go makes', (text, expected) => {
    expect(hex(compressMessage(Buffer.from(text)) as Uint8Array)).toBe(expected);
    expect(Buffer.from(decompressMessage(unhex(expected).subarray(1), 100)).toString()).toBe(text);
  });

  it('of each raw header size reads back', () => {
    for (const length of [1, 20, 40, 3000, 120_000]) {
      const message = seededRandom(length).bytes(length);
      const compressed = compressMessage(message) as Uint8Array;
      expect(hex(decompressMessage(compressed.subarray(1), length))).toBe(hex(message));
    }
  });

  it('is refused when empty, of an unknown algorithm, or too large', () => {
    const codeOfBody = (text: string, cap: number): string => {
      try {
        decompressMessage(unhex(text), cap);
      } catch (error) {
        if (error instanceof WireError) return error.code;
      }
      return 'accepted';
    };
    expect(codeOfBody('82a4416c676f00a3427566a3000302', 10)).toBe('compress-empty');
    expect(codeOfBody('82a4416c676f01a3427566a400c30404', 10)).toBe('compress-algorithm');
    expect(codeOfBody('82a4416c676f00a3427566a400c30404', 0)).toBe('compress-too-large');
    expect(codeOfBody('80', 10)).toBe('compress-truncated');
  });
});
