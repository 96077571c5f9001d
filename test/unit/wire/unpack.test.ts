import { describe, expect, it } from 'vitest';
import { encodeCompound } from '../../../src/wire/compound.ts';
import { compressMessage, MAX_PACKET_PLAINTEXT } from '../../../src/wire/compress.ts';
import { unpackMessage } from '../../../src/wire/unpack.ts';
import { hex, unhex } from '../../vectors/load.ts';

function unpack(message: Uint8Array): { messages: string[]; dropped: string[] } {
  const messages: string[] = [];
  const dropped: string[] = [];
  unpackMessage(message, {
    message: (bytes) => messages.push(hex(bytes)),
    dropped: (error) => dropped.push(error.code),
  });
  return { messages, dropped };
}

const compressed = (message: Uint8Array): Uint8Array => compressMessage(message) as Uint8Array;
const a = unhex('0b01');
const b = unhex('0802');

describe('unpacking a packet', () => {
  it('gives a plain message as it is', () => {
    expect(unpack(a)).toEqual({ messages: ['0b01'], dropped: [] });
  });

  it('gives the parts of compounds and compressed messages in order', () => {
    const message = compressed(encodeCompound([a, compressed(b), a]));
    expect(unpack(message)).toEqual({ messages: ['0b01', '0802', '0b01'], dropped: [] });
  });

  it('drops a bad part alone', () => {
    const message = encodeCompound([new Uint8Array(0), a, unhex('09c1'), unhex('0702'), b]);
    const { messages, dropped } = unpack(message);
    expect(messages).toEqual(['0b01', '0802']);
    expect(dropped).toEqual(['message-empty', 'msgpack-type', 'compound-truncated']);
  });

  it('keeps the whole parts of a compound that was cut', () => {
    const cut = encodeCompound([a, b]).subarray(0, -1);
    expect(unpack(cut)).toEqual({ messages: ['0b01'], dropped: ['compound-truncated'] });
  });

  it('opens three containers inside each other and no fourth', () => {
    let message = a;
    for (let depth = 0; depth < 3; depth += 1) message = encodeCompound([message]);
    expect(unpack(message).messages).toEqual(['0b01']);
    expect(unpack(encodeCompound([message]))).toEqual({ messages: [], dropped: ['packet-nesting'] });
  });

  it('unfolds at most the packet limit in all, not for each part', () => {
    const half = compressed(new Uint8Array(MAX_PACKET_PLAINTEXT / 2).fill(8));
    const more = compressed(new Uint8Array(10).fill(8));
    const { messages, dropped } = unpack(encodeCompound([half, half, more]));
    expect(messages).toHaveLength(2);
    expect(dropped).toEqual(['compress-too-large']);
  });

  it('drops an empty message', () => {
    expect(unpack(new Uint8Array(0)).dropped).toEqual(['message-empty']);
  });
});
