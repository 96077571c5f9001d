import { WireError } from '../base/errors.ts';
import type { MemberStatus } from '../events/event.ts';
import { sharedFacts } from '../swim/facts-pool.ts';
import {
  arrayOf,
  bool,
  bytes,
  bytesOrNull,
  decode,
  decodeFirst,
  type Entries,
  encode,
  i64,
  type Kind,
  knownText,
  mapOf,
  nullable,
  struct,
  text,
  u8,
  u16,
  u32,
  u64,
} from '../wire/msgpack.ts';

/** Serf's messages (serf.md 2). Encoders return the type byte and body; decoders take a message and skip its type byte. */

/** First byte of every Serf message. */
export const SerfType = {
  leave: 0,
  join: 1,
  pushPull: 2,
  userEvent: 3,
  query: 4,
  queryResponse: 5,
  conflictResponse: 6,
  keyRequest: 7,
  keyResponse: 8,
  relay: 9,
} as const satisfies Readonly<Record<string, number>>;

/** Flags of queries and their responses. */
export const QueryFlag = { ack: 1, noBroadcast: 2 } as const satisfies Readonly<Record<string, number>>;

/** `node` leaves, or is said to have left. */
export interface LeaveIntent {
  readonly ltime: number;
  readonly node: string;
  readonly prune: boolean;
}

export interface JoinIntent {
  readonly ltime: number;
  readonly node: string;
}

/** What identifies a user event beside its time. */
export interface EventBody {
  readonly name: string;
  readonly payload: Uint8Array | null;
}

/** The events of one Lamport time. */
export interface EventSlot {
  readonly ltime: number;
  readonly events: readonly EventBody[];
}

/** Our whole state, exchanged over streams. */
export interface PushPullState {
  readonly ltime: number;
  readonly statusLTimes: ReadonlyMap<string, number>;
  readonly leftMembers: readonly string[];
  readonly eventLTime: number;
  /** Peers send unused slots as null. */
  readonly events: readonly (EventSlot | null)[];
  readonly queryLTime: number;
}

/** The same as we write it: times need not be a Map. */
export interface OutgoingPushPull extends Omit<PushPullState, 'statusLTimes'> {
  readonly statusLTimes: Entries<number>;
}

export interface UserEventMessage {
  readonly ltime: number;
  readonly name: string;
  readonly payload: Uint8Array | null;
  /** May be coalesced. */
  readonly coalesce: boolean;
}

export interface QueryMessage {
  readonly ltime: number;
  readonly id: number;
  /** Where answers go. */
  readonly addr: Uint8Array;
  readonly port: number;
  /** Empty from peers older than 0.9. */
  readonly sourceNode: string;
  readonly filters: readonly Uint8Array[];
  readonly flags: number;
  readonly relayFactor: number;
  readonly timeoutNs: number;
  readonly name: string;
  readonly payload: Uint8Array | null;
}

/** An answer, or an ack when `QueryFlag.ack` is set. */
export interface QueryResponseMessage {
  readonly ltime: number;
  readonly id: number;
  readonly from: string;
  readonly flags: number;
  readonly payload: Uint8Array | null;
}

/** A member as a conflict response carries it. */
export interface ConflictMember {
  readonly name: string;
  readonly addr: Uint8Array;
  readonly port: number;
  readonly tags: ReadonlyMap<string, string>;
  /** Index into STATUS_NUMBERS. */
  readonly status: number;
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly protocolCur: number;
  readonly delegateMin: number;
  readonly delegateMax: number;
  readonly delegateCur: number;
}

/** Statuses in the order of their numbers on the wire. */
export const STATUS_NUMBERS = [
  'none',
  'alive',
  'leaving',
  'left',
  'failed',
] as const satisfies MemberStatus[];

export interface KeyRequestMessage {
  /** The raw key; empty for a listing. */
  readonly key: Uint8Array;
}

export interface KeyResponseMessage {
  readonly result: boolean;
  readonly message: string;
  /** Base64. */
  readonly keys: readonly string[];
  readonly primaryKey: string;
}

/** Where a relay node forwards what follows the header. */
export interface RelayHeader {
  readonly dest: { readonly ip: Uint8Array; readonly port: number; readonly zone: string };
  readonly destName: string;
}

const node = knownText((from, start, end) => sharedFacts.name(from, start, end));
const leave = struct<LeaveIntent>({ ltime: ['LTime', u64], node: ['Node', node], prune: ['Prune', bool] });
const join = struct<JoinIntent>({ ltime: ['LTime', u64], node: ['Node', node] });

const eventBody = struct<EventBody>({ name: ['Name', text], payload: ['Payload', bytesOrNull] });
const eventSlot = struct<EventSlot>({ ltime: ['LTime', u64], events: ['Events', arrayOf(eventBody)] });
const statusLTimes = mapOf(u64, node);
const pushPullFields = {
  ltime: ['LTime', u64],
  statusLTimes: ['StatusLTimes', statusLTimes],
  leftMembers: ['LeftMembers', arrayOf(text, 'array')],
  eventLTime: ['EventLTime', u64],
  events: ['Events', arrayOf(nullable(eventSlot), 'array')],
  queryLTime: ['QueryLTime', u64],
} as const;
const pushPull = struct<PushPullState>(pushPullFields);
const pushPullOut = struct<OutgoingPushPull>(pushPullFields);

const userEvent = struct<UserEventMessage>({
  ltime: ['LTime', u64],
  name: ['Name', text],
  payload: ['Payload', bytesOrNull],
  coalesce: ['CC', bool],
});

const query = struct<QueryMessage>({
  ltime: ['LTime', u64],
  id: ['ID', u32],
  addr: ['Addr', bytes],
  port: ['Port', u16],
  sourceNode: ['SourceNode', text],
  filters: ['Filters', arrayOf(bytes)],
  flags: ['Flags', u32],
  relayFactor: ['RelayFactor', u8],
  timeoutNs: ['Timeout', i64],
  name: ['Name', text],
  payload: ['Payload', bytesOrNull],
});

const queryResponse = struct<QueryResponseMessage>({
  ltime: ['LTime', u64],
  id: ['ID', u32],
  from: ['From', text],
  flags: ['Flags', u32],
  payload: ['Payload', bytesOrNull],
});

const conflictMember = nullable(
  struct<ConflictMember>({
    name: ['Name', text],
    addr: ['Addr', bytes],
    port: ['Port', u16],
    tags: ['Tags', mapOf(text)],
    status: ['Status', i64],
    protocolMin: ['ProtocolMin', u8],
    protocolMax: ['ProtocolMax', u8],
    protocolCur: ['ProtocolCur', u8],
    delegateMin: ['DelegateMin', u8],
    delegateMax: ['DelegateMax', u8],
    delegateCur: ['DelegateCur', u8],
  }),
);

const keyRequest = struct<KeyRequestMessage>({ key: ['Key', bytes] });
const keyResponse = struct<KeyResponseMessage>({
  result: ['Result', bool],
  message: ['Message', text],
  keys: ['Keys', arrayOf(text)],
  primaryKey: ['PrimaryKey', text],
});

const relayHeader = struct<RelayHeader>({
  dest: [
    'DestAddr',
    struct<RelayHeader['dest']>({ ip: ['IP', bytes], port: ['Port', i64], zone: ['Zone', text] }),
  ],
  destName: ['DestName', text],
});

/** Both directions of one message. */
export interface MessageCodec<T> {
  encode(message: T): Uint8Array;
  /** Throws WireError when the body is damaged, or the type byte is missing or another one. */
  decode(message: Uint8Array): T;
}

function codec<T>(type: number, kind: Kind<T>): MessageCodec<T> {
  return {
    encode: (message) => encode(kind, message, type),
    decode: (message) => {
      if (message[0] !== type) {
        throw new WireError(
          'serf-type',
          `expected Serf message type ${type}, found ${message[0] ?? 'nothing'}`,
        );
      }
      return decode(kind, message, 1);
    },
  };
}

export const leaveCodec: MessageCodec<LeaveIntent> = codec(SerfType.leave, leave);
export const joinCodec: MessageCodec<JoinIntent> = codec(SerfType.join, join);
export const pushPullCodec: MessageCodec<PushPullState> = codec(SerfType.pushPull, pushPull);
/** Our state, from times that go through a table as they are written. */
export const encodeState: (message: OutgoingPushPull) => Uint8Array = codec(
  SerfType.pushPull,
  pushPullOut,
).encode;
export const userEventCodec: MessageCodec<UserEventMessage> = codec(SerfType.userEvent, userEvent);
export const queryCodec: MessageCodec<QueryMessage> = codec(SerfType.query, query);
export const queryResponseCodec: MessageCodec<QueryResponseMessage> = codec(
  SerfType.queryResponse,
  queryResponse,
);
/** null: the responder does not know the name. */
export const conflictCodec: MessageCodec<ConflictMember | null> = codec(
  SerfType.conflictResponse,
  conflictMember,
);
export const keyRequestCodec: MessageCodec<KeyRequestMessage> = codec(SerfType.keyRequest, keyRequest);
export const keyResponseCodec: MessageCodec<KeyResponseMessage> = codec(SerfType.keyResponse, keyResponse);

/** A message of any type wrapped for forwarding by a relay node. */
export function encodeRelay(header: RelayHeader, inner: Uint8Array): Uint8Array {
  return encode(relayHeader, header, SerfType.relay, inner);
}

/** The header of a relay message and, borrowed, everything after it. Throws WireError. */
export function decodeRelay(message: Uint8Array): {
  readonly header: RelayHeader;
  readonly inner: Uint8Array;
} {
  const { value, end } = decodeFirst(relayHeader, message, 1);
  return { header: value, inner: message.subarray(end) };
}
