import type { Millis, StreamFailure, StreamId, StreamInput } from '../base/machine.ts';
import { type Random, seededRandom } from '../base/random.ts';
import type { FaultName, FaultTally } from './faults.ts';
import { exponential, type Network } from './network.ts';
import type { Host, Site } from './sites.ts';

/** First wait before a kernel tries a connection again, and before it sends unacknowledged bytes again; both double. */
const CONNECT_RETRY_MS = 1_000;
const SEND_RETRY_MS = 200;
/** Longest wait between two tries. */
const RETRY_MAX_MS = 30_000;
/** A stream that is to be cut is cut within so many bytes: a push/pull has at least this many. */
const CUT_WITHIN_BYTES = 2_000;

/** Our end of a stream, and the other one. */
export interface StreamEnd {
  readonly host: Host;
  readonly id: StreamId;
  far: StreamEnd | undefined;
  /** Bytes never overtake each other: the next ones arrive no earlier than this. */
  clearAt: Millis;
  /** What waits for the connection to open, or for a partition to end. */
  readonly pending: StreamInput[];
  isRetrying: boolean;
  retryMs: Millis;
  /** What this end sends never arrives. */
  isDeaf: boolean;
  /** Bytes this connection still carries before it is cut; shared by both ends. */
  budget: { left: number } | undefined;
}

export interface StreamParts {
  readonly seed: number;
  readonly network: Network;
  readonly faults: FaultTally;
  readonly note: (fault: FaultName, from: Site, to: Site) => void;
  readonly now: () => Millis;
  readonly later: (delayMs: Millis, action: () => void) => void;
  /** Gives a stream input to a host, or to the kernel of a paused one. */
  readonly input: (host: Host, id: StreamId, input: StreamInput) => void;
}

/** Connections as a kernel offers them: in order, nothing lost, tried again through a partition until somebody gives up. */
export class Connections {
  readonly #parts: StreamParts;
  readonly #random: Random;

  constructor(parts: StreamParts) {
    this.#parts = parts;
    this.#random = seededRandom(parts.seed, 'network streams');
  }

  open(from: Host, to: Site): StreamId {
    const near = newEnd(from);
    this.#connect(near, to, CONNECT_RETRY_MS);
    return near.id;
  }

  write(from: Host, id: StreamId, bytes: Uint8Array): void {
    const end = from.ends.get(id);
    if (end !== undefined) this.#queue(end, { type: 'data', bytes });
  }

  close(from: Host, id: StreamId): void {
    const end = from.ends.get(id);
    if (end === undefined) return;
    from.ends.delete(id);
    this.#queue(end, { type: 'ended' });
  }

  /** The process is gone. Its kernel resets every connection, or falls silent with it. */
  abandon(host: Host, isSilent: boolean): void {
    for (const end of host.ends.values()) if (!isSilent) this.#reset(end);
    host.ends.clear();
  }

  /** Both directions must pass for a connection to open; until then the kernel tries again. */
  #connect(near: StreamEnd, to: Site, retryMs: Millis): void {
    const { later } = this.#parts;
    const from = near.host;
    if (this.#isBlocked(from.site, to)) {
      this.#fault('stream-stall', from.site, to);
      later(retryMs, () => {
        if (isOpen(near)) this.#connect(near, to, Math.min(2 * retryMs, RETRY_MAX_MS));
      });
      return;
    }
    later(this.#delay(from.site, to), () => {
      if (!isOpen(near)) return;
      const { host } = to;
      const isRefused = this.#chance(this.#parts.network.weatherOf(from.site, to).streamRefuse);
      if (isRefused) this.#fault('stream-refused', from.site, to);
      if (host === undefined || isRefused) this.#fail(near, to, 'refused');
      else this.#accept(near, host);
    });
  }

  #accept(near: StreamEnd, host: Host): void {
    const { later, network, input } = this.#parts;
    const from = near.host.site;
    const far = newEnd(host);
    near.far = far;
    far.far = near;
    const weather = network.weatherOf(from, host.site);
    if (this.#chance(weather.streamCut)) {
      near.budget = { left: this.#random.below(CUT_WITHIN_BYTES) };
      far.budget = near.budget;
    } else if (this.#chance(weather.streamHalfOpen)) {
      (this.#random.below(2) === 0 ? near : far).isDeaf = true;
      this.#fault('stream-half-open', from, host.site);
    }
    input(host, far.id, { type: 'accepted', from: from.address });
    later(this.#delay(host.site, from), () => this.#arrive(near, { type: 'opened' }));
    this.#flush(near);
  }

  #queue(end: StreamEnd, input: StreamInput): void {
    end.pending.push(input);
    if (end.far !== undefined && !end.isRetrying) this.#flush(end);
  }

  #flush(end: StreamEnd): void {
    const { far } = end;
    if (far === undefined) return;
    if (end.isDeaf || end.host.state === 'down') {
      end.pending.length = 0;
      return;
    }
    while (end.pending.length > 0) {
      if (this.#isBlocked(end.host.site, far.host.site)) {
        this.#retry(end, far);
        return;
      }
      end.retryMs = SEND_RETRY_MS;
      this.#transmit(end, far, end.pending.shift() as StreamInput);
    }
  }

  #retry(end: StreamEnd, far: StreamEnd): void {
    this.#fault('stream-stall', end.host.site, far.host.site);
    end.isRetrying = true;
    this.#parts.later(end.retryMs, () => {
      end.isRetrying = false;
      if (isOpen(far) || isOpen(end)) this.#flush(end);
    });
    end.retryMs = Math.min(2 * end.retryMs, RETRY_MAX_MS);
  }

  #transmit(end: StreamEnd, far: StreamEnd, input: StreamInput): void {
    const { now, later } = this.#parts;
    const bytes = input.type === 'data' ? input.bytes : undefined;
    const { budget } = end;
    const isCut = budget !== undefined && bytes !== undefined && bytes.length > budget.left;
    const sent: StreamInput = isCut ? { type: 'data', bytes: bytes.subarray(0, budget.left) } : input;
    if (budget !== undefined && bytes !== undefined) budget.left = Math.max(0, budget.left - bytes.length);
    end.host.site.traffic.streamBytesOut += bytes?.length ?? 0;
    end.clearAt = Math.max(end.clearAt, now() + this.#delay(end.host.site, far.host.site));
    later(end.clearAt - now(), () => this.#arrive(far, sent));
    if (!isCut) return;
    this.#fault('stream-cut', end.host.site, far.host.site);
    end.isDeaf = true;
    later(end.clearAt - now(), () => {
      this.#arrive(far, { type: 'failed', why: 'reset' });
      this.#arrive(end, { type: 'failed', why: 'reset' });
    });
  }

  #arrive(end: StreamEnd, input: StreamInput): void {
    if (!isOpen(end)) {
      // The kernel of a dead process answers bytes with a reset.
      if (end.host.state === 'down' && input.type === 'data') this.#reset(end);
      return;
    }
    if (input.type === 'ended' || input.type === 'failed') end.host.ends.delete(end.id);
    if (input.type === 'data') end.host.site.traffic.streamBytesIn += input.bytes.length;
    this.#parts.input(end.host, end.id, input);
  }

  /** Tells the far end that this one is no more, where that can be told. */
  #reset(end: StreamEnd): void {
    const { far } = end;
    if (far === undefined || this.#isBlocked(end.host.site, far.host.site)) return;
    this.#parts.later(this.#delay(end.host.site, far.host.site), () =>
      this.#arrive(far, { type: 'failed', why: 'reset' }),
    );
  }

  #fail(near: StreamEnd, to: Site, why: StreamFailure): void {
    this.#parts.later(this.#delay(to, near.host.site), () => this.#arrive(near, { type: 'failed', why }));
  }

  #isBlocked(from: Site, to: Site): boolean {
    const { network } = this.#parts;
    return network.isCut(from.address, to.address) || network.isCut(to.address, from.address);
  }

  /** Streams may have a latency of their own beside the network's: retransmissions, a slow start. */
  #delay(from: Site, to: Site): Millis {
    const { network, now } = this.#parts;
    const { streamLatencyMs } = network.weatherOf(from, to);
    let delay = network.delay(now(), from, to);
    if (streamLatencyMs > 0) {
      delay += exponential(streamLatencyMs, this.#random);
      this.#fault('stream-slow', from, to);
    }
    return delay;
  }

  #chance(probability: number): boolean {
    return probability > 0 && this.#random.float() < probability;
  }

  #fault(fault: FaultName, from: Site, to: Site): void {
    this.#parts.faults.add(fault);
    this.#parts.note(fault, from, to);
  }
}

function newEnd(host: Host): StreamEnd {
  const end: StreamEnd = {
    host,
    id: host.nextStream,
    far: undefined,
    clearAt: 0,
    pending: [],
    isRetrying: false,
    retryMs: SEND_RETRY_MS,
    isDeaf: false,
    budget: undefined,
  };
  host.nextStream += 1;
  host.ends.set(end.id, end);
  return end;
}

function isOpen(end: StreamEnd): boolean {
  return end.host.ends.get(end.id) === end;
}
