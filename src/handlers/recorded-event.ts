import { ipBytes, ipText } from '../base/address.ts';
import { asBuffer, NO_BYTES } from '../base/bytes.ts';
import {
  type ClusterEvent,
  MEMBER_EVENT_TYPES,
  type MemberInfo,
  type MemberStatus,
} from '../events/event.ts';

/** Events and members as JSON: what persistent and state handlers read, and what the record of runs keeps. */

/** A member, for handlers. */
export interface MemberJson {
  readonly name: string;
  readonly addr: string;
  readonly port: number;
  readonly status: MemberStatus;
  readonly tags: Readonly<Record<string, string>>;
}

/** A payload that is UTF-8 stands in `payload`, any other one as base64 beside it. */
interface PayloadJson {
  readonly payload?: string;
  readonly payload_base64?: string;
}

export type EventJson =
  | { readonly event: (typeof MEMBER_EVENT_TYPES)[number]; readonly members: readonly MemberJson[] }
  | ({ readonly event: 'user'; readonly name: string; readonly ltime: number } & PayloadJson)
  | ({
      readonly event: 'query';
      readonly name: string;
      readonly ltime: number;
      readonly source: string;
      readonly timeout_ms: number;
    } & PayloadJson);

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A member; tags are sorted so that equal members are equal texts. */
export function memberJson(member: MemberInfo): MemberJson {
  const tags = [...member.tags].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return {
    name: member.name,
    addr: ipText(member.addr) ?? '',
    port: member.port,
    status: member.status,
    tags: Object.fromEntries(tags),
  };
}

export function eventJson(event: ClusterEvent): EventJson {
  switch (event.type) {
    case 'user':
      return { event: 'user', name: event.name, ltime: event.ltime, ...payloadJson(event.payload) };
    case 'query':
      return {
        event: 'query',
        name: event.name,
        ltime: event.ltime,
        source: event.sourceNode,
        timeout_ms: Math.round(event.timeoutMs),
        ...payloadJson(event.payload),
      };
    default:
      return { event: event.type, members: event.members.map(memberJson) };
  }
}

function payloadJson(payload: Uint8Array | null): PayloadJson {
  const bytes = payload ?? NO_BYTES;
  try {
    return { payload: UTF8.decode(bytes) };
  } catch {
    return { payload_base64: asBuffer(bytes).toString('base64') };
  }
}

/** The event that `json` tells of, or undefined when it is none. What JSON leaves out gets the value of a plain node. */
export function eventOfJson(json: unknown): ClusterEvent | undefined {
  if (!isObject(json)) return undefined;
  const type = json['event'];
  const name = json['name'];
  if (type === 'user' && typeof name === 'string') {
    return { type, name, ltime: count(json['ltime']), payload: payloadOf(json), coalesce: false };
  }
  if (type === 'query' && typeof name === 'string') {
    const source = json['source'];
    const common = { type, name, ltime: count(json['ltime']), payload: payloadOf(json) } as const;
    return { ...common, id: 0, sourceNode: typeof source === 'string' ? source : '', timeoutMs: 0 };
  }
  const memberType = MEMBER_EVENT_TYPES.find((known) => known === type);
  const members = json['members'];
  if (memberType === undefined || !Array.isArray(members)) return undefined;
  const read = members.map(memberOfJson).filter((member) => member !== undefined);
  return read.length === members.length ? { type: memberType, members: read } : undefined;
}

const STATUSES: readonly MemberStatus[] = ['none', 'alive', 'leaving', 'left', 'failed'];

function memberOfJson(json: unknown): MemberInfo | undefined {
  if (!isObject(json) || typeof json['name'] !== 'string') return undefined;
  const { name, addr, port, status, tags } = json;
  return {
    name: String(name),
    addr: (typeof addr === 'string' ? ipBytes(addr) : undefined) ?? NO_BYTES,
    port: count(port),
    status: STATUSES.find((known) => known === status) ?? 'alive',
    tags: new Map(isObject(tags) ? Object.entries(tags).map(([tag, value]) => [tag, String(value)]) : []),
    protocolMin: 1,
    protocolMax: 5,
    protocolCur: 2,
    delegateMin: 2,
    delegateMax: 5,
    delegateCur: 5,
  };
}

function payloadOf(json: Readonly<Record<string, unknown>>): Uint8Array {
  const { payload, payload_base64: base64 } = json;
  if (typeof payload === 'string') return Buffer.from(payload);
  return typeof base64 === 'string' ? Buffer.from(base64, 'base64') : NO_BYTES;
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
