import type { QueryRun } from '../backend.ts';
import { wirePayload, wireText } from '../codec.ts';
import type { StreamHost } from './host.ts';

/** A query whose records go to a client. */
export interface PumpedQuery {
  readonly host: StreamHost;
  readonly seq: bigint;
  readonly records: QueryRun;
  /** The `done` record names those that stayed silent; for clients that asked for more than Serf offers. */
  readonly counted: boolean;
  readonly signal: AbortSignal;
}

/**
 * Pushes what comes back for a query as records of `seq`, then `done` when the query is over (agent.md 4.3). The query
 * itself goes on when the client leaves.
 */
export async function pumpQuery({ host, seq, records, counted, signal }: PumpedQuery): Promise<void> {
  try {
    for await (const record of records) {
      if (signal.aborted) return;
      // A record without a sender reads as the end of the query to old clients.
      if (record.from === '') continue;
      const payload = record.type === 'response' ? wirePayload(record.payload) : null;
      host.record(seq, { From: wireText(record.from), Payload: payload, Type: record.type });
    }
  } finally {
    const done = { From: '', Payload: null, Type: 'done' };
    const silent = counted ? { Silent: (records.tally?.silent ?? []).map(wireText) } : {};
    if (!signal.aborted) host.record(seq, { ...done, ...silent });
  }
}
