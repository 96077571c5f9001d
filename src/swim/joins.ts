import type { Millis, OperationId, StreamId } from '../base/machine.ts';
import type { JoinFailure, JoinTarget, SwimDelegate } from './delegate.ts';

/** Why an exchange with one peer failed: a stable code and a sentence. */
export interface ExchangeFailure {
  readonly code: string;
  readonly text: string;
}

interface Join {
  readonly operation: OperationId;
  readonly targets: readonly JoinTarget[];
  readonly failures: JoinFailure[];
  next: number;
  contacted: number;
}

export interface JoinParts {
  readonly delegate: SwimDelegate;
  /** Starts a joining push/pull; its end comes back as `exchanged`. */
  readonly openExchange: (now: Millis, target: JoinTarget) => StreamId;
}

/** Joins: each target is contacted after the one before it, whatever became of that (memberlist.md 6.2). */
export class Joins {
  readonly #parts: JoinParts;
  readonly #byStream = new Map<StreamId, Join>();

  constructor(parts: JoinParts) {
    this.#parts = parts;
  }

  start(now: Millis, operation: OperationId, targets: readonly JoinTarget[]): void {
    this.#advance(now, { operation, targets, failures: [], next: 0, contacted: 0 });
  }

  /** The exchange on a stream ended; nothing happens when it was not part of a join. */
  exchanged(now: Millis, stream: StreamId, failure: ExchangeFailure | undefined): void {
    const join = this.#byStream.get(stream);
    if (join === undefined) return;
    this.#byStream.delete(stream);
    const target = join.targets[join.next - 1] as JoinTarget;
    if (failure === undefined) join.contacted += 1;
    else join.failures.push({ target, ...failure });
    this.#advance(now, join);
  }

  /** The node goes down: every join ends with what it has. */
  abort(now: Millis): void {
    const joins = [...this.#byStream.values()];
    this.#byStream.clear();
    for (const join of joins) this.#settle(now, join);
  }

  #advance(now: Millis, join: Join): void {
    const target = join.targets[join.next];
    if (target === undefined) {
      this.#settle(now, join);
      return;
    }
    join.next += 1;
    this.#byStream.set(this.#parts.openExchange(now, target), join);
  }

  #settle(now: Millis, join: Join): void {
    const { operation, contacted, failures } = join;
    this.#parts.delegate.settled(now, operation, { type: 'joined', contacted, failures });
  }
}
