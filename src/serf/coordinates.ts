import type { Counters } from '../base/counters.ts';
import { CodedError, messageOf, WireError } from '../base/errors.ts';
import type { Millis } from '../base/machine.ts';
import type { Random } from '../base/random.ts';
import type { Trace, TraceLevel } from '../base/trace.ts';
import { CoordinateClient } from '../coordinates/client.ts';
import { COORDINATE_DEFAULTS } from '../coordinates/config.ts';
import { type Coordinate, distance } from '../coordinates/coordinate.ts';
import type { SerfConfig } from './config.ts';
import { decodePingPayload, encodePingPayload } from './ping-payload.ts';

export interface CoordinatesParts {
  /** Our own name. */
  readonly self: string;
  readonly config: Pick<SerfConfig, 'disableCoordinates'>;
  readonly random: Random;
  readonly counters: Counters;
  readonly trace: Trace | undefined;
  /** True for members of the table: nothing is kept of strangers. */
  readonly knows: (name: string) => boolean;
}

/** Where members are in round-trip space: ours goes out with every ack, theirs come in with it (serf.md 17). */
export class Coordinates {
  readonly #parts: CoordinatesParts;
  /** Absent when coordinates are disabled. */
  readonly #client: CoordinateClient | undefined;

  constructor(parts: CoordinatesParts) {
    const { self, config, random, counters, trace, knows } = parts;
    this.#parts = { self, config, random, counters, trace, knows };
    if (parts.config.disableCoordinates) return;
    this.#client = new CoordinateClient({ ...parts, config: COORDINATE_DEFAULTS });
  }

  /** How often our coordinate started again; undefined when coordinates are disabled. */
  get resets(): number | undefined {
    return this.#client?.resets;
  }

  /** What acks of ours carry; borrowed until the next ack is made or read. */
  ackPayload(): Uint8Array | undefined {
    return this.#client === undefined ? undefined : encodePingPayload(this.#client.current);
  }

  /** A member answered a direct ping after `rttMs`; its ack carried `payload`, empty for none. */
  measured(name: string, rttMs: Millis, payload: Uint8Array): void {
    if (this.#client === undefined || payload.length === 0 || !this.#parts.knows(name)) return;
    const other = this.#read(name, payload);
    if (other === undefined) return;
    const { metrics } = this.#parts.counters;
    const before = metrics === undefined ? undefined : this.#client.coordinate;
    const fault = this.#client.update(name, other, rttMs);
    if (fault !== undefined) {
      this.#log('TRACE', 'Rejected coordinate', `Rejected coordinate from ${name}: ${fault}`, name);
    } else if (before !== undefined) {
      const movedSeconds = distance(before, this.#client.current);
      metrics?.sample('serf.coordinate.adjustment-ms', movedSeconds * 1000);
    }
  }

  /** A member was erased from the table. */
  forget(name: string): void {
    this.#client?.forget(name);
  }

  /** Where a member is, ourselves included; undefined while unknown. Throws ERR_COORDINATES_DISABLED. */
  get(name: string): Coordinate | undefined {
    if (this.#client === undefined) {
      throw new CodedError('ERR_COORDINATES_DISABLED', 'Coordinates are disabled');
    }
    return name === this.#parts.self ? this.#client.coordinate : this.#client.peer(name);
  }

  #read(name: string, payload: Uint8Array): Coordinate | undefined {
    try {
      return decodePingPayload(payload);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#parts.counters.add(`drop:${error.code}`);
      const message = 'ack payload is unusable';
      const why =
        error.code === 'ping-version'
          ? messageOf(error)
          : `Failed to decode coordinate from ping: ${messageOf(error)}`;
      this.#log('ERR', message, why, name);
      return undefined;
    }
  }

  #log(level: TraceLevel, message: string, text: string, member: string): void {
    this.#parts.trace?.note({ level, source: 'serf', message, text, fields: { member } });
  }
}
