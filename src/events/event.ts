/** What users see: the events a node tells its handlers, streams and library callers. */

/** A member's standing, in Serf's words. */
export type MemberStatus = 'none' | 'alive' | 'leaving' | 'left' | 'failed';

/** One member as it was when an event or listing was made; a value, never changed afterwards. */
export interface MemberInfo {
  /** Cluster-unique name; may hold lone surrogates for bytes that are not UTF-8 (see base/bytes.ts). */
  readonly name: string;
  /** Raw IP as gossiped: 4 or 16 bytes. */
  readonly addr: Uint8Array;
  readonly port: number;
  readonly tags: ReadonlyMap<string, string>;
  readonly status: MemberStatus;
  /** memberlist's protocol versions. */
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly protocolCur: number;
  /** Serf's protocol versions. */
  readonly delegateMin: number;
  readonly delegateMax: number;
  readonly delegateCur: number;
}

export const MEMBER_EVENT_TYPES = [
  'member-join',
  'member-leave',
  'member-failed',
  'member-update',
  'member-reap',
] as const;

export type MemberEventType = (typeof MEMBER_EVENT_TYPES)[number];

/** One or more members changed in the same way. */
export interface MemberEvent {
  readonly type: MemberEventType;
  readonly members: readonly MemberInfo[];
}

/** A broadcast message. `payload` null is Serf's nil. */
export interface UserEvent {
  readonly type: 'user';
  readonly ltime: number;
  readonly name: string;
  readonly payload: Uint8Array | null;
  readonly coalesce: boolean;
}

/** A broadcast question. Answer it once, before the deadline, by `id`. */
export interface QueryEvent {
  readonly type: 'query';
  /** Local handle, unique on this node. */
  readonly id: number;
  readonly ltime: number;
  readonly name: string;
  readonly payload: Uint8Array | null;
  /** Name of the asker; empty when an old peer did not say. */
  readonly sourceNode: string;
  /** Milliseconds the asker still waits, counted from when the event was made. */
  readonly timeoutMs: number;
}

export type ClusterEvent = MemberEvent | UserEvent | QueryEvent;

/** Serf's name of an event in logs: `member-join`, `user-event: deploy`, `query: load`. */
export function describeEvent(event: ClusterEvent): string {
  switch (event.type) {
    case 'user':
      return `user-event: ${event.name}`;
    case 'query':
      return `query: ${event.name}`;
    default:
      return event.type;
  }
}
