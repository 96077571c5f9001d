import { unreachable } from '../base/assert.ts';
import type { Counters } from '../base/counters.ts';
import type { Deadlines } from '../base/deadlines.ts';
import { WireError } from '../base/errors.ts';
import type { Load } from '../base/load.ts';
import type {
  Address,
  Millis,
  NetworkEffects,
  StreamFailure,
  StreamId,
  StreamInput,
} from '../base/machine.ts';
import type { EnvelopeConfig } from '../wire/envelope.ts';
import type { SwimDeadline } from './deadline.ts';
import { StreamDecoder } from './stream-decoder.ts';

/** Inbound streams open at one time; one more costs the oldest its place. */
const MAX_INBOUND = 256;
/** Requests whose body is under way at one time; memberlist closes the 128th push/pull without a word. */
const MAX_UNFINISHED_REQUESTS = 127;
/** An unfinished request this old gives way to a new one: whoever stalls must not keep others out. */
const STALLED_MS = 1_000;
/** Bytes all unfinished messages may hold together; two whole states of the largest allowed size and their overhead. */
const MAX_BUFFERED_BYTES = 128 * 1024 * 1024;

/** Why a stream gave no whole message. */
export interface StreamTrouble {
  readonly type: StreamFailure | 'timeout' | 'ended' | 'garbage' | 'overload';
  /** The connection had been made. */
  readonly opened: boolean;
  /** For garbage: what was wrong with the bytes. */
  readonly error?: WireError;
  /** For garbage on the accepting side: the peer is to be told. */
  readonly answer?: boolean;
}

/** One stream as its role sees it. */
export interface StreamHandle {
  readonly id: StreamId;
  readonly peer: Address;
  write(bytes: Uint8Array): void;
  /** Sends what was written, closes, forgets; nothing about this stream follows. */
  close(): void;
  /** Replaces the instant at which the stream is given up. */
  expectBy(at: Millis): void;
}

/** What a stream is for. After `broken` the stream is already closed unless the trouble is garbage. */
export interface StreamRole {
  opened?(now: Millis, stream: StreamHandle): void;
  message(now: Millis, stream: StreamHandle, message: Uint8Array): void;
  broken(now: Millis, stream: StreamHandle, trouble: StreamTrouble): void;
}

interface Entry {
  readonly handle: StreamHandle;
  readonly role: StreamRole;
  readonly decoder: StreamDecoder;
  readonly inbound: boolean;
  opened: boolean;
  buffered: number;
}

export interface StreamParts {
  readonly envelope: EnvelopeConfig;
  readonly effects: NetworkEffects;
  readonly deadlines: Deadlines<SwimDeadline>;
  readonly counters: Counters;
  readonly tcpTimeoutMs: Millis;
  /** The role of a stream a peer opened. */
  readonly inbound: StreamRole;
}

/** Bookkeeping of streams: who they belong to, when they are given up, what they may cost (memberlist.md 2). */
export class Streams {
  readonly #parts: StreamParts;
  readonly #entries = new Map<StreamId, Entry>();
  #inbound = 0;
  /** Inbound streams whose message has begun but not ended, and when it began; the oldest first. */
  readonly #unfinished = new Map<Entry, Millis>();
  #buffered = 0;

  constructor(parts: StreamParts) {
    const { envelope, effects, deadlines, counters, tcpTimeoutMs, inbound } = parts;
    this.#parts = { envelope, effects, deadlines, counters, tcpTimeoutMs, inbound };
  }

  get load(): Load {
    return { what: 'inbound streams', size: this.#inbound, limit: MAX_INBOUND };
  }

  /** Starts connecting; `role` hears of it until it closes the stream or it breaks. */
  open(peer: Address, role: StreamRole, giveUpAt: Millis): StreamId {
    const id = this.#parts.effects.openStream(peer);
    this.#add(id, peer, role, false, giveUpAt);
    this.#parts.counters.add('streams-opened');
    this.#parts.counters.metrics?.count('memberlist.tcp.connect', 1);
    return id;
  }

  /** Closes a stream of ours without a word to its role. */
  abandon(id: StreamId): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#close(entry);
  }

  closeAll(): void {
    for (const entry of [...this.#entries.values()]) this.#close(entry);
  }

  input(now: Millis, id: StreamId, input: StreamInput): void {
    if (input.type === 'accepted') {
      this.#accept(now, id, input.from);
      return;
    }
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    switch (input.type) {
      case 'opened':
        entry.opened = true;
        entry.role.opened?.(now, entry.handle);
        return;
      case 'data':
        this.#data(now, entry, input.bytes);
        return;
      case 'ended':
        this.#break(now, entry, 'ended');
        return;
      case 'failed':
        this.#break(now, entry, input.why);
        return;
      default:
        unreachable(input);
    }
  }

  /** A stream took too long. */
  expired(now: Millis, id: StreamId): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#parts.counters.add('streams-timed-out');
    this.#break(now, entry, 'timeout');
  }

  #accept(now: Millis, id: StreamId, from: Address): void {
    const { counters, inbound, tcpTimeoutMs } = this.#parts;
    if (this.#inbound >= MAX_INBOUND) {
      // The oldest has had the longest time to say what it wants; an honest exchange takes milliseconds.
      counters.add('drop:stream-limit');
      this.#closeOldestInbound();
    }
    counters.add('streams-accepted');
    counters.metrics?.count('memberlist.tcp.accept', 1);
    const entry = this.#add(id, from, inbound, true, now + tcpTimeoutMs);
    entry.opened = true;
  }

  #closeOldestInbound(): void {
    for (const entry of this.#entries.values()) {
      if (!entry.inbound) continue;
      this.#close(entry);
      return;
    }
  }

  #add(id: StreamId, peer: Address, role: StreamRole, inbound: boolean, giveUpAt: Millis): Entry {
    const { envelope, effects, deadlines, counters } = this.#parts;
    const handle: StreamHandle = {
      id,
      peer,
      write: (bytes) => {
        counters.metrics?.count('memberlist.tcp.sent', bytes.length);
        effects.writeStream(id, bytes);
      },
      close: () => this.abandon(id),
      expectBy: (at) => deadlines.set(`stream:${id}`, at, { type: 'stream', id }),
    };
    const decoder = new StreamDecoder(envelope, inbound ? 'accepting' : 'dialling');
    const entry: Entry = { handle, role, decoder, inbound, opened: false, buffered: 0 };
    this.#entries.set(id, entry);
    if (inbound) this.#inbound += 1;
    handle.expectBy(giveUpAt);
    return entry;
  }

  #data(now: Millis, entry: Entry, bytes: Uint8Array): void {
    const { counters } = this.#parts;
    if (this.#buffered + bytes.length > MAX_BUFFERED_BYTES) {
      counters.add('drop:stream-memory');
      this.#break(now, entry, 'overload');
      return;
    }
    entry.buffered += bytes.length;
    this.#buffered += bytes.length;
    counters.add('stream-bytes-received', bytes.length);
    let message: Uint8Array | undefined;
    try {
      entry.decoder.push(bytes);
      message = entry.decoder.take();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      counters.add(`drop:${error.code}`);
      const answer = entry.inbound && entry.decoder.answersError;
      entry.role.broken(now, entry.handle, { type: 'garbage', opened: true, error, answer });
      this.#close(entry);
      return;
    }
    if (message !== undefined) entry.role.message(now, entry.handle, message);
    else if (entry.inbound && !this.#unfinished.has(entry) && entry.decoder.phase === 'message')
      this.#begin(now, entry);
  }

  #begin(now: Millis, entry: Entry): void {
    if (this.#unfinished.size >= MAX_UNFINISHED_REQUESTS) {
      this.#parts.counters.add('drop:push-pull-limit');
      const [oldest, begunAt] = this.#unfinished.entries().next().value ?? [entry, now];
      const isStalled = now - begunAt >= STALLED_MS;
      this.#close(isStalled ? oldest : entry);
      if (!isStalled) return;
    }
    this.#unfinished.set(entry, now);
  }

  #break(now: Millis, entry: Entry, type: StreamTrouble['type']): void {
    this.#close(entry);
    entry.role.broken(now, entry.handle, { type, opened: entry.opened });
  }

  #close(entry: Entry): void {
    const { effects, deadlines } = this.#parts;
    if (!this.#entries.delete(entry.handle.id)) return;
    if (entry.inbound) this.#inbound -= 1;
    this.#unfinished.delete(entry);
    this.#buffered -= entry.buffered;
    deadlines.cancel(`stream:${entry.handle.id}`);
    effects.closeStream(entry.handle.id);
  }
}
