import type { KeyRequest, QueryRequest } from './backend.ts';
import { wireInteger, wireText, wireTextMap } from './codec.ts';
import type { WireStruct, WireValue } from './protocol.ts';

/** The bodies of a client's larger requests. */

const NANOSECONDS_PER_MS = 1e6;

/** What a query asks; everything but the name has a default. */
export type ClientQuery = Pick<QueryRequest, 'name'> & Partial<QueryRequest>;

export function queryBody(query: ClientQuery): WireStruct {
  return {
    FilterNodes: texts(query.filterNodes ?? []),
    FilterTags: wireTextMap(query.filterTags ?? new Map()),
    Name: wireText(query.name),
    // An empty payload is not nil to newer agents, which then refuse a ping.
    Payload: query.payload?.length ? query.payload : null,
    RelayFactor: query.relayFactor ?? 0,
    RequestAck: query.requestAck ?? false,
    Timeout: wireInteger(BigInt(Math.round((query.timeoutMs ?? 0) * NANOSECONDS_PER_MS))),
    ...(query.until === undefined ? {} : { Until: query.until }),
  };
}

/** `Force` travels only when it is wanted: real Serf has no such field. */
export function keyBody({ key, force = false }: KeyRequest): WireStruct {
  return force ? { Force: true, Key: wireText(key) } : { Key: wireText(key) };
}

/** A list of texts; an empty one is nil, as Go's clients send it. */
export function texts(items: readonly string[]): WireValue {
  return items.length === 0 ? null : items.map(wireText);
}
