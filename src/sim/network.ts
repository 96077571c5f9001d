import type { Address, Millis } from '../base/machine.ts';
import { log } from '../base/math.ts';
import { type Random, seededRandom } from '../base/random.ts';
import type { FaultName, FaultTally } from './faults.ts';
import type { Site } from './sites.ts';
import { CALM, type Cut, type Weather } from './weather.ts';

/** Most bytes flipped in one corrupted datagram. */
const FLIPS_MAX = 4;
/** More sites than a world can hold; two site numbers then make one exact number. */
const SITES_MAX = 67_108_864;

interface Clog {
  readonly until: Millis;
  held: number;
}

export interface NetworkParts {
  readonly seed: number;
  readonly faults: FaultTally;
  /** Datagrams a clogged link holds; more vanish. */
  readonly clogDatagrams: number;
  /** Told of each fault, for a readable trace. */
  readonly note: (fault: FaultName, from: Site, to: Site) => void;
  /** Has a datagram arrive at an instant. */
  readonly carry: (at: Millis, from: Site, to: Site, bytes: Uint8Array) => void;
}

/**
 * Decides what becomes of a datagram between two sites, and when. Each fault draws from a generator of its own, and only
 * where it is possible, so that adding one does not reshuffle the others.
 */
export class Network {
  readonly weather: Weather = { ...CALM };
  readonly #parts: NetworkParts;
  readonly #loss: Random;
  readonly #delay: Random;
  readonly #duplicate: Random;
  readonly #corrupt: Random;
  readonly #links = new Map<number, Partial<Weather>>();
  readonly #cuts = new Map<string, Cut>();
  readonly #clogs = new Map<number, Clog>();
  /** When the latest datagram of a link that has varying delay arrives. */
  readonly #latest = new Map<number, Millis>();

  constructor(parts: NetworkParts) {
    this.#parts = parts;
    const generator = (name: string): Random => seededRandom(parts.seed, `network ${name}`);
    this.#loss = generator('loss');
    this.#delay = generator('delay');
    this.#duplicate = generator('duplicate');
    this.#corrupt = generator('corrupt');
  }

  /** Gives one direction of one link weather of its own; undefined takes it back. */
  link(from: Site, to: Site, weather: Partial<Weather> | undefined): void {
    if (weather === undefined) this.#links.delete(linkOf(from, to));
    else this.#links.set(linkOf(from, to), weather);
  }

  /** Adds a partition, in place of any of the same name. */
  cut(name: string, cut: Cut): void {
    this.#cuts.set(name, cut);
  }

  /** Ends one partition, or all of them. */
  mend(name?: string): void {
    if (name === undefined) this.#cuts.clear();
    else this.#cuts.delete(name);
  }

  /** Holds everything sent one way until an instant. */
  clog(from: Site, to: Site, until: Millis): void {
    this.#clogs.set(linkOf(from, to), { until, held: 0 });
  }

  /** Ends every clog; what was held still comes when its clog would have ended. */
  unclog(): void {
    this.#clogs.clear();
  }

  /** True when a partition lies in this direction. */
  isCut(from: Address, to: Address): boolean {
    if (this.#cuts.size === 0) return false;
    for (const cut of this.#cuts.values()) if (cut(from, to)) return true;
    return false;
  }

  /** The weather of one direction of one link. */
  weatherOf(from: Site, to: Site): Readonly<Weather> {
    if (this.#links.size === 0) return this.weather;
    const own = this.#links.get(linkOf(from, to));
    return own === undefined ? this.weather : { ...this.weather, ...own };
  }

  /** Milliseconds one thing takes one way, the wait in a clogged link included. */
  delay(now: Millis, from: Site, to: Site): Millis {
    const clog = this.#clogs.size === 0 ? undefined : this.#clogs.get(linkOf(from, to));
    const wait = clog === undefined ? 0 : Math.max(0, clog.until - now);
    return wait + this.#drawDelay(this.weatherOf(from, to), from, to);
  }

  /** A datagram sets out. */
  send(now: Millis, from: Site, to: Site, bytes: Uint8Array): void {
    if (this.isCut(from.address, to.address)) {
      this.#fault(this.isCut(to.address, from.address) ? 'partition' : 'one-way', from, to);
      return;
    }
    const weather = this.weatherOf(from, to);
    const isLarge = bytes.length > weather.mtuBytes;
    if (isLarge || (weather.loss > 0 && this.#loss.float() < weather.loss)) {
      this.#fault(isLarge ? 'mtu' : 'loss', from, to);
      return;
    }
    let leaves = now;
    if (this.#clogs.size > 0) {
      const held = this.#hold(now, from, to);
      if (held === undefined) return;
      leaves = held;
    }
    this.#carry(leaves, weather, from, to, bytes);
    if (weather.duplicate > 0 && this.#duplicate.float() < weather.duplicate) {
      this.#fault('duplicate', from, to);
      this.#carry(leaves, weather, from, to, bytes);
    }
  }

  #carry(leaves: Millis, weather: Readonly<Weather>, from: Site, to: Site, bytes: Uint8Array): void {
    const at = leaves + this.#drawDelay(weather, from, to);
    if (weather.jitterMs > 0 || weather.tailMs > 0) {
      const link = linkOf(from, to);
      const latest = this.#latest.get(link) ?? 0;
      if (at < latest) this.#fault('reorder', from, to);
      else this.#latest.set(link, at);
    }
    const damaged =
      weather.corrupt > 0 && bytes.length > 0 && this.#corrupt.float() < weather.corrupt
        ? this.#flip(bytes, from, to)
        : bytes;
    this.#parts.carry(at, from, to, damaged);
  }

  #drawDelay({ latencyMs, jitterMs, tailMs }: Readonly<Weather>, from: Site, to: Site): Millis {
    let delay = latencyMs;
    if (jitterMs > 0) delay += jitterMs * this.#delay.float();
    if (tailMs > 0) {
      const more = exponential(tailMs, this.#delay);
      if (more > tailMs) this.#fault('tail', from, to);
      delay += more;
    }
    return delay;
  }

  /** When a datagram leaves a clogged link; undefined when the link is full. */
  #hold(now: Millis, from: Site, to: Site): Millis | undefined {
    const link = linkOf(from, to);
    const clog = this.#clogs.get(link);
    if (clog === undefined) return now;
    if (clog.until <= now) {
      this.#clogs.delete(link);
      return now;
    }
    if (clog.held >= this.#parts.clogDatagrams) {
      this.#fault('clog-overflow', from, to);
      return undefined;
    }
    clog.held += 1;
    this.#fault('clog', from, to);
    return clog.until;
  }

  #flip(bytes: Uint8Array, from: Site, to: Site): Uint8Array {
    const damaged = Uint8Array.from(bytes);
    for (let flips = 1 + this.#corrupt.below(FLIPS_MAX); flips > 0; flips -= 1) {
      const at = this.#corrupt.below(damaged.length);
      damaged[at] = (damaged[at] as number) ^ (1 + this.#corrupt.below(255));
    }
    this.#fault('corrupt', from, to);
    return damaged;
  }

  #fault(fault: FaultName, from: Site, to: Site): void {
    this.#parts.faults.add(fault);
    this.#parts.note(fault, from, to);
  }
}

/** A draw from the exponential distribution of this mean. */
export function exponential(mean: number, random: Random): number {
  return -mean * log(1 - random.float());
}

function linkOf(from: Site, to: Site): number {
  return from.id * SITES_MAX + to.id;
}
