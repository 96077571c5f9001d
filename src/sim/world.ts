import { hostPort } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import type { Address, Millis, NetworkEffects, StreamId } from '../base/machine.ts';
import { type Random, seededRandom } from '../base/random.ts';
import { NodeClock } from './clock.ts';
import { type FaultCounts, type FaultName, FaultTally } from './faults.ts';
import { Hosts, INBOX_BYTES } from './hosts.ts';
import { Network } from './network.ts';
import type { WorldObserver } from './observer.ts';
import { type Host, type Site, Sites, type Startable, type Traffic } from './sites.ts';
import { Connections } from './streams.ts';
import { Timeline } from './timeline.ts';
import { TraceHash } from './trace-hash.ts';
import type { Cut, Weather } from './weather.ts';

export type { Startable } from './sites.ts';
export type { Weather } from './weather.ts';

/** Datagrams a clogged link holds: about the length of a router's queue. */
const CLOG_DATAGRAMS = 1_000;

/** What waits somewhere is bounded; more vanishes, and is counted. */
export interface WorldLimits {
  /** Datagrams kept for a paused process, in bytes; default 2 MiB. */
  readonly inboxBytes?: number;
  /** Datagrams held by a clogged link; default 1,000. */
  readonly clogDatagrams?: number;
}

interface Datagram {
  readonly from: Site;
  readonly to: Site;
  readonly bytes: Uint8Array;
}

/**
 * Hosts machines under virtual time, with every byte passing through the real codec. One seed decides everything that
 * chance decides; equal instants happen in the order they were caused.
 */
export class World {
  /** Told of everything that happens, for readable traces; free while undefined. */
  observer: WorldObserver | undefined;
  readonly #timeline = new Timeline<Datagram | (() => void)>();
  readonly #sites = new Sites(() => new NodeClock());
  readonly #hash = new TraceHash();
  readonly #tally = new FaultTally();
  readonly #seed: number;
  readonly #hosts: Hosts;
  readonly #network: Network;
  readonly #connections: Connections;

  constructor(seed: number, limits: WorldLimits = {}) {
    this.#seed = seed;
    const timeline = this.#timeline;
    const now = (): Millis => timeline.now;
    const shared = {
      seed,
      now,
      faults: this.#tally,
      note: (fault: FaultName, from: Site, to: Site): void =>
        this.observer?.({ type: 'fault', at: timeline.now, fault, from: from.address, to: to.address }),
    };
    this.#hosts = new Hosts({
      hash: this.#hash,
      inboxBytes: limits.inboxBytes ?? INBOX_BYTES,
      now,
      setWake: (host, at) => timeline.setWake(host, at),
      count: (fault, at) => this.count(fault, at),
      observer: () => this.observer,
    });
    this.#network = new Network({
      ...shared,
      clogDatagrams: limits.clogDatagrams ?? CLOG_DATAGRAMS,
      carry: (at, from, to, bytes) => timeline.push(at, { from, to, bytes }),
    });
    this.#connections = new Connections({
      ...shared,
      network: this.#network,
      later: (delayMs, action) => timeline.push(timeline.now + delayMs, action),
      input: (host, id, input) => this.#hosts.stream(host, id, input),
    });
  }

  get now(): Millis {
    return this.#timeline.now;
  }

  /** The weather everywhere; links may have their own. */
  get weather(): Weather {
    return this.#network.weather;
  }

  /** How often each fault has fired. */
  get faults(): FaultCounts {
    return this.#tally.counts;
  }

  /** A digest of every input so far, in order: equal in two runs that did the same. */
  get hash(): string {
    return this.#hash.digest;
  }

  /** Takes something that a machine told its owner into the digest. */
  witness(text: string): void {
    this.#hash.text(text);
  }

  /** Counts a fault; worlds count their own, owners of nodes what they do to them: a restart, a torn disk. */
  count(fault: FaultName, at?: Address): void {
    this.#tally.add(fault);
    this.observer?.({ type: 'fault', at: this.now, fault, from: at, to: undefined });
  }

  /** Adds a process and starts its machine at the current instant. Nothing may run at the address. */
  add<M extends Startable>(
    address: Address,
    build: (effects: NetworkEffects, random: Random) => M,
    options: { readonly clockOffsetMs?: Millis } = {},
  ): M {
    const site = this.#sites.intern(address);
    assert(site.host === undefined, `somebody runs at ${hostPort(address)} already`);
    if (site.boots === 0 && options.clockOffsetMs !== undefined) site.clock.step(0, options.clockOffsetMs);
    let host: Host | undefined;
    const self = (): Host => {
      assert(host !== undefined, 'a machine has no effects before it starts');
      return host;
    };
    const effects: NetworkEffects = {
      sendDatagram: (to, bytes) => this.#sendDatagram(self(), to, bytes),
      openStream: (to) => this.#openStream(self(), to),
      writeStream: (id, bytes) => this.#connections.write(self(), id, bytes),
      closeStream: (id) => this.#connections.close(self(), id),
    };
    const machine = build(effects, seededRandom(this.#seed, `node ${hostPort(address)} ${site.boots}`));
    host = this.#hosts.start(site, machine);
    this.#hosts.begin(host);
    return machine;
  }

  /** True while a process, running or paused, has this address. */
  has(address: Address): boolean {
    return this.#sites.find(address)?.host !== undefined;
  }

  /** Calls a machine as its owner would, at the current instant; `now` is its own clock's. */
  command(address: Address, call: (now: Millis) => void): void {
    this.#hosts.command(this.#find(address), call);
  }

  /** The process dies; its address stays free. Its kernel resets its streams, unless the whole machine lost power. */
  kill(address: Address, options: { readonly powerLoss?: boolean } = {}): void {
    const { powerLoss = false } = options;
    this.#end(address, powerLoss);
    this.count(powerLoss ? 'power-loss' : 'crash', address);
  }

  /** The process ends of its own will: as `kill`, but no fault. */
  stop(address: Address): void {
    this.#end(address, false);
  }

  /** Stops a process (SIGSTOP): it neither hears nor acts, and its kernel keeps what arrives. */
  pause(address: Address): void {
    const host = this.#find(address);
    if (host.state !== 'up') return;
    this.#hosts.pause(host);
    this.count('pause', address);
  }

  /** Lets a paused process go on; it hears at once what was kept, and only then acts. */
  resume(address: Address): void {
    const host = this.#find(address);
    if (host.state === 'paused') this.#hosts.resume(host);
  }

  /** Holds a process's datagrams both ways, and what streams bring it, while it goes on by its timers; or lets them go. */
  setBlocked(address: Address, isBlocked: boolean): void {
    this.#hosts.setBlocked(this.#find(address), isBlocked);
  }

  /** What the clock at an address shows now. */
  localTime(address: Address): Millis {
    return this.#sites.intern(address).clock.at(this.now);
  }

  /** Lets the clock at an address run fast (above 1) or slow; 0 is a stall. It stays so over restarts. */
  setClockRate(address: Address, rate: number): void {
    const site = this.#sites.intern(address);
    if (rate === site.clock.rate) return;
    if (rate !== 1) this.count(rate === 0 ? 'clock-stall' : 'clock-rate', address);
    site.clock.setRate(this.now, rate);
    if (site.host !== undefined) this.#hosts.rearm(site.host);
  }

  /** Lets the clock at an address jump ahead, as after a suspend. */
  stepClock(address: Address, ms: Millis): void {
    const site = this.#sites.intern(address);
    this.count('clock-step', address);
    site.clock.step(this.now, ms);
    if (site.host !== undefined) this.#hosts.rearm(site.host);
  }

  /**
   * From now on nothing passes where `cut` says so: datagrams vanish, streams wait. Partitions of different names add up;
   * one of the same name is replaced.
   */
  partition(cut: Cut, name = ''): void {
    this.#network.cut(name, cut);
  }

  /** Ends the partition of this name, or all of them. */
  heal(name?: string): void {
    this.#network.mend(name);
  }

  /** Gives one direction of one link weather of its own; undefined takes it back. */
  link(from: Address, to: Address, weather: Partial<Weather> | undefined): void {
    this.#network.link(this.#sites.intern(from), this.#sites.intern(to), weather);
  }

  /** For `forMs` one direction of one link delivers nothing; then it delivers what it could hold. */
  clog(from: Address, to: Address, forMs: Millis): void {
    this.#network.clog(this.#sites.intern(from), this.#sites.intern(to), this.now + forMs);
  }

  /** Bytes and messages of an address so far. */
  traffic(address: Address): Readonly<Traffic> {
    return this.#sites.intern(address).traffic;
  }

  /** Does something later, outside of any machine, so that it may command one. */
  after(delayMs: Millis, action: () => void): void {
    this.#timeline.push(this.now + Math.max(0, delayMs), action);
  }

  /** Lets `ms` of virtual time pass. */
  run(ms: Millis): void {
    this.#timeline.runTo(this.now + ms, this.#reader);
  }

  /**
   * Runs until `done` holds; returns the time it took, or undefined when `limitMs` passed first. Asks after every event,
   * or every `everyMs`, which is cheaper where asking is dear.
   */
  runUntil(done: () => boolean, limitMs: Millis, everyMs: Millis = 0): Millis | undefined {
    const from = this.now;
    const limit = from + limitMs;
    while (!done()) {
      if (everyMs > 0) {
        if (this.now >= limit) return undefined;
        this.run(Math.min(everyMs, limit - this.now));
        continue;
      }
      if (this.#timeline.nextAt > limit) return undefined;
      this.#timeline.step(this.#reader);
    }
    return this.now - from;
  }

  readonly #reader = {
    happen: (item: Datagram | (() => void)): void => {
      if (typeof item === 'function') {
        item();
        return;
      }
      const { host } = item.to;
      if (host !== undefined) this.#hosts.datagram(host, item.from.address, item.bytes);
    },
    wake: (id: number): void => {
      const { host } = this.#sites.byId(id);
      if (host !== undefined) this.#hosts.tick(host);
    },
  };

  #find(address: Address): Host {
    const host = this.#sites.find(address)?.host;
    assert(host !== undefined, `no host at ${hostPort(address)}`);
    return host;
  }

  #end(address: Address, isSilent: boolean): void {
    const host = this.#find(address);
    this.#hosts.end(host);
    this.#connections.abandon(host, isSilent);
  }

  #sendDatagram(host: Host, to: Address, bytes: Uint8Array): void {
    const { site } = host;
    if (host.state === 'blocked') this.#hosts.hold(host, () => this.#sendDatagram(host, to, bytes));
    if (host.state === 'down' || host.state === 'blocked') return;
    site.traffic.datagramsOut += 1;
    site.traffic.datagramBytesOut += bytes.length;
    this.#network.send(this.now, site, this.#sites.intern(to), bytes);
  }

  #openStream(host: Host, to: Address): StreamId {
    host.site.traffic.streamsOpened += 1;
    return this.#connections.open(host, this.#sites.intern(to));
  }
}
