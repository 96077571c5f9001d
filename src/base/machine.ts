/** The contract between the synchronous protocol core and whatever gives it a body (ARCHITECTURE §3). */

/** Milliseconds on a monotonic clock; fractional; comparable on one node only. */
export type Millis = number;

/** A place datagrams and streams go to. `ip` is the canonical text of an IPv4 or IPv6 address, never a name. */
export interface Address {
  readonly ip: string;
  readonly port: number;
}

/** A stream's number, chosen by the host and never reused while the machine lives. */
export type StreamId = number;

/** Names an operation that takes time; the machine settles it exactly once. */
export type OperationId = number;

/** Why a stream could not be opened or broke. */
export type StreamFailure = 'refused' | 'reset' | 'unreachable';

/** What happened on a stream. `bytes` is borrowed: valid during the call only. */
export type StreamInput =
  | { readonly type: 'accepted'; readonly from: Address }
  | { readonly type: 'opened' }
  | { readonly type: 'ended' }
  | { readonly type: 'data'; readonly bytes: Uint8Array }
  | { readonly type: 'failed'; readonly why: StreamFailure };

/** Why the host could not send a datagram: no route or refused by the far end, or a fault of this host. */
export type DatagramFailure = 'unreachable' | 'refused' | 'local';

/** All a host ever sees of a protocol machine. Every call may produce effects; none may be made from inside one. */
export interface Machine {
  datagram(now: Millis, from: Address, bytes: Uint8Array): void;
  stream(now: Millis, id: StreamId, input: StreamInput): void;
  /** A datagram this machine sent that the host could not deliver. */
  undeliverable(now: Millis, to: Address, why: DatagramFailure): void;
  /** Fires every deadline at or before `now`, in order. */
  tick(now: Millis): void;
  /** When the machine next wants `tick`; `Infinity` when idle. */
  nextDeadline(): Millis;
}

/** All a machine can do to the world. Byte arguments are given away. A host never calls back into the machine here. */
export interface NetworkEffects {
  sendDatagram(to: Address, bytes: Uint8Array): void;
  /** Starts connecting; `opened` or `failed` follows as stream input, never during this call. */
  openStream(to: Address): StreamId;
  writeStream(id: StreamId, bytes: Uint8Array): void;
  /** Sends what was written, then closes; no input for `id` follows. */
  closeStream(id: StreamId): void;
}
