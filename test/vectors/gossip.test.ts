import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { MessageType } from '../../src/swim/messages.ts';
import { decompressMessage, MAX_PACKET_PLAINTEXT } from '../../src/wire/compress.ts';
import { openPacket, sealPacket } from '../../src/wire/envelope.ts';
import { expectMessage } from './expect-message.ts';
import { envelope, fixedNonce, hex, loadVectors, ring, unhex, type Vector } from './load.ts';

const NONCE = { start: 1, end: 13 } as const;

/** The message as its sender had it before any wrapping, and which wrappings it chose. */
function unwrapped(plaintext: Uint8Array): { message: Uint8Array; crc: boolean } {
  const crc = plaintext[0] === MessageType.crc;
  const inner = openPacket(plaintext, envelope());
  const compressed = inner[0] === MessageType.compress;
  return { message: compressed ? decompressMessage(inner.subarray(1), MAX_PACKET_PLAINTEXT) : inner, crc };
}

describe('every library-made gossip packet decodes to its value and encodes to the same bytes', () => {
  for (const vector of loadVectors('gossip-packets')) {
    it(vector.name, () => {
      const stable = !vector.origin.includes('by hand');
      expectMessage(unhex(vector.hex), vector.decoded, { stable });
      expect.hasAssertions();
    });
  }
});

describe('every captured gossip packet decodes to its value and is sealed to the same bytes', () => {
  for (const vector of loadVectors('captured-gossip')) {
    it(vector.name, () => {
      const bytes = unhex(vector.hex);
      expectMessage(bytes, vector.decoded, { stable: true });
      const { message, crc } = unwrapped(bytes);
      const config = envelope({ compression: vector.description.includes('default compression') });
      expect(hex(sealPacket(message, config, { crc }, seededRandom(1)))).toBe(vector.hex);
    });
  }
});

function keysOf(vector: Vector): readonly string[] {
  const { key, keys } = vector.params as { key?: string; keys?: readonly string[] };
  return keys ?? (key === undefined ? [] : [key]);
}

const packets = loadVectors('encrypted-packets').filter((vector) => !vector.name.startsWith('stream_'));

describe('every encrypted packet opens to its plaintext and is sealed to the same bytes', () => {
  it('covers both versions and the packets that are not streams', () => expect(packets).toHaveLength(26));

  for (const vector of packets) {
    it(vector.name, () => {
      const bytes = unhex(vector.hex);
      const keys = keysOf(vector);
      const keyring = ring(...keys);
      if (vector.decoded === null) {
        expect(() => openPacket(bytes, envelope({ keyring }))).toThrow('no installed keys could decrypt');
        return;
      }
      const message = openPacket(bytes, envelope({ keyring }));
      expect(hex(message)).toBe(vector.decoded.$hex);
      const writer = ring(...keys.slice(-1));
      const config = envelope({ keyring: writer, protocolVersion: bytes[0] === 0 ? 1 : 2 });
      const random = fixedNonce(bytes.subarray(NONCE.start, NONCE.end));
      expect(hex(sealPacket(message, config, { crc: false }, random))).toBe(vector.hex);
    });
  }
});

describe('every captured encrypted packet opens to its value and is sealed to the same bytes', () => {
  for (const vector of loadVectors('captured-encrypted-packets')) {
    it(vector.name, () => {
      const bytes = unhex(vector.hex);
      const keyring = ring(...keysOf(vector));
      const plaintext = unhex(vector.decoded.plaintext.$hex);
      const opened = openPacket(bytes, envelope({ keyring }));
      expect(hex(opened)).toBe(hex(openPacket(plaintext, envelope())));
      expectMessage(plaintext, vector.decoded.message, { stable: true });

      const { message, crc } = unwrapped(plaintext);
      const random = fixedNonce(unhex(vector.params.nonce as string));
      const config = envelope({ keyring, compression: true });
      expect(hex(sealPacket(message, config, { crc }, random))).toBe(vector.hex);
    });
  }
});
