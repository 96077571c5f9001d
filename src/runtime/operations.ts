import type { OperationId } from '../base/machine.ts';
import type { Outcome } from '../serf/effects.ts';

interface Pending {
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/** Operations the machine has under way, as promises. Their number is bounded by the callers that wait for them. */
export class Operations {
  readonly #pending = new Map<OperationId, Pending>();
  #last: OperationId = 0;

  /** A number no operation of this node has had. */
  nextId(): OperationId {
    this.#last += 1;
    return this.#last;
  }

  /** Calls `start` with a new number and waits until it is settled; what `start` throws, the promise rejects with. */
  run(start: (operation: OperationId) => void): Promise<Outcome> {
    const operation = this.nextId();
    return new Promise((resolve, reject) => {
      this.#pending.set(operation, { resolve, reject });
      try {
        start(operation);
      } catch (error) {
        this.#pending.delete(operation);
        reject(error);
      }
    });
  }

  settle(operation: OperationId, outcome: Outcome): void {
    this.#pending.get(operation)?.resolve(outcome);
    this.#pending.delete(operation);
  }

  /** The machine is broken and will settle nothing. */
  failAll(error: unknown): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
