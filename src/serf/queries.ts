import type { Counters } from '../base/counters.ts';
import type { Deadlines } from '../base/deadlines.ts';
import { CodedError, messageOf } from '../base/errors.ts';
import type { Load } from '../base/load.ts';
import type { Millis } from '../base/machine.ts';
import type { Trace } from '../base/trace.ts';
import type { QueryEvent } from '../events/event.ts';
import type { SerfConfig } from './config.ts';
import type { SerfDeadline } from './deadline.ts';
import { InternalQuery } from './internal-queries.ts';
import type { LamportClock } from './lamport.ts';
import { QueryFlag, type QueryMessage } from './messages.ts';
import { isLethalFilter, type QueryFilter } from './query-filter.ts';
import type { QueryReplies } from './query-replies.ts';

/** Queries that may wait for an answer at once; overflow gives up on the oldest. */
export const OPEN_QUERIES_LIMIT = 1024;
/** Query ids remembered of one Lamport time; more of the same time are refused. */
export const IDS_PER_SLOT = 1024;

const NANOS_PER_MILLI = 1_000_000;

export interface QueryParts {
  readonly config: Pick<SerfConfig, 'queryBuffer' | 'queryMinTime' | 'queryResponseSizeLimit'>;
  readonly clock: LamportClock;
  readonly deadlines: Deadlines<SerfDeadline>;
  readonly counters: Counters;
  readonly trace: Trace | undefined;
  readonly filter: QueryFilter;
  readonly replies: QueryReplies;
  /** Our tags, as filters see them. */
  readonly tags: () => ReadonlyMap<string, string>;
  readonly emit: (now: Millis, event: QueryEvent) => void;
}

interface Slot {
  readonly ltime: number;
  readonly ids: Set<number>;
}

interface OpenQuery {
  readonly message: QueryMessage;
  readonly deadline: Millis;
  answered: boolean;
}

/** Queries asked of us: dedup, filters, acks, and one answer each before the deadline (serf.md 10.4, 10.5). */
export class Queries {
  readonly #parts: QueryParts;
  readonly #ring: (Slot | undefined)[];
  readonly #open = new Map<number, OpenQuery>();
  #nextId = 1;

  constructor(parts: QueryParts) {
    this.#parts = parts;
    this.#ring = new Array<Slot | undefined>(parts.config.queryBuffer).fill(undefined);
  }

  get load(): Load {
    return { what: 'open queries', size: this.#open.size, limit: OPEN_QUERIES_LIMIT };
  }

  /** Takes a query in; true when it should be passed on, which does not depend on its filters. */
  receive(now: Millis, message: QueryMessage): boolean {
    const { clock, counters, config, filter } = this.#parts;
    clock.witness(message.ltime);
    if (message.ltime < config.queryMinTime) {
      counters.add('drop:query-before-minimum');
      return false;
    }
    const size = this.#ring.length;
    if (clock.time > size && message.ltime < clock.time - size) {
      this.#tooOld(message);
      return false;
    }
    if (!this.#remember(message)) return false;
    counters.tell('serf.queries');
    counters.metrics?.count(`serf.queries.${message.name}`, 1);
    if (filter.matches(message.filters, this.#parts.tags())) this.#deliver(now, message);
    if (isLethal(message)) {
      counters.add('drop:query-lethal');
      return false;
    }
    return (message.flags & QueryFlag.noBroadcast) === 0;
  }

  /** True when an answer of this payload would not be too big for query `id`. */
  fits(id: number, payload: Uint8Array): boolean {
    const open = this.#open.get(id);
    return open !== undefined && this.#parts.replies.fits(open.message, payload);
  }

  /** Answers query `id`. Throws a CodedError with Serf's texts, in Serf's order: size, repetition, deadline. */
  respond(now: Millis, id: number, payload: Uint8Array): void {
    const open = this.#open.get(id);
    const limit = this.#parts.config.queryResponseSizeLimit;
    if (open !== undefined && !this.#parts.replies.fits(open.message, payload)) {
      refuse('ERR_RESPONSE_SIZE', `response exceeds limit of ${limit} bytes`);
    }
    if (open?.answered) refuse('ERR_QUERY_ANSWERED', 'response already sent');
    if (open === undefined || now > open.deadline) refuse('ERR_QUERY_OVER', 'response is past the deadline');
    open.answered = true;
    try {
      this.#parts.replies.answer(open.message, payload);
    } catch (error) {
      if (error instanceof CodedError) refuse(error.code, error.message);
      throw error;
    }
  }

  /** Nobody waits for an answer to query `id` any more. */
  expire(id: number): void {
    this.#open.delete(id);
  }

  #remember(message: QueryMessage): boolean {
    const { counters } = this.#parts;
    const index = message.ltime % this.#ring.length;
    let slot = this.#ring[index];
    if (slot === undefined || slot.ltime !== message.ltime) {
      slot = { ltime: message.ltime, ids: new Set() };
      this.#ring[index] = slot;
    }
    if (slot.ids.has(message.id)) {
      counters.add('drop:query-duplicate');
      return false;
    }
    if (slot.ids.size >= IDS_PER_SLOT) {
      counters.add('drop:query-slot-full');
      return false;
    }
    slot.ids.add(message.id);
    return true;
  }

  #deliver(now: Millis, message: QueryMessage): void {
    if ((message.flags & QueryFlag.ack) !== 0) this.#ack(message);
    const id = this.#nextId;
    this.#nextId += 1;
    const timeoutMs = message.timeoutNs / NANOS_PER_MILLI;
    const deadline = now + timeoutMs;
    // Only what an answer needs: a payload can fill a datagram of 64 KiB.
    const kept = { ...message, payload: null, filters: [] };
    this.#open.set(id, { message: kept, deadline, answered: false });
    this.#parts.deadlines.set(`query-expired:${id}`, deadline, { type: 'query-expired', id });
    if (this.#open.size > OPEN_QUERIES_LIMIT) this.#abandonOldest();
    const { ltime, name, payload, sourceNode } = message;
    this.#parts.emit(now, { type: 'query', id, ltime, name, payload, sourceNode, timeoutMs });
  }

  #abandonOldest(): void {
    const oldest = this.#open.keys().next();
    if (oldest.done === true) return;
    this.#open.delete(oldest.value);
    this.#parts.deadlines.cancel(`query-expired:${oldest.value}`);
    this.#parts.counters.add('drop:query-abandoned');
  }

  #ack(message: QueryMessage): void {
    try {
      this.#parts.replies.ack(message);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#parts.counters.add('drop:query-ack');
      this.#parts.trace?.note({
        level: 'ERR',
        source: 'serf',
        message: 'failed to send ack',
        text: `failed to ${error.code === 'ERR_RESPONSE_SIZE' ? 'relay' : 'send'} ack: ${messageOf(error)}`,
        fields: { query: message.name },
      });
    }
  }

  #tooOld(message: QueryMessage): void {
    const { clock, counters, trace } = this.#parts;
    counters.add('drop:query-too-old');
    trace?.note({
      level: 'WARN',
      source: 'serf',
      message: 'received old query',
      text: `received old query ${message.name} from time ${message.ltime} (current: ${clock.time})`,
      fields: { name: message.name, ltime: message.ltime, current: clock.time },
    });
  }
}

/** Key queries whose payload Serf reads without a look at its length. */
const KEY_QUERIES: readonly string[] = [
  InternalQuery.installKey,
  InternalQuery.useKey,
  InternalQuery.removeKey,
];

/** True for a query that ends the process of Serf's agents, up to 0.10.1: nobody may get it from us (serf.md 22). */
export function isLethal({ filters, name, payload }: QueryMessage): boolean {
  if (filters.some(isLethalFilter)) return true;
  return KEY_QUERIES.includes(name) && (payload === null || payload.length === 0);
}

/** Serf puts these words before every failure to answer, key query or not (serf.md 10.5). */
function refuse(code: string, why: string): never {
  throw new CodedError(code, `failed to respond to key query: ${why}`);
}
