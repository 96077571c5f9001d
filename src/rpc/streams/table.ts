import type { Millis } from '../../base/machine.ts';
import type { EventFilter } from '../../events/filter.ts';
import type { QueryRun } from '../backend.ts';
import type { LogLevel } from '../protocol.ts';
import { pumpEvents } from './event.ts';
import type { StreamHost } from './host.ts';
import { pumpLogs } from './monitor.ts';
import { PendingQueries } from './pending.ts';
import { pumpQuery } from './query.ts';

/**
 * Event streams and running queries of one connection. A query runs until its deadline, so a client that asks a hundred
 * times a second needs some hundreds; one that wants more has lost count.
 */
export const MAX_STREAMS = 512;

/** The streams of one connection: any number of event streams and queries by their Seq, and one monitor. */
export class StreamTable {
  readonly #host: StreamHost;
  readonly #pending: PendingQueries;
  readonly #events = new Map<bigint, AbortController>();
  readonly #queries = new Set<AbortController>();
  #monitor: { readonly seq: bigint; readonly controller: AbortController } | undefined;
  #closed = false;

  constructor(host: StreamHost, now: () => Millis) {
    this.#host = host;
    this.#pending = new PendingQueries(now);
  }

  /** True when `seq` names an event stream. */
  has(seq: bigint): boolean {
    return this.#events.has(seq);
  }

  get hasMonitor(): boolean {
    return this.#monitor !== undefined;
  }

  get isFull(): boolean {
    return this.#events.size + this.#queries.size >= MAX_STREAMS;
  }

  get eventStreams(): number {
    return this.#events.size;
  }

  /** The backend's id of a query this connection was told of, unless it is over. */
  pendingQuery(id: bigint): number | undefined {
    return this.#pending.find(id);
  }

  startEvents(seq: bigint, filters: readonly EventFilter[]): void {
    if (this.#closed) return;
    const controller = new AbortController();
    this.#events.set(seq, controller);
    this.#watch(pumpEvents(this.#host, seq, filters, this.#pending, controller.signal), () => {
      if (this.#events.get(seq) === controller) this.#events.delete(seq);
    });
  }

  startMonitor(seq: bigint, level: LogLevel): void {
    if (this.#closed) return;
    const controller = new AbortController();
    this.#monitor = { seq, controller };
    this.#watch(pumpLogs(this.#host, seq, level, controller.signal), () => {
      if (this.#monitor?.controller === controller) this.#monitor = undefined;
    });
  }

  /** @param counted whether the end of the query tells who stayed silent */
  startQuery(seq: bigint, records: QueryRun, counted: boolean): void {
    const controller = new AbortController();
    if (this.#closed) controller.abort();
    this.#queries.add(controller);
    this.#watch(pumpQuery({ host: this.#host, seq, records, counted, signal: controller.signal }), () =>
      this.#queries.delete(controller),
    );
  }

  /** Ends the monitor and the event stream of that number, if any; queries cannot be stopped (agent.md 4.5). */
  stop(seq: bigint): void {
    if (this.#monitor?.seq === seq) {
      this.#monitor.controller.abort();
      this.#monitor = undefined;
    }
    this.#events.get(seq)?.abort();
    this.#events.delete(seq);
  }

  /** The client is gone: nothing is sent any more. */
  close(): void {
    this.#closed = true;
    this.#monitor?.controller.abort();
    this.#monitor = undefined;
    for (const controller of this.#events.values()) controller.abort();
    for (const controller of this.#queries) controller.abort();
    this.#events.clear();
  }

  #watch(pump: Promise<void>, onEnd: () => void): void {
    pump.catch((error: unknown) => this.#host.failed(error)).finally(onEnd);
  }
}
