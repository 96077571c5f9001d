import type { Deadlines } from '../base/deadlines.ts';
import type { Millis, OperationId } from '../base/machine.ts';
import type { SwimDeadline } from './deadline.ts';
import type { SwimDelegate } from './delegate.ts';

/** Operations that end when their broadcast has left the queue: leaving and updating (memberlist.md 6.3, 6.5). */
export class Flushes {
  readonly #deadlines: Deadlines<SwimDeadline>;
  readonly #delegate: SwimDelegate;
  /** Their broadcast left the queue; they settle once the input that did it has been handled. */
  readonly #flushed: OperationId[] = [];
  #count = 0;

  constructor(deadlines: Deadlines<SwimDeadline>, delegate: SwimDelegate) {
    this.#deadlines = deadlines;
    this.#delegate = delegate;
  }

  /** The broadcast of an operation has left the queue. */
  flushed(operation: OperationId): void {
    this.#flushed.push(operation);
    this.#count += 1;
  }

  /** Waits for that, `timeoutMs` at most (0: for ever), and not at all when nobody is there to hear the broadcast. */
  expect(now: Millis, operation: OperationId, timeoutMs: Millis, others: boolean): void {
    const at = timeoutMs === 0 ? Number.POSITIVE_INFINITY : now + timeoutMs;
    this.#deadlines.set(`flush:${operation}`, at, { type: 'flush', operation });
    if (!others) this.flushed(operation);
    this.settle(now);
  }

  /** Settles what was flushed since the last call. */
  settle(now: Millis): void {
    if (this.#count === 0) return;
    this.#count = 0;
    for (let operation = this.#flushed.shift(); operation !== undefined; operation = this.#flushed.shift()) {
      const waiting = this.#deadlines.cancel(`flush:${operation}`);
      if (waiting) this.#delegate.settled(now, operation, { type: 'sent' });
    }
  }

  /** An operation waited long enough. */
  expired(now: Millis, operation: OperationId): void {
    this.#delegate.settled(now, operation, { type: 'timeout' });
  }
}
