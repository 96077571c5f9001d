import { ipText, isIpText } from '../base/address.ts';
import type { Address } from '../base/machine.ts';
import { isAsciiName } from '../base/name-hash.ts';
import { encodeWith } from '../wire/msgpack.ts';
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

/** A ping, type byte first, in fresh memory. */
export function encodePing(ping: Ping): Uint8Array {
  const { seqNo, node, sourceAddr, sourcePort, sourceNode } = ping;
  if (sourceAddr.length === 0 || sourcePort === 0 || sourceNode === '') return general.encodePing(ping);
  return encodeWith((to) => {
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

/** An ack, type byte first, in fresh memory. */
export function encodeAck({ seqNo, payload }: Ack): Uint8Array {
  return encodeWith((to) => {
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
 * What a ping for `self`, or for anybody, asks for; undefined for every other body, which `decodePing` may read. `from` is
 * where the datagram came from, and stands for itself where the ping names the same address.
 */
export function questionOf(body: Uint8Array, from: Address, self: string): Question | undefined {
  at = 0;
  if (!take(body, PING.node)) return undefined;
  const nodeAt = takeText(body);
  if (nodeAt < 0 || (at > nodeAt && !isAsciiName(self, body, nodeAt, at))) return undefined;
  if (!take(body, PING.seqNo)) return undefined;
  const seqNo = takeInteger(body);
  if (seqNo < 0 || !take(body, PING.sourceAddr)) return undefined;
  const addrAt = takeText(body);
  const addrEnd = at;
  if (addrAt < 0 || addrEnd - addrAt !== 4 || !take(body, PING.sourceNode)) return undefined;
  if (takeText(body) < 0 || !take(body, PING.sourcePort)) return undefined;
  const port = takeInteger(body);
  if (port < 1 || port > 0xffff) return undefined;
  if (port === from.port && isIpText(from.ip, body, addrAt)) return { seqNo, source: from };
  const ip = ipText(body.subarray(addrAt, addrEnd));
  return ip === undefined ? undefined : { seqNo, source: { ip, port } };
}

/** An ack; its payload is a view of `body`. Throws WireError. */
export function decodeAck(body: Uint8Array): Ack {
  at = 0;
  if (!take(body, ACK.payload)) return general.decodeAck(body);
  let payload: Uint8Array | null = null;
  if (body[at] === NIL) at += 1;
  else {
    const start = takeText(body);
    if (start < 0) return general.decodeAck(body);
    payload = body.subarray(start, at);
  }
  if (!take(body, ACK.seqNo)) return general.decodeAck(body);
  const seqNo = takeInteger(body);
  return seqNo < 0 ? general.decodeAck(body) : { seqNo, payload };
}

/** Where the functions below read. */
let at = 0;

/** Passes over these bytes if they are next. */
function take(body: Uint8Array, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i += 1) if (body[at + i] !== expected[i]) return false;
  at += expected.length;
  return true;
}

/** Passes over text or bytes of the short forms and returns where they begin; -1 for other forms, or when they are cut. */
function takeText(body: Uint8Array): number {
  const head = body[at] as number;
  let start = at + 1;
  let length = head & 0x1f;
  if (head === 0xda) {
    start = at + 3;
    length = ((body[at + 1] as number) << 8) | (body[at + 2] as number);
  } else if ((head & 0xe0) !== 0xa0) return -1;
  if (start + length > body.length) return -1;
  at = start + length;
  return start;
}

/** Passes over an unsigned integer of up to 32 bits and returns it; -1 for other forms, or when it is cut. */
function takeInteger(body: Uint8Array): number {
  const head = body[at] as number;
  if (head < 0x80) {
    at += 1;
    return head;
  }
  const size = head === 0xcc ? 1 : head === 0xcd ? 2 : head === 0xce ? 4 : 0;
  if (size === 0 || at + size >= body.length) return -1;
  let value = 0;
  for (let i = 1; i <= size; i += 1) value = 256 * value + (body[at + i] as number);
  at += 1 + size;
  return value;
}
