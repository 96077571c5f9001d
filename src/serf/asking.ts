import type { Counters } from '../base/counters.ts';
import type { Deadlines } from '../base/deadlines.ts';
import { CodedError } from '../base/errors.ts';
import type { Load } from '../base/load.ts';
import type { Millis } from '../base/machine.ts';
import { log10 } from '../base/math.ts';
import type { Random } from '../base/random.ts';
import type { Trace } from '../base/trace.ts';
import type { MemberFacts } from '../swim/delegate.ts';
import { audienceOf } from './awaited.ts';
import type { SerfConfig } from './config.ts';
import type { SerfDeadline } from './deadline.ts';
import type { LamportClock } from './lamport.ts';
import type { SerfMemberView } from './members.ts';
import { QueryFlag, type QueryMessage, type QueryResponseMessage, queryCodec } from './messages.ts';
import { encodeFilters } from './query-filter.ts';
import type { QueryParams } from './query-params.ts';
import { type AnswerSink, ResponseCollector } from './responses.ts';

/** Queries of ours that may run at once. */
export const RUNNING_QUERIES_LIMIT = 1024;
/** Protocols below this one know no queries. */
const FIRST_PROTOCOL_WITH_QUERIES = 4;
/** Ids are 31 random bits, as real Serf's. */
const ID_BOUND = 0x8000_0000;
const MAX_RELAY_FACTOR = 255;
const NANOS_PER_MILLI = 1_000_000;

/** A query that was started. */
export interface RunningQuery {
  /** Names it among our running queries. */
  readonly ltime: number;
  readonly timeoutMs: number;
}

export interface AskingParts {
  readonly config: Pick<SerfConfig, 'protocolVersion' | 'querySizeLimit' | 'queryTimeoutMult'>;
  readonly gossipIntervalMs: number;
  readonly clock: LamportClock;
  readonly deadlines: Deadlines<SerfDeadline>;
  readonly counters: Counters;
  readonly random: Random;
  readonly trace: Trace | undefined;
  /** What we announce of ourselves. */
  readonly self: () => MemberFacts;
  /** Members SWIM holds for live, ourselves and suspects included. */
  readonly liveCount: () => number;
  readonly members: SerfMemberView;
  /** Handles the query here, as if received. */
  readonly receive: (now: Millis, message: QueryMessage) => void;
  readonly broadcast: (message: Uint8Array) => void;
}

/** gossip interval · multiplier · ⌈log10(N + 1)⌉, in milliseconds (serf.md 10.2). */
export function defaultQueryTimeoutMs(gossipIntervalMs: number, mult: number, liveCount: number): number {
  return gossipIntervalMs * mult * Math.ceil(log10(liveCount + 1));
}

/** Queries of ours: starting them and collecting what comes back (serf.md 10.1, 10.7). */
export class Asking {
  readonly #parts: AskingParts;
  readonly #running = new Map<number, ResponseCollector>();

  constructor(parts: AskingParts) {
    this.#parts = parts;
  }

  get load(): Load {
    return { what: 'running queries', size: this.#running.size, limit: RUNNING_QUERIES_LIMIT };
  }

  defaultTimeoutMs(): number {
    const { config, gossipIntervalMs, liveCount } = this.#parts;
    return defaultQueryTimeoutMs(gossipIntervalMs, config.queryTimeoutMult, liveCount());
  }

  /** Starts a query. Throws a CodedError with Serf's text when it cannot. */
  ask(now: Millis, params: QueryParams, sink: AnswerSink): RunningQuery {
    const { config, clock, random } = this.#parts;
    if (config.protocolVersion < FIRST_PROTOCOL_WITH_QUERIES) {
      throw new CodedError('ERR_FEATURE', 'Feature not supported');
    }
    if (this.#running.size >= RUNNING_QUERIES_LIMIT) {
      throw new CodedError('ERR_TOO_MANY_QUERIES', `${RUNNING_QUERIES_LIMIT} queries are running already`);
    }
    const timeoutMs = params.timeoutMs === 0 ? this.defaultTimeoutMs() : Math.max(0, params.timeoutMs);
    const message = this.#message(params, clock.time, random.below(ID_BOUND), timeoutMs);
    const encoded = queryCodec.encode(message);
    if (encoded.length > config.querySizeLimit) {
      throw new CodedError('ERR_QUERY_SIZE', `query exceeds limit of ${config.querySizeLimit} bytes`);
    }
    const { ltime, id } = message;
    this.over(now, ltime);
    const members = this.#parts.liveCount();
    const { requestAck: wantsAcks, until } = params;
    const audience = audienceOf(params, this.#parts.members);
    const endsAt = now + timeoutMs;
    const collector = new ResponseCollector({ id, endsAt, wantsAcks, members, sink, until, audience });
    this.#running.set(ltime, collector);
    // With nobody to wait for the query is over at the first chance, yet not before its caller knows of it.
    const overAt = collector.isComplete ? now : endsAt;
    this.#parts.deadlines.set(`query-over:${ltime}`, overAt, { type: 'query-over', ltime });
    this.#parts.receive(now, message);
    this.#parts.broadcast(encoded);
    return { ltime, timeoutMs };
  }

  /** An ack or answer that arrived. */
  response(now: Millis, message: QueryResponseMessage): void {
    const { ltime, id, from } = message;
    // After a stall what waited in the sockets comes first, and the deadline may have passed meanwhile.
    if (now > (this.#running.get(ltime)?.endsAt ?? now)) this.over(now, ltime);
    const collector = this.#running.get(ltime);
    if (collector === undefined) {
      const text = `reply for non-running query (LTime: ${ltime}, ID: ${id}) From: ${from}`;
      this.#drop('reply-not-running', 'reply for non-running query', text);
      return;
    }
    if (collector.id !== id) {
      const text = `query reply ID mismatch (Local: ${collector.id}, Response: ${id})`;
      this.#drop('reply-id', 'query reply ID mismatch', text);
      return;
    }
    const isAck = (message.flags & QueryFlag.ack) !== 0;
    switch (collector.accept(now, message)) {
      case 'delivered':
        this.#parts.counters.tell(isAck ? 'serf.query_acks' : 'serf.query_responses');
        if (collector.isComplete) this.over(now, ltime);
        return;
      case 'duplicate-ack':
        this.#parts.counters.tell('serf.query_duplicate_acks');
        return;
      case 'duplicate-response':
        this.#parts.counters.tell('serf.query_duplicate_responses');
        return;
      case 'unwanted-ack':
        this.#drop('ack-unwanted', 'Failed to deliver query ack, dropping');
        return;
      case 'full':
        this.#drop('reply-overflow', `Failed to deliver query ${isAck ? 'ack' : 'response'}, dropping`);
        return;
    }
  }

  /** Ends the query of Lamport time `ltime`, at its deadline or because the asker has heard enough. */
  over(now: Millis, ltime: number): void {
    const collector = this.#running.get(ltime);
    if (collector === undefined) return;
    this.#running.delete(ltime);
    this.#parts.deadlines.cancel(`query-over:${ltime}`);
    collector.close(now);
  }

  /** A member is alive no longer: no early end waits for it. */
  ceased(now: Millis, name: string): void {
    for (const [ltime, collector] of [...this.#running]) {
      collector.ceased(name);
      if (collector.isComplete) this.over(now, ltime);
    }
  }

  /** Ends every query: the node stops. */
  endAll(now: Millis): void {
    for (const ltime of [...this.#running.keys()]) this.over(now, ltime);
  }

  #message(params: QueryParams, ltime: number, id: number, timeoutMs: number): QueryMessage {
    const { relayFactor } = params;
    if (!Number.isInteger(relayFactor) || relayFactor < 0 || relayFactor > MAX_RELAY_FACTOR) {
      throw new CodedError(
        'ERR_RELAY_FACTOR',
        `relay factor ${relayFactor} is not within 0..${MAX_RELAY_FACTOR}`,
      );
    }
    const self = this.#parts.self();
    return {
      ltime,
      id,
      addr: self.addr,
      port: self.port,
      sourceNode: self.name,
      filters: encodeFilters(params.filterNodes, params.filterTags),
      flags: params.requestAck ? QueryFlag.ack : 0,
      relayFactor,
      timeoutNs: Math.min(Math.round(timeoutMs * NANOS_PER_MILLI), Number.MAX_SAFE_INTEGER),
      name: params.name,
      payload: params.payload,
    };
  }

  #drop(reason: string, message: string, text = message): void {
    this.#parts.counters.add(`drop:${reason}`);
    this.#parts.trace?.note({ level: 'WARN', source: 'serf', message, text });
  }
}
