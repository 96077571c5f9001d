import { hostPort } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import { asBuffer } from '../base/bytes.ts';
import { CodedError } from '../base/errors.ts';
import type { Address, DatagramFailure, Machine, Millis, StreamId, StreamInput } from '../base/machine.ts';
import type { Clock } from './system.ts';
import type { Ingress, Transport } from './transport.ts';

/** Turns of the event loop a due deadline waits for input that is already in the kernel. */
const MAX_DRAIN_TURNS = 8;
/** Longest wait Node's timers take; longer ones are re-armed on waking. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** Bytes of an input shown when it broke an invariant; a whole gossip datagram. */
const MAX_SHOWN_BYTES = 1_400;

/** A machine as the pump drives it. */
export interface PumpedMachine extends Machine {
  start(now: Millis): void;
  /** Told before a tick that comes `lateMs` after its deadline; the machine judges how late is too late. */
  lagged?(now: Millis, lateMs: Millis): void;
}

/** One timer and one turn of the event loop; replaced in tests. */
export interface Scheduler {
  setTimer(action: () => void, delayMs: Millis): unknown;
  clearTimer(timer: unknown): void;
  /** Runs `action` after the loop has polled its sockets once. */
  afterPoll(action: () => void): void;
}

const NODE_SCHEDULER: Scheduler = {
  setTimer: (action, delayMs) => setTimeout(action, delayMs),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
  afterPoll: (action) => setImmediate(action),
};

export interface PumpOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /**
   * The machine broke an invariant while handling `input` (a description for a log). The pump has stopped for good
   * and the transport is to be aborted.
   */
  readonly onFatal: (error: unknown, input: string) => void;
  /** Runs after every input, outside the machine, so that it may call `run`. */
  readonly afterInput?: () => void;
  readonly scheduler?: Scheduler;
}

/**
 * The real host of a machine: stamps each input with the clock, calls the machine, and keeps one timer for its next
 * deadline (ARCHITECTURE §4). It owns the machine; nobody else calls it.
 */
export class Pump<M extends PumpedMachine> implements Ingress {
  readonly #options: PumpOptions;
  readonly #scheduler: Scheduler;
  #machine: M | undefined;
  #inside = false;
  #stopped = false;
  #isBroken = false;
  #timer: unknown;
  #armedFor: Millis = Number.POSITIVE_INFINITY;
  /** Inputs so far; lets the drain see whether a turn brought any. */
  #inputs = 0;
  #draining = false;

  constructor(options: PumpOptions) {
    this.#options = options;
    this.#scheduler = options.scheduler ?? NODE_SCHEDULER;
  }

  /**
   * Starts the transport, then makes the machine (the port is known by then) and starts it. Rejects as the transport
   * does, and with whatever `make` throws. Aborting `signal` ends everything without a word to the network.
   */
  async start(make: (port: number) => M, signal: AbortSignal): Promise<void> {
    const { transport } = this.#options;
    await transport.start(this, signal);
    signal.addEventListener('abort', () => this.#stop(), { once: true });
    signal.throwIfAborted();
    const machine = make(transport.localPort);
    this.#machine = machine;
    try {
      machine.start(this.#begin());
    } catch (error) {
      this.#stop();
      throw error;
    }
    this.#finish();
  }

  /**
   * Runs a command of the machine now and returns what it returns. A CodedError is the caller's; any other error is
   * fatal too. Must not be called from inside the machine. A stopped pump still runs commands, without effect on the
   * network, because the machine knows best what it answers after its end; a broken one throws ERR_BROKEN.
   */
  run<T>(command: (now: Millis, machine: M) => T): T {
    assert(!this.#inside, 'effects never re-enter a machine');
    const machine = this.#machine;
    if (machine === undefined || this.#isBroken) {
      throw new CodedError('ERR_BROKEN', 'the node is not running: it never started, or broke an invariant');
    }
    const now = this.#begin();
    let result: T;
    try {
      result = command(now, machine);
    } catch (error) {
      if (error instanceof CodedError) this.#finish();
      else this.#broken(error, 'a command');
      throw error;
    }
    this.#finish();
    return result;
  }

  /** For reading the machine's state without giving it an input; undefined until `start` has made it. */
  get machine(): M | undefined {
    return this.#machine;
  }

  datagram(from: Address, bytes: Uint8Array): void {
    const machine = this.#ready();
    if (machine === undefined) return;
    try {
      machine.datagram(this.#begin(), from, bytes);
    } catch (error) {
      this.#broken(error, `datagram from ${hostPort(from)}, ${shown(bytes)}`);
      return;
    }
    this.#finish();
  }

  stream(id: StreamId, input: StreamInput): void {
    const machine = this.#ready();
    if (machine === undefined) return;
    try {
      machine.stream(this.#begin(), id, input);
    } catch (error) {
      const bytes = input.type === 'data' ? `, ${shown(input.bytes)}` : '';
      this.#broken(error, `stream ${id} ${input.type}${bytes}`);
      return;
    }
    this.#finish();
  }

  undeliverable(to: Address, why: DatagramFailure): void {
    const machine = this.#ready();
    if (machine === undefined) return;
    try {
      machine.undeliverable(this.#begin(), to, why);
    } catch (error) {
      this.#broken(error, `undeliverable to ${hostPort(to)}: ${why}`);
      return;
    }
    this.#finish();
  }

  #ready(): M | undefined {
    assert(!this.#inside, 'effects never re-enter a machine');
    return this.#stopped ? undefined : this.#machine;
  }

  /** Every call of the machine stands between this and `#finish` or `#broken`. */
  #begin(): Millis {
    this.#inside = true;
    this.#inputs += 1;
    return this.#options.clock();
  }

  #finish(): void {
    this.#inside = false;
    this.#arm();
    this.#options.afterInput?.();
  }

  #broken(error: unknown, input: string): void {
    this.#inside = false;
    this.#isBroken = true;
    this.#stop();
    this.#options.onFatal(error, input);
  }

  #arm(): void {
    const machine = this.#machine;
    if (machine === undefined || this.#stopped || this.#draining) return;
    const at = machine.nextDeadline();
    if (at === this.#armedFor) return;
    this.#scheduler.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#armedFor = at;
    if (at === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.min(Math.max(0, Math.ceil(at - this.#options.clock())), MAX_TIMER_MS);
    this.#timer = this.#scheduler.setTimer(() => this.#wake(), delayMs);
  }

  /**
   * Drain before judging: after a stall the timer fires before sockets are read, and would condemn a member whose
   * ack is already in the buffer. So the tick waits until a turn brings nothing.
   */
  #wake(): void {
    this.#timer = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
    this.#draining = true;
    this.#drain(1);
  }

  #drain(turn: number): void {
    const seen = this.#inputs;
    this.#scheduler.afterPoll(() => {
      if (this.#stopped) return;
      if (this.#inputs !== seen && turn < MAX_DRAIN_TURNS) this.#drain(turn + 1);
      else this.#tick();
    });
  }

  #tick(): void {
    this.#draining = false;
    const machine = this.#ready();
    if (machine === undefined) return;
    const now = this.#begin();
    try {
      const due = machine.nextDeadline();
      if (due <= now) {
        machine.lagged?.(now, now - due);
        machine.tick(now);
      }
    } catch (error) {
      this.#broken(error, 'tick');
      return;
    }
    this.#finish();
  }

  #stop(): void {
    this.#stopped = true;
    this.#scheduler.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}

function shown(bytes: Uint8Array): string {
  return `${bytes.length} bytes: ${asBuffer(bytes.subarray(0, MAX_SHOWN_BYTES)).toString('hex')}`;
}
