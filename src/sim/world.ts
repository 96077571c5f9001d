import { hostPort } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import { Deadlines } from '../base/deadlines.ts';
import type { Address, Machine, Millis, NetworkEffects, StreamId, StreamInput } from '../base/machine.ts';
import { type Random, seededRandom } from '../base/random.ts';

/** What the network of a world does to traffic; may be changed while it runs. */
export interface Weather {
  /** One way, milliseconds. */
  latencyMs: Millis;
  /** Up to so much more, uniformly; lets datagrams overtake each other. */
  jitterMs: Millis;
  /** Share of datagrams that vanish, 0..1. Streams never lose bytes. */
  loss: number;
}

/** A machine a world can host. */
export interface Startable extends Machine {
  start(now: Millis): void;
}

interface Host {
  readonly address: Address;
  readonly machine: Startable;
  readonly ends: Map<StreamId, StreamEnd>;
  state: 'up' | 'paused' | 'down';
  inbox: (() => void)[];
  nextStream: StreamId;
}

/** Our end of a stream, and the other one. */
interface StreamEnd {
  readonly host: Host;
  readonly id: StreamId;
  far: StreamEnd | undefined;
  /** Bytes never overtake each other: the next ones arrive no earlier than this. */
  clearAt: Millis;
}

/** Inputs a paused host's kernel keeps for it. */
const INBOX_LIMIT = 4096;

/**
 * Hosts machines under virtual time, with every byte passing through the real codec. One seed decides everything that
 * chance decides; equal instants happen in the order they were caused.
 */
export class World {
  readonly weather: Weather = { latencyMs: 1, jitterMs: 0, loss: 0 };
  readonly #hosts = new Map<string, Host>();
  readonly #agenda = new Deadlines<() => void>();
  readonly #seed: number;
  readonly #network: Random;
  #cut: (from: Address, to: Address) => boolean = () => false;
  #now: Millis = 0;
  #sequence = 0;
  #inside = false;

  constructor(seed: number) {
    this.#seed = seed;
    this.#network = seededRandom(seed, 'network');
  }

  get now(): Millis {
    return this.#now;
  }

  /** Adds a host and starts its machine at the current instant. */
  add<M extends Startable>(address: Address, build: (effects: NetworkEffects, random: Random) => M): M {
    const key = hostPort(address);
    let host: Host | undefined;
    const self = (): Host => {
      assert(host !== undefined, 'a machine has no effects before it starts');
      return host;
    };
    const effects: NetworkEffects = {
      sendDatagram: (to, bytes) => this.#sendDatagram(self(), to, bytes),
      openStream: (to) => this.#openStream(self(), to),
      writeStream: (id, bytes) => this.#write(self(), id, bytes),
      closeStream: (id) => this.#close(self(), id),
    };
    const machine = build(effects, seededRandom(this.#seed, `host ${key} ${this.#hosts.size}`));
    host = { address, machine, ends: new Map(), state: 'up', inbox: [], nextStream: 1 };
    this.#hosts.set(key, host);
    this.#enter(host, () => machine.start(this.#now));
    return machine;
  }

  /** Calls a machine as its owner would, at the current instant. */
  command(address: Address, call: (now: Millis) => void): void {
    this.#enter(this.#find(address), () => call(this.#now));
  }

  /** The process dies: nothing is sent, its streams break, its address stays free. */
  kill(address: Address): void {
    const host = this.#find(address);
    host.state = 'down';
    this.#hosts.delete(hostPort(address));
    this.#agenda.cancel(`wake ${hostPort(address)}`);
    for (const end of host.ends.values()) {
      const { far } = end;
      if (far !== undefined)
        this.#later(this.weather.latencyMs, () => this.#arrive(far, { type: 'failed', why: 'reset' }));
    }
    host.ends.clear();
  }

  /** Stops a process (SIGSTOP): it neither hears nor acts, and its kernel keeps what arrives. */
  pause(address: Address): void {
    this.#find(address).state = 'paused';
  }

  /** Lets a paused process go on; it hears at once what was kept. */
  resume(address: Address): void {
    const host = this.#find(address);
    host.state = 'up';
    const kept = host.inbox;
    host.inbox = [];
    for (const deliver of kept) deliver();
    this.#wake(host);
  }

  /** From now on nothing passes where `cut` says so; datagrams vanish, streams stall until they time out. */
  partition(cut: (from: Address, to: Address) => boolean): void {
    this.#cut = cut;
  }

  heal(): void {
    this.#cut = () => false;
  }

  /** Lets `ms` of virtual time pass. */
  run(ms: Millis): void {
    const until = this.#now + ms;
    while (this.#agenda.next() <= until) this.#step();
    this.#now = until;
  }

  /** Runs until `done` holds; returns the time it took, or undefined when `limitMs` passed first. */
  runUntil(done: () => boolean, limitMs: Millis): Millis | undefined {
    const from = this.#now;
    while (!done()) {
      if (this.#agenda.next() > from + limitMs) return undefined;
      this.#step();
    }
    return this.#now - from;
  }

  #step(): void {
    this.#now = Math.max(this.#now, this.#agenda.next());
    this.#agenda.take(this.#now)?.();
  }

  #find(address: Address): Host {
    const host = this.#hosts.get(hostPort(address));
    assert(host !== undefined, `no host at ${hostPort(address)}`);
    return host;
  }

  #enter(host: Host, call: () => void): void {
    assert(!this.#inside, 'effects never re-enter a machine');
    this.#inside = true;
    try {
      call();
    } finally {
      this.#inside = false;
    }
    this.#wake(host);
  }

  #wake(host: Host): void {
    const key = `wake ${hostPort(host.address)}`;
    const at = host.machine.nextDeadline();
    if (host.state !== 'up' || at === Number.POSITIVE_INFINITY) {
      this.#agenda.cancel(key);
      return;
    }
    this.#agenda.set(key, Math.max(at, this.#now), () => {
      if (host.state === 'up') this.#enter(host, () => host.machine.tick(this.#now));
    });
  }

  #later(delayMs: Millis, action: () => void): void {
    this.#sequence += 1;
    this.#agenda.set(`event ${this.#sequence}`, this.#now + delayMs, action);
  }

  #input(host: Host, deliver: () => void): void {
    if (host.state === 'up') this.#enter(host, deliver);
    else if (host.state === 'paused' && host.inbox.length < INBOX_LIMIT) {
      host.inbox.push(() => this.#enter(host, deliver));
    }
  }

  #delay(): Millis {
    const { latencyMs, jitterMs } = this.weather;
    return latencyMs + jitterMs * this.#network.float();
  }

  #sendDatagram(from: Host, to: Address, bytes: Uint8Array): void {
    if (this.#network.float() < this.weather.loss || this.#cut(from.address, to)) return;
    this.#later(this.#delay(), () => {
      const host = this.#hosts.get(hostPort(to));
      if (host !== undefined) this.#input(host, () => host.machine.datagram(this.#now, from.address, bytes));
    });
  }

  #openStream(from: Host, to: Address): StreamId {
    const near: StreamEnd = { host: from, id: from.nextStream, far: undefined, clearAt: 0 };
    from.nextStream += 1;
    from.ends.set(near.id, near);
    if (this.#cut(from.address, to)) return near.id;
    this.#later(this.#delay(), () => {
      if (from.ends.get(near.id) !== near) return;
      const host = this.#hosts.get(hostPort(to));
      if (host === undefined) {
        this.#later(this.#delay(), () => this.#arrive(near, { type: 'failed', why: 'refused' }));
        return;
      }
      const far: StreamEnd = { host, id: host.nextStream, far: near, clearAt: 0 };
      host.nextStream += 1;
      host.ends.set(far.id, far);
      near.far = far;
      this.#input(host, () =>
        host.machine.stream(this.#now, far.id, { type: 'accepted', from: from.address }),
      );
      this.#later(this.#delay(), () => this.#arrive(near, { type: 'opened' }));
    });
    return near.id;
  }

  #write(from: Host, id: StreamId, bytes: Uint8Array): void {
    const end = from.ends.get(id);
    if (end !== undefined) this.#carry(end, { type: 'data', bytes });
  }

  #close(from: Host, id: StreamId): void {
    const end = from.ends.get(id);
    if (end === undefined) return;
    from.ends.delete(id);
    this.#carry(end, { type: 'ended' });
  }

  #carry(end: StreamEnd, input: StreamInput): void {
    const { far } = end;
    if (far === undefined || this.#cut(end.host.address, far.host.address)) return;
    end.clearAt = Math.max(end.clearAt, this.#now + this.#delay());
    this.#later(end.clearAt - this.#now, () => this.#arrive(far, input));
  }

  #arrive(end: StreamEnd, input: StreamInput): void {
    const { host } = end;
    if (host.ends.get(end.id) !== end) return;
    if (input.type === 'ended' || input.type === 'failed') host.ends.delete(end.id);
    this.#input(host, () => host.machine.stream(this.#now, end.id, input));
  }
}
