import { assert } from '../base/assert.ts';
import { CodedError } from '../base/errors.ts';
import type { Address, Millis, OperationId } from '../base/machine.ts';
import { EventBus } from '../events/bus.ts';
import type { QueryTally } from '../serf/awaited.ts';
import type { Outcome, QueryAnswer, SerfEffects } from '../serf/effects.ts';
import type { QueryParams } from '../serf/query-params.ts';
import { Serf } from '../serf/serf.ts';
import type { PreviousNode } from '../serf/snapshot.ts';
import { AnswerStream } from './answers.ts';
import { bindAddressOf, type ClusterOptions, serfConfigOf } from './cluster-options.ts';
import { NetTransport } from './net-transport.ts';
import { Operations } from './operations.ts';
import { Pump } from './pump.ts';
import type { Lookup } from './resolve.ts';
import { SnapshotFile } from './snapshot-file.ts';
import { systemClock, systemRandom } from './system.ts';

/**
 * A Serf machine with its body: transport, pump, event bus, and the promises of operations under way. What the machine
 * tells the world is handed over once an input has been handled whole, so a callback may call back in.
 */
export class SerfNode {
  readonly bus = new EventBus();
  readonly #options: ClusterOptions;
  readonly #bind: Address;
  readonly #transport: NetTransport;
  readonly #pump: Pump<Serf>;
  readonly #operations = new Operations();
  readonly #answers = new Map<OperationId, AnswerStream>();
  readonly #controller = new AbortController();
  #snapshot: SnapshotFile | undefined;
  readonly #onAbort = (): void => void this.shutdown();
  /** What the machine told the world during the input at hand. */
  readonly #outbox: (() => void)[] = [];
  readonly #closed: Promise<void>;
  #resolveClosed: () => void = () => {};
  /** Nothing is handed over while true: before the owner had a chance to listen, and during a hand-over. */
  #isHolding = true;
  #isClosing = false;

  /** Throws a CodedError when the bind address is no IP; does nothing else. */
  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#bind = bindAddressOf(options);
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#transport = new NetTransport(this.#bind);
    this.#pump = new Pump({
      transport: this.#transport,
      clock: systemClock,
      onFatal: (error, input) => this.#failed(error, input),
      afterInput: () => this.#flush(),
    });
  }

  /** Where this node listens. */
  get bindAddress(): Address {
    return { ip: this.#bind.ip, port: this.#transport.localPort };
  }

  /** Aborted when the node ends, however it ends. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** True from the first call of `shutdown` on, and after a broken invariant. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** For reading; commands go through `run`. */
  get serf(): Serf {
    const serf = this.#pump.machine;
    assert(serf !== undefined, 'a node is used only once it has started');
    return serf;
  }

  /** Finds the addresses of host names; undefined for the system's way. */
  get lookup(): Lookup | undefined {
    return this.#options.lookup;
  }

  /** Other members remembered from earlier times, the failed ones last; empty without a snapshot. */
  get remembered(): readonly PreviousNode[] {
    const { nodeName } = this.#options;
    return (this.#snapshot?.remembered ?? []).filter(({ name }) => name !== nodeName);
  }

  /** Counts of transport and snapshot. */
  get hostCounters(): ReadonlyMap<string, number> {
    return new Map([...this.#transport.counters, ...(this.#snapshot?.counters ?? [])]);
  }

  /**
   * Binds and announces this node. Rejects with a CodedError and leaves nothing open when it cannot. What the machine
   * told during its start is handed over in the next turn of the loop, to readers that subscribe at once.
   */
  async start(): Promise<void> {
    const { signal, trace, metrics, snapshot } = this.#options;
    signal?.throwIfAborted();
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    const make = (port: number): Serf =>
      new Serf({
        config: serfConfigOf(this.#options, port, this.#snapshot?.startSettings),
        random: systemRandom(),
        effects: this.#effects(),
        trace,
        metrics,
      });
    try {
      if (snapshot !== undefined) this.#snapshot = await SnapshotFile.open(snapshot, trace, metrics);
      await this.#pump.start(make, this.#controller.signal);
    } catch (error) {
      this.#release();
      this.#close();
      await this.#closed;
      throw signal?.aborted === true ? signal.reason : error;
    }
    setImmediate(() => this.#release());
  }

  /** Gives the machine a command. */
  run<T>(command: (now: Millis, serf: Serf) => T): T {
    return this.#pump.run(command);
  }

  /** Gives the machine a command that takes time and waits for its outcome. Rejects when the node ends first. */
  async operate(start: (now: Millis, serf: Serf, operation: OperationId) => void): Promise<Outcome> {
    const outcome = await this.#operations.run((operation) =>
      this.#pump.run((now, serf) => start(now, serf, operation)),
    );
    if (outcome.type === 'aborted') throw new CodedError('ERR_SHUTDOWN', 'the node was shut down');
    return outcome;
  }

  /** Starts a query; throws when it cannot start. */
  query(params: QueryParams): AnswerStream {
    const operation = this.#operations.nextId();
    const stream = new AnswerStream();
    this.#answers.set(operation, stream);
    try {
      this.#pump.run((now, serf) => serf.query(now, operation, params));
    } catch (error) {
      this.#answers.delete(operation);
      throw error;
    }
    return stream;
  }

  /** Stops at once, without a leave; resolves when every socket is closed. */
  shutdown(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      if (this.#pump.machine === undefined) {
        // Still starting: `start` fails, and closes.
        this.#controller.abort();
      } else {
        this.#pump.run((now, serf) => serf.shutdown(now));
        this.#close();
      }
    }
    return this.#closed;
  }

  #effects(): SerfEffects {
    const transport = this.#transport;
    return {
      sendDatagram: (to, bytes) => transport.sendDatagram(to, bytes),
      openStream: (to) => transport.openStream(to),
      writeStream: (id, bytes) => transport.writeStream(id, bytes),
      closeStream: (id) => transport.closeStream(id),
      publish: (event) => this.#outbox.push(() => this.bus.publish(event)),
      settle: (operation, outcome) => this.#operations.settle(operation, outcome),
      answer: (operation, answer, tally) => this.#answered(operation, answer, tally),
      record: (line) => this.#outbox.push(() => this.#snapshot?.record(line)),
      evict: (reason) => this.#outbox.push(() => this.#evicted(reason)),
    };
  }

  #answered(operation: OperationId, answer: QueryAnswer | undefined, tally: QueryTally | undefined): void {
    const stream = this.#answers.get(operation);
    if (answer !== undefined) {
      stream?.push(answer);
      return;
    }
    this.#answers.delete(operation);
    stream?.end(tally);
  }

  #evicted(reason: string): void {
    void this.shutdown();
    this.#options.onEvict?.(reason);
  }

  #failed(cause: unknown, input: string): void {
    const error = new CodedError('ERR_BROKEN', 'the node broke an invariant and was shut down', { cause });
    this.#operations.failAll(error);
    this.#outbox.push(() => this.#report(cause, input));
    this.#close();
  }

  #report(error: unknown, input: string): void {
    const { onFatal } = this.#options;
    if (onFatal === undefined) throw error;
    onFatal(error, input);
  }

  #release(): void {
    this.#isHolding = false;
    this.#flush();
  }

  /** Hands over what the machine told the world, in order; what a callback throws is its owner's uncaught error. */
  #flush(): void {
    if (this.#isHolding) return;
    this.#isHolding = true;
    for (let deliver = this.#outbox.shift(); deliver !== undefined; deliver = this.#outbox.shift()) {
      try {
        deliver();
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    this.#isHolding = false;
  }

  /** Lets go of everything once what is in the outbox has been delivered. */
  #close(): void {
    this.#isClosing = true;
    this.#outbox.push(() => {
      this.#options.signal?.removeEventListener('abort', this.#onAbort);
      for (const stream of this.#answers.values()) stream.end();
      this.#answers.clear();
      this.bus.close();
      this.#controller.abort();
      const closing = [this.#transport.stopped(), this.#snapshot?.close()];
      void Promise.all(closing).then(() => this.#resolveClosed());
    });
    this.#flush();
  }
}
