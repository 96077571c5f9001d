import { describe, expect, it } from 'vitest';
import { decodeUserStream, encodeErrorReply, encodeUserStream } from '../../src/swim/messages.ts';
import { StreamDecoder, type StreamRole } from '../../src/swim/stream-decoder.ts';
import { type EnvelopeConfig, sealStream } from '../../src/wire/envelope.ts';
import { expectMessage } from './expect-message.ts';
import { envelope, fixedNonce, hex, loadVectors, ring, unhex } from './load.ts';

const NONCE = { start: 6, end: 18 } as const;

/** Feeds a stream in pieces of `size` bytes. */
function read(bytes: Uint8Array, config: EnvelopeConfig, role: StreamRole, size: number): Uint8Array {
  const decoder = new StreamDecoder(config, role);
  for (let at = 0; at < bytes.length; at += size) {
    expect(decoder.take()).toBeUndefined();
    decoder.push(bytes.subarray(at, at + size));
  }
  expect(decoder.phase).toBe('done');
  return decoder.take() as Uint8Array;
}

// biome-ignore lint/suspicious/noExplicitAny: free JSON of the vectors
function expectStream(bytes: Uint8Array, decoded: any, role: StreamRole, stable: boolean): void {
  const keyring = decoded.key === undefined ? undefined : ring(decoded.key);
  const config = envelope({ keyring });
  const message = read(bytes, config, role, bytes.length);
  for (const size of [1, 2, 3, 7, 64, 1000]) expect(hex(read(bytes, config, role, size))).toBe(hex(message));

  let inner = decoded;
  let compression = false;
  if (inner.type === 'encrypt') inner = inner.message;
  if (inner.type === 'compress') {
    compression = true;
    expect(hex(message)).toBe(inner.payload.$hex);
    inner = inner.message;
  }
  expectMessage(message, inner, { stable });
  const random = fixedNonce(bytes.subarray(NONCE.start, NONCE.end));
  expect(hex(sealStream(message, { ...config, compression }, random))).toBe(hex(bytes));
}

describe('every captured conversation decodes to its value in any chunking and is sealed to the same bytes', () => {
  for (const vector of loadVectors('tcp-streams')) {
    const byAgent = vector.origin === 'captured from serf 0.9.4';
    it(`${vector.name}, request`, () => {
      expectStream(unhex(vector.client), vector.decoded.client, 'accepting', byAgent);
    });
    if (vector.decoded.server !== null) {
      it(`${vector.name}, reply`, () => {
        expectStream(unhex(vector.server), vector.decoded.server, 'dialling', true);
      });
    }
  }

  it('a stream user message is its header and its payload', () => {
    const vector = loadVectors('tcp-streams').find((entry) => entry.name === 'user_1');
    const bytes = unhex(vector?.client ?? '');
    const payload = decodeUserStream(bytes.subarray(1));
    expect(payload).toHaveLength(vector?.decoded.client.header.UserMsgLen);
    expect(hex(encodeUserStream(payload))).toBe(vector?.client);
  });

  it('a plain ping to an encrypted agent is answered with the error memberlist sends', () => {
    const vector = loadVectors('tcp-streams').find((entry) => entry.name === 'ping_2');
    const config = envelope({ keyring: ring(vector?.decoded.server.key) });
    const decoder = new StreamDecoder(config, 'accepting');
    const theirs: string = vector?.decoded.server.message.message.fields.Error;
    expect(() => decoder.push(unhex(vector?.client ?? ''))).toThrow(
      theirs.replace('Encryption', 'encryption'),
    );
    expect(decoder.answersError).toBe(true);
    expect(hex(encodeErrorReply({ error: theirs }))).toBe(vector?.decoded.server.message.payload.$hex);
  });
});

describe('the stream framing of library-made blocks', () => {
  for (const vector of loadVectors('encrypted-packets').filter(({ name }) => name.startsWith('stream_'))) {
    it(`${vector.name} decrypts, then a message no stream carries is refused`, () => {
      const bytes = unhex(vector.hex);
      const keyring = ring(String(vector.params.key));
      const config = envelope({ keyring, protocolVersion: vector.params.version === 0 ? 1 : 2 });
      const decoder = new StreamDecoder(config, 'accepting');
      expect(() => decoder.push(bytes)).toThrow('received invalid msgType (4)');
      expect(decoder.answersError).toBe(false);
      const random = fixedNonce(unhex(String(vector.params.nonce)));
      expect(hex(sealStream(unhex(vector.decoded.$hex), config, random))).toBe(vector.hex);
    });
  }
});
