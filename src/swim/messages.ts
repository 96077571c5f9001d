import { copyBytes, NO_BYTES } from '../base/bytes.ts';
import { WireError } from '../base/errors.ts';
import { MessageType } from '../wire/message-type.ts';
import {
  bool,
  bytes,
  bytesEmptyAsNil,
  bytesOrNull,
  decode,
  encode,
  encodeWith,
  i64,
  type Kind,
  struct,
  text,
  u16,
  u32,
} from '../wire/msgpack.ts';
import { Reader } from '../wire/msgpack-reader.ts';
import type { Writer } from '../wire/msgpack-writer.ts';

/** memberlist's messages: type bytes, fields, and both directions of their codec (memberlist.md 1.1, 1.2). */

export { MessageType };

/** Push/pulls of more nodes than this must bring at least MIN_NODE_BYTES for each: tiny nodes become big objects. */
const FREE_NODES = 1024;
/** Far below the fifty bytes and more of a real node. */
const MIN_NODE_BYTES = 8;

/** Nodes one push/pull may announce (memberlist.md 1.11). */
export const MAX_PUSH_PULL_NODES = 1_048_576;
/** Bytes of user state in a push/pull, and of a user message on a stream (memberlist.md 1.11). */
export const MAX_USER_BYTES = 20 * 1024 * 1024;

/** "Are you there?" The sender's address is where the ack goes; empty and zero when the peer left it out. */
export interface Ping {
  readonly seqNo: number;
  /** Whom we mean; empty for anybody. */
  readonly node: string;
  readonly sourceAddr: Uint8Array;
  readonly sourcePort: number;
  readonly sourceNode: string;
}

/** "Ping this node for me." */
export interface IndirectPing {
  readonly seqNo: number;
  readonly target: Uint8Array;
  readonly port: number;
  readonly node: string;
  /** The asker wants a nack when the target does not answer. */
  readonly nack: boolean;
  readonly sourceAddr: Uint8Array;
  readonly sourcePort: number;
  readonly sourceNode: string;
}

/** The answer to a ping. */
export interface Ack {
  readonly seqNo: number;
  readonly payload: Uint8Array | null;
}

/** A relay's "no answer yet". */
export interface Nack {
  readonly seqNo: number;
}

/** Why an acceptor could not read a stream. */
export interface ErrorReply {
  readonly error: string;
}

/** `from` suspects `node` at `incarnation`. */
export interface Suspect {
  readonly incarnation: number;
  readonly node: string;
  readonly from: string;
}

/** `from` declares `node` dead; when both are the same, it left. */
export interface Dead {
  readonly incarnation: number;
  readonly node: string;
  readonly from: string;
}

/** `node` is alive at this address. */
export interface Alive {
  readonly incarnation: number;
  readonly node: string;
  /** Raw IP as the node announced it, kept byte by byte. */
  readonly addr: Uint8Array;
  readonly port: number;
  /** Nil and empty are the same to every peer; both read as empty, empty is written as nil. */
  readonly meta: Uint8Array;
  /** Protocol min, max, current, delegate min, max, current; possibly shorter from a hostile peer. */
  readonly vsn: Uint8Array;
}

/** A member as a push/pull lists it. `state`: 0 alive, 1 suspect, 2 dead, 3 left. */
export interface PushPullNode {
  readonly name: string;
  readonly addr: Uint8Array;
  readonly port: number;
  readonly meta: Uint8Array;
  readonly incarnation: number;
  readonly state: number;
  readonly vsn: Uint8Array;
}

/** A node's whole state. */
export interface PushPull {
  readonly join: boolean;
  readonly nodes: readonly PushPullNode[];
  readonly userState: Uint8Array;
}

/** What stands before the nodes of a push/pull. */
export interface PushPullHeader {
  readonly nodes: number;
  readonly userStateLen: number;
  readonly join: boolean;
}

const pingKind = struct<Ping>({
  seqNo: ['SeqNo', u32],
  node: ['Node', text],
  sourceAddr: ['SourceAddr', bytes, 'omit-empty'],
  sourcePort: ['SourcePort', u16, 'omit-empty'],
  sourceNode: ['SourceNode', text, 'omit-empty'],
});

const indirectPingKind = struct<IndirectPing>({
  seqNo: ['SeqNo', u32],
  target: ['Target', bytes],
  port: ['Port', u16],
  node: ['Node', text],
  nack: ['Nack', bool],
  sourceAddr: ['SourceAddr', bytes, 'omit-empty'],
  sourcePort: ['SourcePort', u16, 'omit-empty'],
  sourceNode: ['SourceNode', text, 'omit-empty'],
});

const ackKind = struct<Ack>({ seqNo: ['SeqNo', u32], payload: ['Payload', bytesOrNull] });
const nackKind = struct<Nack>({ seqNo: ['SeqNo', u32] });
const errorKind = struct<ErrorReply>({ error: ['Error', text] });

const suspectKind = struct<Suspect>({
  incarnation: ['Incarnation', u32],
  node: ['Node', text],
  from: ['From', text],
});
const deadKind: Kind<Dead> = suspectKind;

const aliveKind = struct<Alive>({
  incarnation: ['Incarnation', u32],
  node: ['Node', text],
  addr: ['Addr', bytes],
  port: ['Port', u16],
  meta: ['Meta', bytesEmptyAsNil],
  vsn: ['Vsn', bytes],
});

const headerKind = struct<PushPullHeader>({
  nodes: ['Nodes', i64],
  userStateLen: ['UserStateLen', i64],
  join: ['Join', bool],
});

/** One entry of a push/pull. */
export const nodeKind = struct<PushPullNode>({
  name: ['Name', text],
  addr: ['Addr', bytes],
  port: ['Port', u16],
  meta: ['Meta', bytesEmptyAsNil],
  incarnation: ['Incarnation', u32],
  state: ['State', i64],
  vsn: ['Vsn', bytes],
});

const userHeaderKind = struct<{ readonly userMsgLen: number }>({ userMsgLen: ['UserMsgLen', i64] });

/** A message's encoder: the whole message in fresh memory, type byte first. */
function encoder<T>(kind: Kind<T>, type: number): (message: T) => Uint8Array {
  return (message) => encode(kind, message, type);
}

/** A message's decoder: takes the body after the type byte, keeps nothing of it, throws WireError. */
function decoder<T>(kind: Kind<T>): (body: Uint8Array) => T {
  return (body) => decode(kind, body);
}

export const encodePing = encoder(pingKind, MessageType.ping);
export const encodeIndirectPing = encoder(indirectPingKind, MessageType.indirectPing);
export const encodeAck = encoder(ackKind, MessageType.ack);
export const encodeNack = encoder(nackKind, MessageType.nack);
export const encodeErrorReply = encoder(errorKind, MessageType.error);
export const encodeSuspect = encoder(suspectKind, MessageType.suspect);
export const encodeDead = encoder(deadKind, MessageType.dead);
export const encodeAlive = encoder(aliveKind, MessageType.alive);

export const decodePing = decoder(pingKind);
export const decodeIndirectPing = decoder(indirectPingKind);
export const decodeAck = decoder(ackKind);
export const decodeNack = decoder(nackKind);
export const decodeErrorReply = decoder(errorKind);
export const decodeSuspect = decoder(suspectKind);
export const decodeDead = decoder(deadKind);
export const decodeAlive = decoder(aliveKind);

/** Header, then each node, then the user state outside msgpack (memberlist.md 2.2). */
export function encodePushPull(message: PushPull): Uint8Array {
  const { join, nodes, userState } = message;
  return encodeWith((to) => {
    writePushPullHeader(to, { join, nodes: nodes.length, userStateLen: userState.length });
    for (const node of nodes) nodeKind.write(to, node);
    to.raw(userState);
  });
}

/** The type byte and header of a push/pull; its nodes and user state follow. */
export function writePushPullHeader(to: Writer, header: PushPullHeader): void {
  to.byte(MessageType.pushPull);
  headerKind.write(to, header);
}

/** A user message on a stream; in a datagram it is the type byte and the payload alone. */
export function encodeUserStream(payload: Uint8Array): Uint8Array {
  return encode(userHeaderKind, { userMsgLen: payload.length }, MessageType.user, payload);
}

/** Where a push/pull's header ends and what follows it. */
export interface PushPullExtent extends PushPullHeader {
  /** Offset in the body of the first node. */
  readonly end: number;
}

/** Reads and limits a push/pull's header. WireError `push-pull-nodes` or `push-pull-state` outside the limits. */
export function decodePushPullHeader(body: Uint8Array): PushPullExtent {
  const reader = new Reader(body);
  return { ...checkedHeader(reader), end: reader.at };
}

/** A whole push/pull. WireError `push-pull-nodes`, `push-pull-state`, or what a node's fields give. */
export function decodePushPull(body: Uint8Array): PushPull {
  return readPushPull(body, nodeKind.read);
}

/** A whole push/pull whose nodes `readNode` reads; throws as `decodePushPull`. */
export function readPushPull<T>(
  body: Uint8Array,
  readNode: (from: Reader) => T,
): { readonly join: boolean; readonly nodes: readonly T[]; readonly userState: Uint8Array } {
  const reader = new Reader(body);
  const header = checkedHeader(reader);
  if (header.nodes > FREE_NODES && header.nodes * MIN_NODE_BYTES > body.length - reader.at) {
    throw new WireError('push-pull-nodes', `${header.nodes} nodes in ${body.length} bytes`);
  }
  const nodes: T[] = [];
  for (let i = 0; i < header.nodes; i += 1) nodes.push(readNode(reader));
  const end = reader.at + header.userStateLen;
  if (end > body.length) throw new WireError('push-pull-truncated', 'user state ends early');
  const userState = header.userStateLen === 0 ? NO_BYTES : copyBytes(body, reader.at, end);
  return { join: header.join, nodes, userState };
}

function checkedHeader(reader: Reader): PushPullHeader {
  const header = headerKind.read(reader);
  if (header.nodes < 0 || header.nodes > MAX_PUSH_PULL_NODES) {
    throw new WireError('push-pull-nodes', `node count ${header.nodes} outside 0..${MAX_PUSH_PULL_NODES}`);
  }
  if (header.userStateLen < 0 || header.userStateLen > MAX_USER_BYTES) {
    throw new WireError(
      'push-pull-state',
      `user state of ${header.userStateLen} bytes outside 0..${MAX_USER_BYTES}`,
    );
  }
  return header;
}

/** Where a stream user message's payload lies in its body. WireError `user-length` outside the limits. */
export function userStreamExtent(body: Uint8Array): { readonly start: number; readonly end: number } {
  const reader = new Reader(body);
  const { userMsgLen } = userHeaderKind.read(reader);
  if (userMsgLen < 0 || userMsgLen > MAX_USER_BYTES) {
    throw new WireError('user-length', `user message of ${userMsgLen} bytes outside 0..${MAX_USER_BYTES}`);
  }
  return { start: reader.at, end: reader.at + userMsgLen };
}

/** The payload of a stream user message, copied. */
export function decodeUserStream(body: Uint8Array): Uint8Array {
  const { start, end } = userStreamExtent(body);
  if (end > body.length) throw new WireError('user-truncated', 'user message ends early');
  return copyBytes(body, start, end);
}
