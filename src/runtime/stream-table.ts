import { connect, isIP, type Socket } from 'node:net';
import type { Counters } from '../base/counters.ts';
import type { Address, StreamFailure, StreamId, StreamInput } from '../base/machine.ts';
import { codeOf, streamFailure } from './net-errors.ts';
import { unmapped } from './udp-socket.ts';

/** Streams dialled at one time; probing, joining and anti-entropy need a handful. */
export const MAX_OUTBOUND_STREAMS = 128;
/** Bytes one stream may have waiting: the largest state a peer accepts, encrypted, and its overhead. */
const MAX_WRITE_BUFFER_BYTES = 48 * 1024 * 1024;
/** Time a closed stream has to deliver what was written (memberlist.md 2.5: the lan write deadline). */
const CLOSE_GRACE_MS = 10_000;
/** Closed streams that may use that time at once; one more costs the oldest its connection, which others need. */
export const MAX_LINGERING_STREAMS = 128;

interface Entry {
  readonly socket: Socket;
  /** Connected, so that a failure is a reset. */
  open: boolean;
  /** The machine still hears of it. */
  live: boolean;
  /** Set once closed by the machine: when to give up flushing. */
  grace: NodeJS.Timeout | undefined;
}

/**
 * TCP sockets as numbered streams. Dialled ones leave from whatever address the system picks, as memberlist's do, so
 * an acceptor does not learn the gossip address of its peer from the connection.
 */
export class StreamTable {
  readonly #deliver: (id: StreamId, input: StreamInput) => void;
  readonly #counters: Counters;
  readonly #entries = new Map<StreamId, Entry>();
  readonly #outbound = new Set<StreamId>();
  /** Streams closed by the machine whose peers have not closed them; the oldest first. */
  readonly #lingering = new Set<Socket>();
  /** Streams that never got a socket and whose failure is about to be told. */
  readonly #refused = new Set<StreamId>();
  #last: StreamId = 0;
  #destroyed = false;

  constructor(deliver: (id: StreamId, input: StreamInput) => void, counters: Counters) {
    this.#deliver = deliver;
    this.#counters = counters;
  }

  /** Sockets not yet closed, those still flushing included. */
  get size(): number {
    return this.#entries.size;
  }

  /** Takes over an accepted connection. */
  accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) {
      // Reset before it was accepted.
      socket.destroy();
      return;
    }
    const id = this.#add(socket, true);
    this.#input(id, { type: 'accepted', from: { ip: unmapped(remoteAddress), port: remotePort } });
  }

  open(to: Address): StreamId {
    if (this.#outbound.size >= MAX_OUTBOUND_STREAMS) {
      this.#counters.add('drop:dial-limit');
      return this.#refuse('unreachable');
    }
    // A peer may have announced either; Node would throw at the port and ask DNS for the address.
    if (to.port === 0 || isIP(to.ip) === 0) return this.#refuse('unreachable');
    if (this.#destroyed) return this.#nextId();
    const socket = connect({ host: to.ip, port: to.port, allowHalfOpen: true, noDelay: true });
    const id = this.#add(socket, false);
    this.#outbound.add(id);
    socket.once('connect', () => {
      const entry = this.#entries.get(id);
      if (entry === undefined) return;
      entry.open = true;
      this.#input(id, { type: 'opened' });
    });
    return id;
  }

  write(id: StreamId, bytes: Uint8Array): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || !entry.live || entry.socket.destroyed) return;
    if (entry.socket.writableLength + bytes.length > MAX_WRITE_BUFFER_BYTES) {
      this.#counters.add('drop:write-buffer');
      entry.socket.destroy(new Error('the peer reads too slowly'));
      return;
    }
    entry.socket.write(bytes);
  }

  close(id: StreamId): void {
    this.#refused.delete(id);
    const entry = this.#entries.get(id);
    if (entry === undefined || !entry.live) return;
    entry.live = false;
    const { socket } = entry;
    if (!entry.open && socket.writableLength === 0) {
      socket.destroy();
      return;
    }
    // Reading on, and throwing away, lets the last bytes arrive: closing with unread input resets the connection.
    socket.end();
    this.#linger(socket);
    entry.grace = setTimeout(() => {
      this.#counters.add('streams-cut');
      socket.destroy();
    }, CLOSE_GRACE_MS);
  }

  /** Destroys everything and says nothing; resolves when every socket is closed. Nothing opens afterwards. */
  async destroy(): Promise<void> {
    this.#destroyed = true;
    this.#refused.clear();
    const closed: Promise<unknown>[] = [];
    for (const entry of this.#entries.values()) {
      entry.live = false;
      closed.push(new Promise((resolve) => entry.socket.once('close', resolve)));
      entry.socket.destroy();
    }
    await Promise.all(closed);
  }

  /** The oldest whose bytes the system has taken gives way: it delivers them, and the peer is all that is waited for. */
  #linger(socket: Socket): void {
    this.#lingering.add(socket);
    if (this.#lingering.size <= MAX_LINGERING_STREAMS) return;
    for (const oldest of this.#lingering) {
      if (oldest.writableLength > 0) continue;
      this.#lingering.delete(oldest);
      this.#counters.add('streams-cut');
      oldest.destroy();
      return;
    }
  }

  #nextId(): StreamId {
    this.#last += 1;
    return this.#last;
  }

  #add(socket: Socket, open: boolean): StreamId {
    const id = this.#nextId();
    const entry: Entry = { socket, open, live: true, grace: undefined };
    this.#entries.set(id, entry);
    let failure: StreamFailure = 'reset';
    socket.on('data', (bytes) => this.#input(id, { type: 'data', bytes }));
    socket.once('end', () => this.#input(id, { type: 'ended' }));
    socket.on('error', (error) => {
      failure = streamFailure(codeOf(error), entry.open);
    });
    // 'close' follows every error and every orderly end, once; only an unwanted end is news.
    socket.once('close', () => {
      this.#input(id, { type: 'failed', why: failure });
      clearTimeout(entry.grace);
      this.#lingering.delete(socket);
      this.#entries.delete(id);
      this.#outbound.delete(id);
    });
    return id;
  }

  #input(id: StreamId, input: StreamInput): void {
    if (this.#entries.get(id)?.live === true) this.#deliver(id, input);
  }

  /** A stream that never was: its failure comes in a later turn, unless it is closed first. */
  #refuse(why: StreamFailure): StreamId {
    const id = this.#nextId();
    this.#refused.add(id);
    setImmediate(() => {
      if (this.#refused.delete(id)) this.#deliver(id, { type: 'failed', why });
    });
    return id;
  }
}
