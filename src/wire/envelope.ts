import { crc32 } from 'node:zlib';
import { copyBytes, equalBytes } from '../base/bytes.ts';
import { WireError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import {
  type AssociatedData,
  BLOCK_OVERHEAD,
  blockLength,
  cipherVersion,
  decryptBlock,
  encryptInto,
} from './cipher.ts';
import { compressMessage } from './compress.ts';
import type { Keyring } from './keyring.ts';
import { encodeLabelHeader, findLabel, labelOverhead } from './label.ts';
import { MessageType } from './message-type.ts';

/** What surrounds a message: label( encrypt( crc( compress( message ) ) ) ), each layer optional (memberlist.md 1.10). */

/** How this node wraps what it sends and what it insists on. The keyring is read anew each time. */
export interface EnvelopeConfig {
  /** At most 255 bytes; empty for none. */
  readonly label: Uint8Array;
  /** Whoever sits in front of us removed the label; one that is still there is refused. */
  readonly skipInboundLabelCheck: boolean;
  readonly keyring: Keyring | undefined;
  /** Refuse plaintext while there are keys. */
  readonly verifyIncoming: boolean;
  /** Encrypt what is sent while there are keys. */
  readonly verifyOutgoing: boolean;
  readonly compression: boolean;
  /** memberlist protocol we speak, 1..5; decides the cipher version. */
  readonly protocolVersion: number;
}

/** Header of the stream framing of a block: type byte and length. */
export const STREAM_HEADER_BYTES = 5;

const CRC_HEADER_BYTES = 5;

/** True while at least one key is installed. */
export function hasKeys(config: EnvelopeConfig): boolean {
  return config.keyring?.primary !== undefined;
}

/**
 * Bytes a datagram needs besides its messages (memberlist.md 4.8). `sealed`: as this node seals now. `any-key`: as soon
 * as any key is installed, the rule memberlist's gossip follows. A checksum is not counted, as peers do not.
 */
export function packetOverhead(config: EnvelopeConfig, rule: 'sealed' | 'any-key'): number {
  const encrypted = hasKeys(config) && (rule === 'any-key' || config.verifyOutgoing);
  const cipher = encrypted ? BLOCK_OVERHEAD[cipherVersion(config.protocolVersion)] : 0;
  return labelOverhead(config.label) + cipher;
}

/**
 * Wraps a message for a datagram: compressed if that is strictly smaller, with a checksum if `crc`, encrypted if there
 * are keys, labelled. Returns fresh memory, or where nothing changes and it is `owned`, the message itself.
 */
export function sealPacket(
  message: Uint8Array,
  config: EnvelopeConfig,
  options: { readonly crc: boolean; readonly owned?: boolean },
  random: Random,
): Uint8Array {
  const payload = (config.compression ? compressMessage(message, message.length) : undefined) ?? message;
  const key = config.verifyOutgoing ? config.keyring?.primary : undefined;
  const label = encodeLabelHeader(config.label);
  const checksum = options.crc ? CRC_HEADER_BYTES : 0;
  if (key === undefined) {
    const isBare = label.length + checksum === 0;
    if (isBare && (options.owned === true || payload !== message)) return payload;
    const out = new Uint8Array(label.length + checksum + payload.length);
    out.set(label);
    if (options.crc) writeChecksum(out, label.length, payload);
    out.set(payload, label.length + checksum);
    return out;
  }
  let inner = payload;
  if (options.crc) {
    inner = new Uint8Array(CRC_HEADER_BYTES + payload.length);
    writeChecksum(inner, 0, payload);
    inner.set(payload, CRC_HEADER_BYTES);
  }
  const version = cipherVersion(config.protocolVersion);
  const out = new Uint8Array(label.length + blockLength(version, inner.length));
  out.set(label);
  encryptInto(out, label.length, inner, { key, version, associated: [config.label], random });
  return out;
}

/**
 * Unwraps a datagram down to a message, type byte first; compression and compounds are left to the caller. The result
 * may be a view of `bytes`. WireErrors: `packet-empty`, `label-truncated`, `label-empty`, `label-mismatch`,
 * `label-double`, `cipher-…`, `crc-mismatch`, `message-empty`.
 */
export function openPacket(bytes: Uint8Array, config: EnvelopeConfig): Uint8Array {
  if (bytes.length === 0) throw new WireError('packet-empty', 'packet too short');
  const found = findLabel(bytes);
  if (found === undefined) throw new WireError('label-truncated', 'packet has been truncated');
  checkLabel(found.label, config);
  const message = openChecksum(openCipher(found.end === 0 ? bytes : bytes.subarray(found.end), config));
  if (message.length === 0) throw new WireError('message-empty', 'missing message type byte');
  return message;
}

/** WireError `label-mismatch` or `label-double` unless what arrived in front of data is what `config` expects. */
export function checkLabel(label: Uint8Array, config: EnvelopeConfig): void {
  if (config.skipInboundLabelCheck) {
    if (label.length > 0) throw new WireError('label-double', 'unexpected double label');
  } else if (!equalBytes(label, config.label)) {
    throw new WireError('label-mismatch', 'discarding data with unacceptable label');
  }
}

function openCipher(block: Uint8Array, config: EnvelopeConfig): Uint8Array {
  if (config.keyring === undefined || !hasKeys(config)) return block;
  try {
    return decryptBlock(block, config.keyring.list(), [config.label]);
  } catch (error) {
    if (config.verifyIncoming || !(error instanceof WireError)) throw error;
    return block;
  }
}

function openChecksum(message: Uint8Array): Uint8Array {
  if (message[0] !== MessageType.crc || message.length < CRC_HEADER_BYTES) return message;
  const payload = message.subarray(CRC_HEADER_BYTES);
  if (readU32(message, 1) !== crc32(payload)) throw new WireError('crc-mismatch', 'invalid checksum');
  return payload;
}

function writeChecksum(out: Uint8Array, at: number, payload: Uint8Array): void {
  out[at] = MessageType.crc;
  writeU32(out, at + 1, crc32(payload));
}

/** What starts a stream we open; nothing without a label. The accepting side sends none. */
export function labelHeader(config: EnvelopeConfig): Uint8Array {
  return encodeLabelHeader(config.label);
}

/** Wraps a message for a stream: compressed whenever compression is on, encrypted if there are keys. Fresh memory. */
export function sealStream(message: Uint8Array, config: EnvelopeConfig, random: Random): Uint8Array {
  const payload = config.compression ? (compressMessage(message) ?? message) : message;
  const key = config.verifyOutgoing ? config.keyring?.primary : undefined;
  if (key === undefined) return payload === message ? copyBytes(message) : payload;
  const version = cipherVersion(config.protocolVersion);
  const length = blockLength(version, payload.length);
  const out = new Uint8Array(STREAM_HEADER_BYTES + length);
  out[0] = MessageType.encrypt;
  writeU32(out, 1, length);
  const associated: AssociatedData = [out.subarray(0, STREAM_HEADER_BYTES), config.label];
  encryptInto(out, STREAM_HEADER_BYTES, payload, { key, version, associated, random });
  return out;
}

/** Bytes of the block that follows a stream's encryption header. */
export function streamBlockLength(header: Uint8Array): number {
  return readU32(header, 1);
}

/** Decrypts a stream's block; `framed` is the header with the whole block. WireErrors as for `decryptBlock`. */
export function openStreamBlock(framed: Uint8Array, keyring: Keyring, config: EnvelopeConfig): Uint8Array {
  const header = framed.subarray(0, STREAM_HEADER_BYTES);
  return decryptBlock(framed.subarray(STREAM_HEADER_BYTES), keyring.list(), [header, config.label]);
}

function writeU32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}

function readU32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  return high * 0x1_0000 + (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
}
