/** What ends a query: its deadline alone, or also that everybody asked has acknowledged, or has answered. */
export type QueryUntil = 'deadline' | 'acks' | 'responses';

/** What a query asks, and of whom. */
export interface QueryParams {
  readonly name: string;
  readonly payload: Uint8Array | null;
  /** Only these nodes answer; empty for all. */
  readonly filterNodes: readonly string[];
  /** Tag → RE2 expression searched in its value; all must match. */
  readonly filterTags: ReadonlyMap<string, string>;
  readonly requestAck: boolean;
  /** Random members that forward a copy of each answer, 0..255. */
  readonly relayFactor: number;
  /** 0 for the default. */
  readonly timeoutMs: number;
  /**
   * Ends the query before its deadline once every alive member that passes the filters has answered (`responses`), or
   * has answered or acknowledged (`acks`). Serf knows only `deadline`.
   */
  readonly until: QueryUntil;
}

/** A query of every node with nothing optional set. */
export function plainQuery(name: string, payload: Uint8Array | null): QueryParams {
  return {
    name,
    payload,
    filterNodes: [],
    filterTags: new Map(),
    requestAck: false,
    relayFactor: 0,
    timeoutMs: 0,
    until: 'deadline',
  };
}
