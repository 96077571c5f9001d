import type { Counters } from '../base/counters.ts';
import { formatDuration } from '../base/duration.ts';
import type { Random } from '../base/random.ts';
import { type CoordinateConfig, MAX_RTT_MS, ZERO_THRESHOLD } from './config.ts';
import {
  type Coordinate,
  distance,
  isCompatible,
  isFiniteCoordinate,
  type MovingCoordinate,
  originCoordinate,
  push,
  rawDistance,
  secondsOfNanos,
} from './coordinate.ts';

export interface CoordinateClientParts {
  readonly config: CoordinateConfig;
  readonly random: Random;
  readonly counters: Counters;
  /** Where to begin; the origin if absent. */
  readonly start?: Coordinate;
}

/** What is known of another member. */
interface Peer {
  /** What it last said, without what was refused. */
  coordinate: Coordinate;
  /** The last round trips to it, in seconds, oldest first. */
  readonly rtts: number[];
}

/** Keeps this node's coordinate, moving it with every round trip measured (serf.md 17.4). */
export class CoordinateClient {
  readonly #config: CoordinateConfig;
  readonly #random: Random;
  readonly #counters: Counters;
  readonly #origin: Coordinate;
  /** Seconds by which estimates fell short lately; a ring. */
  readonly #shortfalls: number[];
  #nextShortfall = 0;
  readonly #peers = new Map<string, Peer>();
  readonly #own: MovingCoordinate;
  /** A copy of our own for others to keep, while it has not moved. */
  #shown: Coordinate | undefined;
  #resets = 0;

  constructor({ config, random, counters, start }: CoordinateClientParts) {
    this.#config = config;
    this.#random = random;
    this.#counters = counters;
    this.#origin = originCoordinate(config);
    this.#shortfalls = new Array<number>(config.adjustmentWindowSize).fill(0);
    const { vec, error, adjustment, height } = start ?? this.#origin;
    this.#own = { vec: [...vec], error, adjustment, height };
  }

  /** Where this node is. */
  get coordinate(): Coordinate {
    this.#shown ??= { ...this.#own, vec: [...this.#own.vec] };
    return this.#shown;
  }

  /** The same, borrowed: it moves with the next update. */
  get current(): Readonly<Coordinate> {
    return this.#own;
  }

  /** How often the coordinate had to start again because arithmetic left the finite numbers. */
  get resets(): number {
    return this.#resets;
  }

  /** Where `node` last said it is; undefined for one that was never measured. */
  peer(node: string): Coordinate | undefined {
    return this.#peers.get(node)?.coordinate;
  }

  /**
   * A round trip of `rttMs` milliseconds to `node`, which says it is at `other`. Returns why it was refused, in Serf's
   * words; nothing has changed then.
   */
  update(node: string, other: Coordinate, rttMs: number): string | undefined {
    const fault = this.#faultOf(other, rttMs);
    if (fault !== undefined) {
      this.#counters.tell('serf.coordinate.rejected');
      return fault;
    }
    const nanos = Math.round(rttMs * 1e6);
    if (nanos === 0) this.#counters.tell('serf.coordinate.zero-rtt');
    this.#shown = undefined;
    const rtt = this.#median(node, other, secondsOfNanos(nanos));
    this.#move(other, rtt);
    this.#adjust(other, rtt);
    this.#gravitate();
    if (!isFiniteCoordinate(this.#own)) this.#reset();
    return undefined;
  }

  /** Drops what is known of a member that is forgotten. */
  forget(node: string): void {
    this.#peers.delete(node);
  }

  /** Starts again, without the shortfalls: one that is infinite would undo every update until it leaves the window. */
  #reset(): void {
    const { vec, ...rest } = this.#origin;
    Object.assign(this.#own, rest);
    for (const [i, value] of vec.entries()) this.#own.vec[i] = value;
    this.#shortfalls.fill(0);
    this.#resets += 1;
  }

  #faultOf(other: Coordinate, rttMs: number): string | undefined {
    if (!isCompatible(this.#own, other)) return "dimensions aren't compatible";
    if (!isFiniteCoordinate(other)) return 'coordinate is invalid';
    if (rttMs >= 0 && rttMs <= MAX_RTT_MS) return undefined;
    const [given, limit] = [formatDuration(rttMs), formatDuration(MAX_RTT_MS)];
    return `round trip time not in valid range, duration ${given} is not a positive value less than ${limit}`;
  }

  /** Notes what a member said and the round trip. Spikes are filtered out; of two samples the larger counts. */
  #median(node: string, coordinate: Coordinate, rtt: number): number {
    const peer = this.#peers.get(node);
    if (peer === undefined) {
      this.#peers.set(node, { coordinate, rtts: [rtt] });
      return rtt;
    }
    const { rtts } = peer;
    peer.coordinate = coordinate;
    rtts.push(rtt);
    if (rtts.length > this.#config.latencyFilterSize) rtts.shift();
    return middleOf(rtts);
  }

  /** Vivaldi: as far as our own uncertainty allows, to where the distance would be what was measured. */
  #move(other: Coordinate, measured: number): void {
    const { vivaldiCC, vivaldiCE, vivaldiErrorMax } = this.#config;
    const own = this.#own;
    const estimate = distance(own, other);
    const rtt = Math.max(measured, ZERO_THRESHOLD);
    const wrongness = Math.abs(estimate - rtt) / rtt;
    const weight = own.error / Math.max(own.error + other.error, ZERO_THRESHOLD);
    const error = vivaldiCE * weight * wrongness + own.error * (1 - vivaldiCE * weight);
    const force = vivaldiCC * weight * (rtt - estimate);
    own.error = Math.min(error, vivaldiErrorMax);
    push(this.#config, this.#random, own, force, other);
  }

  /** Half of what estimates fell short on average; the window counts as full from the start. */
  #adjust(other: Coordinate, rtt: number): void {
    const shortfalls = this.#shortfalls;
    const size = shortfalls.length;
    shortfalls[this.#nextShortfall] = rtt - rawDistance(this.#own, other);
    this.#nextShortfall = (this.#nextShortfall + 1) % size;
    let sum = 0;
    for (let i = 0; i < size; i += 1) sum += shortfalls[i] as number;
    this.#own.adjustment = sum / (2 * size);
  }

  /** A weak pull keeps the whole cluster from drifting away from the origin. */
  #gravitate(): void {
    const far = distance(this.#origin, this.#own) / this.#config.gravityRho;
    push(this.#config, this.#random, this.#own, -(far * far), this.#origin);
  }
}

const sorted: number[] = [];

/** The value in the middle; of an even number the upper of the two. The few values are sorted by insertion. */
function middleOf(values: readonly number[]): number {
  sorted.length = 0;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] as number;
    let at = i;
    for (; at > 0 && (sorted[at - 1] as number) > value; at -= 1) sorted[at] = sorted[at - 1] as number;
    sorted[at] = value;
  }
  return sorted[Math.floor(values.length / 2)] as number;
}
