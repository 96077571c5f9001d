import { bytesOfText, equalBytes, NO_BYTES } from '../base/bytes.ts';
import type { Counters } from '../base/counters.ts';
import { CodedError } from '../base/errors.ts';
import type { Millis } from '../base/machine.ts';
import type { Trace } from '../base/trace.ts';
import type { UserEvent } from '../events/event.ts';
import { type SerfConfig, USER_EVENT_SIZE_MAX } from './config.ts';
import type { LamportClock } from './lamport.ts';
import { type EventBody, type EventSlot, type UserEventMessage, userEventCodec } from './messages.ts';

/**
 * Bytes of names and payloads the ring may hold: an event of the largest size any configuration allows in each slot,
 * and room. More is refused, because every push/pull carries the ring.
 */
export const EVENT_RING_BYTES = 8 * 1024 * 1024;

/** Events of one Lamport time that are remembered; every new one is compared with all of them. */
export const EVENTS_PER_SLOT = 4096;

/** What one remembered event costs beyond its name and payload. */
const EVENT_OVERHEAD_BYTES = 32;

export interface UserEventParts {
  readonly config: Pick<SerfConfig, 'eventBuffer' | 'eventMinTime' | 'userEventSizeLimit'>;
  readonly clock: LamportClock;
  readonly counters: Counters;
  readonly trace: Trace | undefined;
  /** Delivers a new event. */
  readonly emit: (now: Millis, event: UserEvent) => void;
  /** Queues an encoded event for gossip. */
  readonly broadcast: (message: Uint8Array) => void;
}

interface Slot {
  readonly ltime: number;
  readonly events: EventBody[];
  bytes: number;
}

/** User events: a ring of recent ones for dedup and replay, and the limits on our own (serf.md 3, 9). */
export class UserEvents {
  readonly #parts: UserEventParts;
  readonly #ring: (Slot | undefined)[];
  #ringBytes = 0;
  #minTime: number;

  constructor(parts: UserEventParts) {
    const { config, clock, counters, trace, emit, broadcast } = parts;
    this.#parts = { config, clock, counters, trace, emit, broadcast };
    this.#ring = new Array<Slot | undefined>(parts.config.eventBuffer).fill(undefined);
    this.#minTime = parts.config.eventMinTime;
  }

  /** Ignores events before `ltime` from now on: a join that does not want the past (serf.md 7.2 step 5). */
  ignoreBefore(ltime: number): void {
    this.#minTime = Math.max(this.#minTime, ltime);
  }

  /** Takes an event in; true when it is new and should be passed on (serf.md 9.1). */
  receive(now: Millis, message: UserEventMessage): boolean {
    const { clock, counters } = this.#parts;
    const { ltime, name, payload } = message;
    clock.witness(ltime);
    if (ltime < this.#minTime) {
      counters.add('drop:event-before-minimum');
      return false;
    }
    const size = this.#ring.length;
    if (clock.time > size && ltime < clock.time - size) {
      this.#tooOld(name, ltime);
      return false;
    }
    if (!this.#remember(ltime, name, payload)) return false;
    counters.tell('serf.events');
    counters.metrics?.count(`serf.events.${name}`, 1);
    this.#parts.emit(now, { type: 'user', ltime, name, payload, coalesce: message.coalesce });
    return true;
  }

  /** Broadcasts an event of ours, delivering it here first. Throws a CodedError with Serf's text when it is too big. */
  send(now: Millis, name: string, payload: Uint8Array | null, coalesce: boolean): void {
    const { clock, config } = this.#parts;
    const limit = config.userEventSizeLimit;
    const rawSize = bytesOfText(name).length + (payload?.length ?? 0);
    if (rawSize > limit) tooBig(`user event exceeds configured limit of ${limit} bytes before encoding`);
    if (rawSize > USER_EVENT_SIZE_MAX) {
      tooBig(`user event exceeds sane limit of ${USER_EVENT_SIZE_MAX} bytes before encoding`);
    }
    const message: UserEventMessage = { ltime: clock.time, name, payload, coalesce };
    const encoded = userEventCodec.encode(message);
    if (encoded.length > limit) {
      tooBig(`encoded user event exceeds configured limit of ${limit} bytes after encoding`);
    }
    if (encoded.length > USER_EVENT_SIZE_MAX) {
      tooBig(`encoded user event exceeds reasonable limit of ${USER_EVENT_SIZE_MAX} bytes after encoding`);
    }
    clock.increment();
    this.receive(now, message);
    this.#parts.broadcast(encoded);
  }

  /** The ring's filled slots, for a push/pull. */
  slots(): EventSlot[] {
    const filled: EventSlot[] = [];
    for (const slot of this.#ring) if (slot !== undefined) filled.push(slot);
    return filled;
  }

  /** Records an event in its slot; false when it is known or does not fit. */
  #remember(ltime: number, name: string, payload: Uint8Array | null): boolean {
    const { counters } = this.#parts;
    const index = ltime % this.#ring.length;
    const found = this.#ring[index];
    const known = found !== undefined && found.ltime === ltime ? found : undefined;
    if (known?.events.some((event) => isSameEvent(event, name, payload))) {
      counters.add('drop:event-duplicate');
      return false;
    }
    const cost = name.length + (payload?.length ?? 0) + EVENT_OVERHEAD_BYTES;
    const freed = known === undefined ? (found?.bytes ?? 0) : 0;
    const full = known !== undefined && known.events.length >= EVENTS_PER_SLOT;
    if (full || this.#ringBytes - freed + cost > EVENT_RING_BYTES) {
      counters.add('drop:event-ring-full');
      return false;
    }
    const slot = known ?? { ltime, events: [], bytes: 0 };
    this.#ring[index] = slot;
    slot.events.push({ name, payload });
    slot.bytes += cost;
    this.#ringBytes += cost - freed;
    return true;
  }

  #tooOld(name: string, ltime: number): void {
    const { clock, counters, trace } = this.#parts;
    counters.add('drop:event-too-old');
    trace?.note({
      level: 'WARN',
      source: 'serf',
      message: 'received old event',
      text: `received old event ${name} from time ${ltime} (current: ${clock.time})`,
      fields: { name, ltime, current: clock.time },
    });
  }
}

function tooBig(text: string): never {
  throw new CodedError('ERR_EVENT_SIZE', text);
}

/** Name and payload bytes decide; nil equals empty and the coalesce flag does not count. */
function isSameEvent(event: EventBody, name: string, payload: Uint8Array | null): boolean {
  return event.name === name && equalBytes(event.payload ?? NO_BYTES, payload ?? NO_BYTES);
}
