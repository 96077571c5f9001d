import type { ClusterEvent } from '../../events/event.ts';
import { type EventFilter, matchesAny } from '../../events/filter.ts';
import { wireInteger, wirePayload, wireText } from '../codec.ts';
import { memberBody } from '../member-body.ts';
import { GAP_EVENT, type WireStruct } from '../protocol.ts';
import { Gaps } from './gaps.ts';
import type { StreamHost } from './host.ts';
import type { PendingQueries } from './pending.ts';

/**
 * Pushes events that match `filters` as records of `seq` until `signal` aborts (agent.md 4.1). Where the client was too
 * slow a record of our own names how many it has missed; clients that do not know it see an event of an unknown name.
 */
export async function pumpEvents(
  host: StreamHost,
  seq: bigint,
  filters: readonly EventFilter[],
  pending: PendingQueries,
  signal: AbortSignal,
): Promise<void> {
  const gaps = new Gaps(STREAM_CAPACITY);
  const onDrop = (event: ClusterEvent): void => {
    if (!matchesAny(filters, event)) return;
    gaps.lost();
    host.dropped('event');
  };
  for await (const event of host.backend.events({ signal, capacity: STREAM_CAPACITY, onDrop })) {
    gaps.take();
    if (matchesAny(filters, event)) {
      await host.ready();
      if (signal.aborted) return;
      host.record(seq, eventBody(event, pending));
    }
    const dropped = gaps.tell();
    if (dropped > 0) host.record(seq, { Dropped: dropped, Event: GAP_EVENT });
  }
}

/** Records held for one stream of a slow client (agent.md 5). */
export const STREAM_CAPACITY = 512;

function eventBody(event: ClusterEvent, pending: PendingQueries): WireStruct {
  switch (event.type) {
    case 'user':
      return {
        Coalesce: event.coalesce,
        Event: 'user',
        LTime: wireInteger(event.ltime),
        Name: wireText(event.name),
        Payload: wirePayload(event.payload),
      };
    case 'query':
      return {
        Event: 'query',
        ID: pending.register(event.id, event.timeoutMs),
        LTime: wireInteger(event.ltime),
        Name: wireText(event.name),
        Payload: wirePayload(event.payload),
      };
    default:
      return { Event: event.type, Members: event.members.map(memberBody) };
  }
}
