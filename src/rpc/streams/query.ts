import type { QueryRecord } from '../backend.ts';
import { wirePayload, wireText } from '../codec.ts';
import type { StreamHost } from './host.ts';

/**
 * Pushes what comes back for a query as records of `seq`, then `done` when the query is over (agent.md 4.3). The query
 * itself goes on when the client leaves.
 */
export async function pumpQuery(
  host: StreamHost,
  seq: bigint,
  records: AsyncIterable<QueryRecord>,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const record of records) {
      if (signal.aborted) return;
      // A record without a sender reads as the end of the query to old clients.
      if (record.from === '') continue;
      const payload = record.type === 'response' ? wirePayload(record.payload) : null;
      host.record(seq, { From: wireText(record.from), Payload: payload, Type: record.type });
    }
  } finally {
    if (!signal.aborted) host.record(seq, { From: '', Payload: null, Type: 'done' });
  }
}
