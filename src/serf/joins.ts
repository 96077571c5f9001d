import { CodedError } from '../base/errors.ts';
import type { Load } from '../base/load.ts';
import type { Millis, OperationId } from '../base/machine.ts';
import type { JoinTarget, SwimOutcome } from '../swim/delegate.ts';
import type { NameConflict } from './conflict.ts';
import type { Outcome } from './effects.ts';
import type { SwimOperations } from './swim-operations.ts';
import type { SwimPort } from './swim-port.ts';

/** Joins that may wait for the one under way: one of every client the RPC port serves, for Serf lets any number wait. */
export const WAITING_JOINS_LIMIT = 512;

interface PendingJoin {
  readonly operation: OperationId;
  readonly targets: readonly JoinTarget[];
  readonly ignoreOld: boolean;
}

export interface JoinsParts {
  readonly swim: Pick<SwimPort, 'join'>;
  readonly operations: SwimOperations;
  readonly conflict: Pick<NameConflict, 'rival' | 'forgetRival'>;
  /** Tells the cluster that we joined. */
  readonly announce: (now: Millis) => void;
  readonly settle: (operation: OperationId, outcome: Outcome) => void;
}

/** Joins asked for by the operator, one at a time because ignoring old events concerns the whole node (serf.md 8.1). */
export class SerfJoins {
  readonly #parts: JoinsParts;
  readonly #waiting: PendingJoin[] = [];
  #current: PendingJoin | undefined;

  constructor(parts: JoinsParts) {
    this.#parts = parts;
  }

  /** Whether the join under way wants no events from before it; undefined when there is none. */
  get ignoresOld(): boolean | undefined {
    return this.#current?.ignoreOld;
  }

  get load(): Load {
    return { what: 'waiting joins', size: this.#waiting.length, limit: WAITING_JOINS_LIMIT };
  }

  start(now: Millis, operation: OperationId, targets: readonly JoinTarget[], ignoreOld: boolean): void {
    if (this.#waiting.length >= WAITING_JOINS_LIMIT) {
      throw new CodedError(
        'ERR_JOIN_BUSY',
        `${WAITING_JOINS_LIMIT} joins are waiting already; try again later`,
      );
    }
    this.#waiting.push({ operation, targets, ignoreOld });
    this.#startNext(now);
  }

  /** Gives up on every join: the node stops. */
  abort(): void {
    const pending = this.#current === undefined ? [] : [this.#current];
    pending.push(...this.#waiting.splice(0));
    this.#current = undefined;
    for (const { operation } of pending) this.#parts.settle(operation, { type: 'aborted' });
  }

  #startNext(now: Millis): void {
    if (this.#current !== undefined) return;
    const join = this.#waiting.shift();
    if (join === undefined) return;
    this.#current = join;
    const { swim, operations, conflict } = this.#parts;
    conflict.forgetRival();
    const id = operations.begin((at, outcome) => this.#ended(at, join, outcome));
    swim.join(now, id, join.targets);
  }

  #ended(now: Millis, join: PendingJoin, outcome: SwimOutcome): void {
    if (this.#current !== join || outcome.type !== 'joined') return;
    this.#current = undefined;
    if (outcome.contacted > 0) this.#parts.announce(now);
    const { rival } = this.#parts.conflict;
    this.#parts.settle(join.operation, rival === undefined ? outcome : { ...outcome, rival });
    this.#startNext(now);
  }
}
