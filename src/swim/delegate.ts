import type { Address, Millis, OperationId } from '../base/machine.ts';
import type { Packer } from './packer.ts';

/** memberlist's view of a member's health (ARCHITECTURE §11). */
export type SwimStatus = 'alive' | 'suspect' | 'dead' | 'left';

/** What a member says of itself; replaced as a whole, never changed in place. */
export interface MemberFacts {
  readonly name: string;
  /** Raw IP exactly as gossiped: 4 or 16 bytes, compared byte by byte (memberlist.md 9 #4). */
  readonly addr: Uint8Array;
  readonly port: number;
  /** Opaque to SWIM; Serf keeps its tags here. */
  readonly meta: Uint8Array;
  /** Six bytes: protocol min, max, current, delegate min, max, current. */
  readonly vsn: Uint8Array;
  /** Where to send: `addr` as text, with `port`. */
  readonly address: Address;
}

/** A record of the member table. Only src/swim changes it. */
export interface SwimMember {
  readonly facts: MemberFacts;
  readonly incarnation: number;
  readonly status: SwimStatus;
  /** When `status` was entered. */
  readonly since: Millis;
}

/** What SWIM tells the layer above. `left` and `failed` differ in who declared the death: itself or somebody else. */
export type SwimNotice =
  | { readonly type: 'joined' | 'updated' | 'left' | 'failed'; readonly member: SwimMember }
  | { readonly type: 'conflict'; readonly existing: SwimMember; readonly other: MemberFacts }
  | {
      readonly type: 'rtt';
      readonly member: SwimMember;
      readonly rttMs: number;
      readonly payload: Uint8Array;
    };

/** Why one join target failed; `text` is a whole sentence for an operator. */
export interface JoinFailure {
  readonly target: JoinTarget;
  readonly code: string;
  readonly text: string;
}

/** One address to push/pull with. `label` is what the operator wrote, for messages. */
export interface JoinTarget {
  readonly address: Address;
  readonly label: string;
}

/** How an operation ended. */
export type SwimOutcome =
  | { readonly type: 'joined'; readonly contacted: number; readonly failures: readonly JoinFailure[] }
  /** A leave or update broadcast that every retransmission was spent on, or that nobody needed to hear. */
  | { readonly type: 'sent' }
  | { readonly type: 'timeout' }
  /** A message over a stream that could not be written; `text` is a whole sentence. */
  | { readonly type: 'undelivered'; readonly code: string; readonly text: string };

/** Everything Serf is, as seen by SWIM (ARCHITECTURE §3). Called synchronously, never re-entered. */
export interface SwimDelegate {
  /** Our metadata, at most `limit` bytes. */
  meta(limit: number): Uint8Array;
  /** A user message from a peer; `payload` is borrowed. */
  receive(now: Millis, payload: Uint8Array): void;
  /** False when `contribute` would add nothing to a datagram of any size. */
  hasBroadcasts(): boolean;
  /** Adds user messages (already framed by the packer) to a datagram with room left. */
  contribute(packer: Packer): void;
  localState(joining: boolean): Uint8Array;
  /** `state` is borrowed. */
  mergeRemoteState(now: Millis, state: Uint8Array, joining: boolean): void;
  /** Carried by acks of direct pings; undefined for none. The caller borrows it until its next call. */
  ackPayload(): Uint8Array | undefined;
  /** A reason refuses: the whole merge when `merging`, else one alive message. */
  admit(members: readonly MemberFacts[], merging: boolean): string | undefined;
  notice(now: Millis, notice: SwimNotice): void;
  /** Ends a join, leave or update exactly once. */
  settled(now: Millis, operation: OperationId, outcome: SwimOutcome): void;
}
