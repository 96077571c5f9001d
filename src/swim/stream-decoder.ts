import { unreachable } from '../base/assert.ts';
import { copyBytes, NO_BYTES } from '../base/bytes.ts';
import { WireError } from '../base/errors.ts';
import { BLOCK_OVERHEAD } from '../wire/cipher.ts';
import { decompressMessage, MAX_STREAM_PLAINTEXT } from '../wire/compress.ts';
import {
  checkLabel,
  type EnvelopeConfig,
  hasKeys,
  openStreamBlock,
  STREAM_HEADER_BYTES,
  streamBlockLength,
} from '../wire/envelope.ts';
import { findLabel } from '../wire/label.ts';
import { ValueScan } from '../wire/scan.ts';
import { decodePushPullHeader, MessageType, userStreamExtent } from './messages.ts';

/** Which end of a stream reads: requests come to the accepting side, replies to the dialling one. */
export type StreamRole = 'accepting' | 'dialling';

/** Bytes of an encrypted block; memberlist's own limit (memberlist.md 1.8). */
export const MAX_STREAM_BLOCK_BYTES = 20 * 1024 * 1024;
/** Bytes of a ping, ack or error reply, of which real ones have a few hundred. */
export const MAX_SMALL_STREAM_BYTES = 65_536;

/** The messages each side understands (memberlist.md 1.1, 2.1, 2.2). */
const EXPECTED: Readonly<Record<StreamRole, readonly number[]>> = {
  accepting: [MessageType.pushPull, MessageType.user, MessageType.ping],
  dialling: [MessageType.pushPull, MessageType.ack, MessageType.error],
};

/** What a stream that ended too early had yet to bring. */
export type StreamPhase = 'label' | 'type' | 'encrypted' | 'compressed' | 'message' | 'done';

/**
 * Finds the one message of a stream in chunks of any size (memberlist.md 1.9, 1.10, 2): label on the accepting side,
 * at most one encryption outside at most one compression, then the message, whose end follows from its structure. The
 * work is proportional to the bytes; whatever follows the message is ignored.
 *
 * `push` throws WireErrors: `label-…`, `stream-encrypted` and `stream-not-encrypted` (against our configuration),
 * `stream-too-large`, `stream-type`, `cipher-…`, `compress-…`, `message-empty`, `msgpack-…`, and for a plain push/pull or
 * user message also `push-pull-…` and `user-…`. The stream is of no use afterwards.
 */
export class StreamDecoder {
  readonly #config: EnvelopeConfig;
  readonly #role: StreamRole;
  #bytes: Uint8Array = NO_BYTES;
  /** The bytes are the caller's, as many a message comes whole. */
  #isBorrowed = false;
  #length = 0;
  #phase: StreamPhase;
  /** Where the type byte of the current layer is. */
  #start = 0;
  #scan: ValueScan | undefined;
  #extent: MessageExtent | undefined;
  #message: Uint8Array | undefined;

  /** @param config read anew with each step, so a key installed meanwhile counts */
  constructor(config: EnvelopeConfig, role: StreamRole) {
    this.#config = config;
    this.#role = role;
    this.#phase = role === 'accepting' ? 'label' : 'type';
  }

  /** What is still missing. */
  get phase(): StreamPhase {
    return this.#phase;
  }

  /**
   * True when the error `push` threw calls for an error reply to the peer: it came from the layers around the message.
   * Everything else closes the stream silently (memberlist.md 2.1).
   */
  get answersError(): boolean {
    return this.#phase === 'type' || this.#phase === 'encrypted' || this.#phase === 'compressed';
  }

  /** Takes the next bytes of the stream; they are borrowed. */
  push(bytes: Uint8Array): void {
    if (this.#phase === 'done') return;
    this.#append(bytes);
    let before: StreamPhase;
    do {
      before = this.#phase;
      this.#step();
    } while (this.#phase !== before);
    if (!this.#isBorrowed) return;
    this.#bytes = copyBytes(this.#bytes);
    this.#isBorrowed = false;
  }

  /** The message, type byte first, once; the memory is the caller's. Its fields may still be nonsense. */
  take(): Uint8Array | undefined {
    const message = this.#message;
    this.#message = undefined;
    return message;
  }

  #step(): void {
    switch (this.#phase) {
      case 'label':
        this.#readLabel();
        break;
      case 'type':
        this.#readType();
        break;
      case 'encrypted':
        this.#readEncrypted();
        break;
      case 'compressed':
        this.#readCompressed();
        break;
      case 'message':
        this.#readMessage();
        break;
      case 'done':
        break;
      default:
        unreachable(this.#phase);
    }
  }

  #readLabel(): void {
    const found = findLabel(this.#bytes.subarray(0, this.#length));
    if (found === undefined) return;
    checkLabel(found.label, this.#config);
    this.#start = found.end;
    this.#phase = 'type';
  }

  #readType(): void {
    if (this.#length <= this.#start) return;
    const type = this.#bytes[this.#start] as number;
    if (type === MessageType.encrypt) {
      if (!hasKeys(this.#config)) {
        throw new WireError('stream-encrypted', 'remote state is encrypted and encryption is not configured');
      }
      this.#phase = 'encrypted';
      return;
    }
    if (hasKeys(this.#config) && this.#config.verifyIncoming) {
      throw new WireError(
        'stream-not-encrypted',
        'encryption is configured but remote state is not encrypted',
      );
    }
    if (type === MessageType.compress) {
      this.#scan = new ValueScan(this.#start + 1);
      this.#phase = 'compressed';
      return;
    }
    this.#phase = 'message';
    this.#checkType(type);
    this.#extent = new MessageExtent(type, this.#start);
  }

  #readEncrypted(): void {
    const { keyring } = this.#config;
    if (keyring === undefined || this.#length < this.#start + STREAM_HEADER_BYTES) return;
    const length = streamBlockLength(this.#bytes.subarray(this.#start));
    if (length > MAX_STREAM_BLOCK_BYTES) {
      throw new WireError(
        'stream-too-large',
        `remote node state is larger than limit (${MAX_STREAM_BLOCK_BYTES})`,
      );
    }
    if (length < BLOCK_OVERHEAD[1]) {
      throw new WireError('cipher-short', `payload is too small to decrypt: ${length}`);
    }
    const end = this.#start + STREAM_HEADER_BYTES + length;
    if (this.#length < end) return;
    const plaintext = openStreamBlock(this.#bytes.subarray(this.#start, end), keyring, this.#config);
    if (plaintext.length === 0) throw new WireError('message-empty', 'missing message type byte');
    if (plaintext[0] === MessageType.compress) this.#decompress(plaintext.subarray(1));
    else this.#finish(plaintext);
  }

  #readCompressed(): void {
    const scan = this.#scan as ValueScan;
    const whole = scan.advance(this.#bytes, this.#length);
    checkSize(scan.at - this.#start, MAX_STREAM_PLAINTEXT);
    if (whole) this.#decompress(this.#bytes.subarray(this.#start + 1, scan.at));
  }

  #readMessage(): void {
    const end = this.#extent?.advance(this.#bytes, this.#length);
    if (end === undefined) return;
    this.#finish(
      this.#isBorrowed ? copyBytes(this.#bytes, this.#start, end) : this.#bytes.subarray(this.#start, end),
    );
  }

  #decompress(body: Uint8Array): void {
    this.#finish(decompressMessage(body, MAX_STREAM_PLAINTEXT));
  }

  #finish(message: Uint8Array): void {
    this.#phase = 'message';
    this.#checkType(message[0] as number);
    this.#phase = 'done';
    this.#message = message;
    this.#bytes = NO_BYTES;
    this.#isBorrowed = false;
  }

  #checkType(type: number): void {
    if (EXPECTED[this.#role].includes(type)) return;
    throw new WireError('stream-type', `received invalid msgType (${type})`);
  }

  #append(bytes: Uint8Array): void {
    if (this.#length === 0) {
      this.#bytes = bytes;
      this.#length = bytes.length;
      this.#isBorrowed = true;
      return;
    }
    const needed = this.#length + bytes.length;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = needed;
  }
}

/** Finds the end of a plain message: one map, for a push/pull its nodes, then bytes whose number the map told. */
class MessageExtent {
  readonly #type: number;
  readonly #start: number;
  readonly #limit: number;
  #scan: ValueScan;
  #headed = false;
  #tail = 0;

  /** @param start where the type byte is */
  constructor(type: number, start: number) {
    this.#type = type;
    this.#start = start;
    this.#scan = new ValueScan(start + 1);
    const long = type === MessageType.pushPull || type === MessageType.user;
    this.#limit = long ? MAX_STREAM_PLAINTEXT : MAX_SMALL_STREAM_BYTES;
  }

  /** The message's end, or undefined while bytes are missing. */
  advance(bytes: Uint8Array, length: number): number | undefined {
    if (!this.#scanned(bytes, length)) return undefined;
    if (!this.#headed) {
      this.#readHead(bytes);
      if (!this.#scanned(bytes, length)) return undefined;
    }
    const end = this.#scan.at + this.#tail;
    return end <= length ? end : undefined;
  }

  #scanned(bytes: Uint8Array, length: number): boolean {
    const whole = this.#scan.advance(bytes, length);
    checkSize(this.#scan.at + this.#tail - this.#start, this.#limit);
    return whole;
  }

  #readHead(bytes: Uint8Array): void {
    this.#headed = true;
    const headEnd = this.#scan.at;
    const head = bytes.subarray(this.#start + 1, headEnd);
    if (this.#type === MessageType.pushPull) {
      const { nodes, userStateLen } = decodePushPullHeader(head);
      this.#scan = new ValueScan(headEnd, nodes);
      this.#tail = userStateLen;
    } else if (this.#type === MessageType.user) {
      const { start, end } = userStreamExtent(head);
      this.#tail = end - start;
    }
  }
}

function checkSize(size: number, limit: number): void {
  if (size > limit)
    throw new WireError('stream-too-large', `remote node state is larger than limit (${limit})`);
}
