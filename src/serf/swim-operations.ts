import type { Millis, OperationId } from '../base/machine.ts';
import type { SwimOutcome } from '../swim/delegate.ts';

/** Takes the end of one operation of SWIM. */
export type SwimSettled = (now: Millis, outcome: SwimOutcome) => void;

/** Numbers the operations asked of SWIM and remembers who waits for each. */
export class SwimOperations {
  readonly #waiting = new Map<OperationId, SwimSettled>();
  #next: OperationId = 1;

  /** A fresh number; call before starting the operation, which may settle at once. */
  begin(settled: SwimSettled): OperationId {
    const operation = this.#next;
    this.#next += 1;
    this.#waiting.set(operation, settled);
    return operation;
  }

  settled(now: Millis, operation: OperationId, outcome: SwimOutcome): void {
    const waiting = this.#waiting.get(operation);
    this.#waiting.delete(operation);
    waiting?.(now, outcome);
  }

  /** Ends what SWIM did not: the node stops. */
  abort(now: Millis): void {
    for (const operation of [...this.#waiting.keys()]) this.settled(now, operation, { type: 'timeout' });
  }
}
