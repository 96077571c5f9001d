import { ipText, isIpText } from '../base/address.ts';
import type { Address } from '../base/machine.ts';
import { isAsciiName } from '../base/name-hash.ts';
import { encodeBriefly } from '../wire/msgpack.ts';
import type { Ack, Ping } from './messages.ts';
import * as general from './messages.ts';

/**
 * Pings and acks, which are all that a quiet cluster sends. Those of the form that every peer writes, keys sorted and
 * nothing left out, are read and written here at known places; all others by the tables of `messages.ts`.
 */

const literal = (text: string): Buffer => Buffer.from(text, 'latin1');
const PING = {
  node: literal('\x85\xa4Node'),
  seqNo: literal('\xa5SeqNo'),
  sourceAddr: literal('\xaaSourceAddr'),
  sourceNode: literal('\xaaSourceNode'),
  sourcePort: literal('\xaaSourcePort'),
} as const;
const ACK = { payload: literal('\x82\xa7Payload'), seqNo: literal('\xa5SeqNo') } as const;
const NIL = 0xc0;

/** A ping, type byte first, in memory of its own for as long as a datagram takes. */
export function encodePing(ping: Ping): Uint8Array {
  const { seqNo, node, sourceAddr, sourcePort, sourceNode } = ping;
  if (sourceAddr.length === 0 || sourcePort === 0 || sourceNode === '') return general.encodePing(ping);
  return encodeBriefly((to) => {
    to.byte(general.MessageType.ping);
    to.raw(PING.node);
    to.text(node);
    to.raw(PING.seqNo);
    to.integer(seqNo);
    to.raw(PING.sourceAddr);
    to.bytes(sourceAddr);
    to.raw(PING.sourceNode);
    to.text(sourceNode);
    to.raw(PING.sourcePort);
    to.integer(sourcePort);
  });
}

/** An ack, as `encodePing` makes a ping. */
export function encodeAck({ seqNo, payload }: Ack): Uint8Array {
  return encodeBriefly((to) => {
    to.byte(general.MessageType.ack);
    to.raw(ACK.payload);
    if (payload === null) to.nil();
    else to.bytes(payload);
    to.raw(ACK.seqNo);
    to.integer(seqNo);
  });
}

/** What a ping asks for: an ack of this number to this address. */
export interface Question {
  readonly seqNo: number;
  readonly source: Address;
}

/**
 * What a ping for `self`, or for anybody, asks for; undefined for every other message, whose body `decodePing` may read.
 * The type byte is passed over. `from` is where the datagram came from, and stands for itself where the ping names the
 * same address.
 */
export function questionOf(message: Uint8Array, from: Address, self: string): Question | undefined {
  at = 1;
  if (!take(message, PING.node)) return undefined;
  const nodeAt = takeText(message);
  if (nodeAt < 0 || (at > nodeAt && !isAsciiName(self, message, nodeAt, at))) return undefined;
  if (!take(message, PING.seqNo)) return undefined;
  const seqNo = takeInteger(message);
  if (seqNo < 0 || !take(message, PING.sourceAddr)) return undefined;
  const addrAt = takeText(message);
  const addrEnd = at;
  if (addrAt < 0 || addrEnd - addrAt !== 4 || !take(message, PING.sourceNode)) return undefined;
  if (takeText(message) < 0 || !take(message, PING.sourcePort)) return undefined;
  const port = takeInteger(message);
  if (port < 1 || port > 0xffff) return undefined;
  if (port === from.port && isIpText(from.ip, message, addrAt)) return { seqNo, source: from };
  const ip = ipText(message.subarray(addrAt, addrEnd));
  return ip === undefined ? undefined : { seqNo, source: { ip, port } };
}

/** The ack in a message, whose type byte is passed over; its payload is a view of it. Throws WireError. */
export function decodeAck(message: Uint8Array): Ack {
  at = 1;
  if (!take(message, ACK.payload)) return general.decodeAck(message.subarray(1));
  let payload: Uint8Array | null = null;
  if (message[at] === NIL) at += 1;
  else {
    const start = takeText(message);
    if (start < 0) return general.decodeAck(message.subarray(1));
    payload = message.subarray(start, at);
  }
  if (!take(message, ACK.seqNo)) return general.decodeAck(message.subarray(1));
  const seqNo = takeInteger(message);
  return seqNo < 0 ? general.decodeAck(message.subarray(1)) : { seqNo, payload };
}

/** Where the functions below read. */
let at = 0;

/** Passes over these bytes if they are next. */
function take(message: Uint8Array, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i += 1) if (message[at + i] !== expected[i]) return false;
  at += expected.length;
  return true;
}

/** Passes over text or bytes of the short forms and returns where they begin; -1 for other forms, or when they are cut. */
function takeText(message: Uint8Array): number {
  const head = message[at] as number;
  let start = at + 1;
  let length = head & 0x1f;
  if (head === 0xda) {
    start = at + 3;
    length = ((message[at + 1] as number) << 8) | (message[at + 2] as number);
  } else if ((head & 0xe0) !== 0xa0) return -1;
  if (start + length > message.length) return -1;
  at = start + length;
  return start;
}

/** Passes over an unsigned integer of up to 32 bits and returns it; -1 for other forms, or when it is cut. */
function takeInteger(message: Uint8Array): number {
  const head = message[at] as number;
  if (head < 0x80) {
    at += 1;
    return head;
  }
  const size = head === 0xcc ? 1 : head === 0xcd ? 2 : head === 0xce ? 4 : 0;
  if (size === 0 || at + size >= message.length) return -1;
  let value = 0;
  for (let i = 1; i <= size; i += 1) value = 256 * value + (message[at + i] as number);
  at += 1 + size;
  return value;
}
