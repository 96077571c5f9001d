import { expect } from 'vitest';
import { NO_BYTES, textOfBytes } from '../../src/base/bytes.ts';
import { seededRandom } from '../../src/base/random.ts';
import * as m from '../../src/swim/messages.ts';
import { decodeCompound, encodeCompound } from '../../src/wire/compound.ts';
import { compressMessage, decompressMessage, MAX_PACKET_PLAINTEXT } from '../../src/wire/compress.ts';
import { openPacket, sealPacket } from '../../src/wire/envelope.ts';
import { envelope, hex, revive } from './load.ts';

interface Plain {
  readonly type: number;
  readonly decode: (body: Uint8Array) => object;
  // biome-ignore lint/suspicious/noExplicitAny: the table pairs each decoder with its own encoder
  readonly encode: (message: any) => Uint8Array;
}

const PLAIN: Readonly<Record<string, Plain>> = {
  ping: { type: 0, decode: m.decodePing, encode: m.encodePing },
  indirectPing: { type: 1, decode: m.decodeIndirectPing, encode: m.encodeIndirectPing },
  ackResp: { type: 2, decode: m.decodeAck, encode: m.encodeAck },
  suspect: { type: 3, decode: m.decodeSuspect, encode: m.encodeSuspect },
  alive: { type: 4, decode: m.decodeAlive, encode: m.encodeAlive },
  dead: { type: 5, decode: m.decodeDead, encode: m.encodeDead },
  nackResp: { type: 11, decode: m.decodeNack, encode: m.encodeNack },
  err: { type: 13, decode: m.decodeErrorReply, encode: m.encodeErrorReply },
};

const TEXT_FIELDS = new Set(['Node', 'Name', 'From', 'SourceNode', 'Error']);

/** What the vectors explain of Serf's own content; its layer checks it. */
const SERF_FIELDS = new Set(['tags', 'coordinate']);

/** A vector's Go-named fields as our message has them. */
export function ourFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, raw] of Object.entries(fields)) {
    if (SERF_FIELDS.has(key)) continue;
    const value = revive(raw);
    const property = key.charAt(0).toLowerCase() + key.slice(1);
    if (TEXT_FIELDS.has(key) && value instanceof Uint8Array) out[property] = textOfBytes(value);
    else out[property] = key === 'Meta' && value === null ? NO_BYTES : value;
  }
  return out;
}

/** Checks that `bytes` mean `decoded`, and that the meaning gives the same bytes, all layers down. */
// biome-ignore lint/suspicious/noExplicitAny: free JSON of the vectors
export function expectMessage(bytes: Uint8Array, decoded: any, options: { stable: boolean }): void {
  const { type, fields } = decoded;
  const layer = LAYERS[type];
  if (layer !== undefined) {
    layer(bytes, decoded, options);
    return;
  }
  const plain = PLAIN[type];
  if (plain === undefined) throw new Error(`vector of unknown type ${type}`);
  expect(bytes[0]).toBe(plain.type);
  const message = plain.decode(bytes.subarray(1));
  expect(message).toMatchObject(ourFields(fields));
  if (options.stable) expect(hex(plain.encode(message))).toBe(hex(bytes));
}

// biome-ignore lint/suspicious/noExplicitAny: free JSON of the vectors
function expectCompound(bytes: Uint8Array, decoded: any, options: { stable: boolean }): void {
  const fields = decoded.fields ?? decoded;
  expect(bytes[0]).toBe(m.MessageType.compound);
  const { parts, truncated } = decodeCompound(bytes.subarray(1));
  expect(truncated).toBe(fields.truncated ?? 0);
  expect(parts).toHaveLength(fields.parts.length);
  for (const [i, part] of parts.entries()) {
    const expected = fields.parts[i];
    if ('$hex' in expected) expect(hex(part)).toBe(expected.$hex);
    else expectMessage(part, expected, options);
  }
  if (options.stable && truncated === 0) expect(hex(encodeCompound(parts))).toBe(hex(bytes));
}

// biome-ignore lint/suspicious/noExplicitAny: free JSON of the vectors
function expectCompress(bytes: Uint8Array, decoded: any, options: { stable: boolean }): void {
  expect(bytes[0]).toBe(m.MessageType.compress);
  const inner = decompressMessage(bytes.subarray(1), MAX_PACKET_PLAINTEXT);
  const payload = decoded.fields?.payload ?? decoded.payload;
  const plain = decoded.payloadHex ?? payload.$hex;
  expect(hex(inner)).toBe(plain);
  const meaning = decoded.message ?? (payload.type === undefined ? undefined : payload);
  if (meaning !== undefined) expectMessage(inner, meaning, options);
  if (options.stable) expect(hex(compressMessage(inner) ?? NO_BYTES)).toBe(hex(bytes));
}

// biome-ignore lint/suspicious/noExplicitAny: free JSON of the vectors
function expectCrc(bytes: Uint8Array, decoded: any, options: { stable: boolean }): void {
  const fields = decoded.fields ?? decoded;
  const config = envelope();
  if (fields.valid === false) {
    expect(() => openPacket(bytes, config)).toThrow('invalid checksum');
    return;
  }
  if (fields.crc !== undefined) expect(Buffer.from(bytes).readUInt32BE(1)).toBe(fields.crc);
  const message = openPacket(bytes, config);
  if ('$hex' in fields.message) expect(hex(message)).toBe(fields.message.$hex);
  else expectMessage(message, fields.message, options);
  expect(hex(sealPacket(message, config, { crc: true }, seededRandom(1)))).toBe(hex(bytes));
}

// biome-ignore lint/suspicious/noExplicitAny: free JSON of the vectors
function expectPushPull(bytes: Uint8Array, decoded: any, options: { stable: boolean }): void {
  expect(bytes[0]).toBe(m.MessageType.pushPull);
  const state = m.decodePushPull(bytes.subarray(1));
  expect(state.join).toBe(decoded.header.Join);
  expect(state.userState).toHaveLength(decoded.header.UserStateLen);
  expect(state.nodes).toHaveLength(decoded.header.Nodes);
  expect(state.nodes).toEqual(decoded.nodes.map(ourFields));
  if (options.stable) expect(hex(m.encodePushPull(state))).toBe(hex(bytes));
}

/** The serf layer checks what is inside a user message. */
function expectUser(bytes: Uint8Array): void {
  expect(bytes[0]).toBe(m.MessageType.user);
}

const LAYERS: Readonly<Record<string, typeof expectMessage>> = {
  compound: expectCompound,
  compress: expectCompress,
  hasCrc: expectCrc,
  user: expectUser,
  pushPull: expectPushPull,
};
