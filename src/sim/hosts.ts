import { assert } from '../base/assert.ts';
import type { Address, Millis, StreamId, StreamInput } from '../base/machine.ts';
import type { FaultName } from './faults.ts';
import type { WorldObserver } from './observer.ts';
import type { Host, Site, Startable } from './sites.ts';
import type { TraceHash } from './trace-hash.ts';

/** Datagrams a kernel keeps for a process that does not read: the buffer the real host asks for. */
export const INBOX_BYTES = 2 * 1024 * 1024;
/** What a kernel charges for a datagram beside its bytes. */
const INBOX_OVERHEAD_BYTES = 512;

/** Datagrams a blocked process holds; more vanish, as from a full socket buffer. */
const OUTBOX_LIMIT = 10_000;

/** Kinds of input, as the digest tells them apart. */
const KIND = { start: 1, command: 2, datagram: 3, tick: 4, stream: 5 } as const;
const STREAM_KIND = { accepted: 0, opened: 1, data: 2, ended: 3, failed: 4 } as const;

export interface HostsParts {
  readonly hash: TraceHash;
  /** Bound of the datagrams kept for a paused process. */
  readonly inboxBytes: number;
  readonly now: () => Millis;
  readonly setWake: (host: number, at: Millis) => void;
  readonly count: (fault: FaultName, at: Address) => void;
  readonly observer: () => WorldObserver | undefined;
}

/**
 * Gives inputs to machines as the real host does: each with its own clock's time, never from inside another, and one wake
 * per machine. While a process is paused its kernel keeps what arrives.
 */
export class Hosts {
  readonly #parts: HostsParts;
  #inside = false;

  constructor(parts: HostsParts) {
    this.#parts = parts;
  }

  /** A process begins at a site where none runs. */
  start(site: Site, machine: Startable): Host {
    const host: Host = {
      site,
      machine,
      ends: new Map(),
      state: 'up',
      inbox: [],
      inboxBytes: 0,
      outbox: [],
      nextStream: 1,
      armed: Number.NaN,
      lastLocal: Number.NEGATIVE_INFINITY,
    };
    site.host = host;
    site.boots += 1;
    return host;
  }

  /** The first call of a machine. */
  begin(host: Host): void {
    const now = this.#enter(host, KIND.start);
    try {
      host.machine.start(now);
    } finally {
      this.#leave(host);
    }
  }

  command(host: Host, call: (now: Millis) => void): void {
    const now = this.#enter(host, KIND.command);
    try {
      call(now);
    } finally {
      this.#leave(host);
    }
  }

  /** The process is gone; what its kernel kept is gone with it. */
  end(host: Host): void {
    host.state = 'down';
    host.inbox = [];
    host.outbox = [];
    host.site.host = undefined;
    this.#parts.setWake(host.site.id, Number.POSITIVE_INFINITY);
  }

  datagram(host: Host, from: Address, bytes: Uint8Array): void {
    const { site } = host;
    if (host.state === 'paused' || host.state === 'blocked') {
      const charge = bytes.length + INBOX_OVERHEAD_BYTES;
      if (host.inboxBytes + charge > this.#parts.inboxBytes) {
        this.#parts.count('inbox-overflow', site.address);
        return;
      }
      host.inboxBytes += charge;
      this.#keep(host, () => this.datagram(host, from, bytes));
      return;
    }
    if (host.state === 'down') return;
    site.traffic.datagramsIn += 1;
    site.traffic.datagramBytesIn += bytes.length;
    this.#parts.hash.bytes(bytes);
    this.#parts.observer()?.({ type: 'datagram', at: this.#parts.now(), from, to: site.address, bytes });
    const now = this.#enter(host, KIND.datagram);
    try {
      host.machine.datagram(now, from, bytes);
    } finally {
      this.#leave(host);
    }
  }

  /** Bytes of streams are kept without bound: their sender's window is the bound, and it waits for an answer. */
  stream(host: Host, id: StreamId, input: StreamInput): void {
    if (host.state === 'paused' || host.state === 'blocked') {
      this.#keep(host, () => this.stream(host, id, input));
      return;
    }
    if (host.state === 'down') return;
    const { hash, observer, now } = this.#parts;
    hash.word(id * 8 + STREAM_KIND[input.type]);
    if (input.type === 'data') hash.bytes(input.bytes);
    observer()?.({ type: 'stream', at: now(), to: host.site.address, id, input });
    const local = this.#enter(host, KIND.stream);
    try {
      host.machine.stream(local, id, input);
    } finally {
      this.#leave(host);
    }
  }

  /** The wake of a host has come. */
  tick(host: Host): void {
    const due = host.armed;
    host.armed = Number.NaN;
    if (!isAwake(host)) return;
    const local = this.#enter(host, KIND.tick);
    try {
      // The clock's inverse is rounded: it may wake us a hair before the deadline.
      const now = Math.max(local, due);
      host.lastLocal = now;
      if (now > due) host.machine.lagged?.(now, now - due);
      host.machine.tick(now);
    } finally {
      this.#leave(host);
    }
  }

  pause(host: Host): void {
    host.state = 'paused';
    this.#parts.setWake(host.site.id, Number.POSITIVE_INFINITY);
  }

  /** First everything that was kept, then what is overdue: the real host drains its sockets before it judges. */
  resume(host: Host): void {
    host.state = 'up';
    const kept = host.inbox;
    host.inbox = [];
    host.inboxBytes = 0;
    for (const deliver of kept) deliver();
    this.rearm(host);
  }

  /** Messages wait, both ways, while it goes on by its timers. At the end those it sent leave first. */
  setBlocked(host: Host, isBlocked: boolean): void {
    if (host.state !== (isBlocked ? 'up' : 'blocked')) return;
    host.state = isBlocked ? 'blocked' : 'up';
    if (isBlocked) return;
    const { outbox, inbox } = host;
    host.outbox = [];
    host.inbox = [];
    host.inboxBytes = 0;
    for (const send of outbox) send();
    for (const deliver of inbox) deliver();
  }

  /** A datagram of a blocked process waits as in a clogged link, up to a bound. */
  hold(host: Host, send: () => void): void {
    const isFull = host.outbox.length >= OUTBOX_LIMIT;
    this.#parts.count(isFull ? 'clog-overflow' : 'clog', host.site.address);
    if (!isFull) host.outbox.push(send);
  }

  /** Its clock runs differently now: the wake is set anew. */
  rearm(host: Host): void {
    host.armed = Number.NaN;
    this.#arm(host);
  }

  #keep(host: Host, deliver: () => void): void {
    host.inbox.push(deliver);
    this.#parts.count('inbox-kept', host.site.address);
  }

  /** Before an input: takes it into the digest and returns the machine's time. `#leave` follows, whatever happens. */
  #enter(host: Host, kind: number): Millis {
    assert(!this.#inside, 'effects never re-enter a machine');
    const world = this.#parts.now();
    const { hash } = this.#parts;
    hash.word(host.site.id * 8 + kind);
    hash.number(world);
    host.lastLocal = Math.max(host.lastLocal, host.site.clock.at(world));
    this.#inside = true;
    return host.lastLocal;
  }

  #leave(host: Host): void {
    this.#inside = false;
    this.#arm(host);
  }

  #arm(host: Host): void {
    if (!isAwake(host)) return;
    const at = host.machine.nextDeadline();
    if (at === host.armed) return;
    host.armed = at;
    this.#parts.setWake(host.site.id, host.site.clock.worldAt(at));
  }
}

/** True for a process that acts on its deadlines. */
function isAwake({ state }: Host): boolean {
  return state === 'up' || state === 'blocked';
}
