import type {
  MemberEventType,
  MemberInfo,
  MemberStatus,
  QueryEvent,
  UserEvent,
} from '../../../src/events/event.ts';

export function member(name: string, more: Partial<MemberInfo> = {}): MemberInfo {
  return {
    name,
    addr: Uint8Array.of(10, 0, 0, 1),
    port: 7946,
    tags: new Map(),
    status: 'alive',
    protocolMin: 1,
    protocolMax: 5,
    protocolCur: 2,
    delegateMin: 2,
    delegateMax: 5,
    delegateCur: 5,
    ...more,
  };
}

export const STATUS_AFTER = {
  'member-join': 'alive',
  'member-update': 'alive',
  'member-leave': 'left',
  'member-failed': 'failed',
  'member-reap': 'none',
} as const satisfies Record<MemberEventType, MemberStatus>;

export function user(name: string, ltime: number, more: Partial<UserEvent> = {}): UserEvent {
  return { type: 'user', name, ltime, payload: null, coalesce: true, ...more };
}

export function query(name: string, more: Partial<QueryEvent> = {}): QueryEvent {
  return {
    type: 'query',
    id: 1,
    name,
    ltime: 1,
    payload: null,
    sourceNode: 'asker',
    timeoutMs: 1000,
    ...more,
  };
}
