import type { Deadlines } from '../base/deadlines.ts';
import { CodedError } from '../base/errors.ts';
import type { Millis, OperationId } from '../base/machine.ts';
import type { Trace } from '../base/trace.ts';
import type { SerfConfig } from './config.ts';
import type { SerfDeadline } from './deadline.ts';
import type { Outcome } from './effects.ts';
import type { LamportClock } from './lamport.ts';
import { hasAlivePeer } from './members.ts';
import type { Membership } from './membership.ts';
import { type LeaveIntent, leaveCodec } from './messages.ts';
import type { SwimOperations } from './swim-operations.ts';
import type { SwimPort } from './swim-port.ts';

/** Forced leaves that may wait for their broadcast at once. */
export const PENDING_REMOVALS_LIMIT = 1024;

/** Due at once: set while SWIM is busy, taken when the input that did it has been handled. */
const AT_ONCE = Number.NEGATIVE_INFINITY;

export interface LeavingParts {
  readonly self: string;
  readonly config: Pick<SerfConfig, 'broadcastTimeoutMs' | 'leavePropagateDelayMs'>;
  readonly clock: LamportClock;
  readonly deadlines: Deadlines<SerfDeadline>;
  readonly membership: Membership;
  readonly swim: Pick<SwimPort, 'leave'>;
  readonly operations: SwimOperations;
  readonly trace: Trace | undefined;
  /** Queues an encoded intent; `finished` is called when it has left the queue. */
  readonly broadcast: (message: Uint8Array, finished: () => void) => void;
  readonly settle: (operation: OperationId, outcome: Outcome) => void;
  /** The leave is complete. */
  readonly left: () => void;
}

/** The steps of a leave that wait for something. */
type LeaveStep = 'intent' | 'swim' | 'propagate';

/** Our own leave (serf.md 8.2) and leaves we declare for others (8.3). Nothing here sleeps: every wait is a deadline. */
export class Leaving {
  readonly #parts: LeavingParts;
  /** Forced leaves under way; true once their broadcast is out. */
  readonly #removals = new Map<OperationId, boolean>();
  #leave: { readonly operation: OperationId; step: LeaveStep; sent: boolean } | undefined;

  constructor(parts: LeavingParts) {
    this.#parts = parts;
  }

  /** Starts our leave. The caller has made sure that we are alive and marked us as leaving. */
  leave(now: Millis, operation: OperationId): void {
    const { self, membership, config } = this.#parts;
    const leave = { operation, step: 'intent' as LeaveStep, sent: false };
    this.#leave = leave;
    const message = this.#declare(now, self, false);
    if (!hasAlivePeer(membership.members, self)) {
      this.#leaveSwim(now);
      return;
    }
    this.#wake(now + config.broadcastTimeoutMs);
    this.#parts.broadcast(message, () => {
      if (leave.step !== 'intent') return;
      leave.sent = true;
      this.#wake(AT_ONCE);
    });
  }

  /** The deadline of the present step has come, or what it waited for has happened. */
  leaveDue(now: Millis): void {
    const leave = this.#leave;
    if (leave === undefined) return;
    if (leave.step === 'propagate') {
      this.#leave = undefined;
      this.#parts.left();
      this.#parts.settle(leave.operation, { type: 'done' });
      return;
    }
    if (leave.step !== 'intent') return;
    if (!leave.sent) this.#warn('timeout while waiting for graceful leave');
    this.#leaveSwim(now);
  }

  /** Declares that `name` has left. It need not be known. Throws when too many such leaves are under way. */
  remove(now: Millis, operation: OperationId, name: string, prune: boolean): void {
    const { self, membership, deadlines, config, settle } = this.#parts;
    if (this.#removals.size >= PENDING_REMOVALS_LIMIT) {
      throw new CodedError('ERR_REMOVAL_BUSY', `${PENDING_REMOVALS_LIMIT} forced leaves are waiting already`);
    }
    // Asked before the word counts here: of two members the other one, live after all, has to hear of it to object.
    const isHeard = hasAlivePeer(membership.members, self);
    const message = this.#declare(now, name, prune);
    if (!isHeard) {
      settle(operation, { type: 'done' });
      return;
    }
    const key = `force-leave:${operation}`;
    this.#removals.set(operation, false);
    deadlines.set(key, now + config.broadcastTimeoutMs, { type: 'force-leave', operation });
    this.#parts.broadcast(message, () => {
      if (!this.#removals.has(operation)) return;
      this.#removals.set(operation, true);
      deadlines.set(key, AT_ONCE, { type: 'force-leave', operation });
    });
  }

  /** A forced leave was sent, or its time is over. */
  removalDue(operation: OperationId): void {
    const sent = this.#removals.get(operation);
    if (sent === undefined) return;
    this.#removals.delete(operation);
    this.#parts.settle(operation, { type: sent ? 'done' : 'timeout' });
  }

  /** Gives up on everything: the node stops. */
  abort(): void {
    const pending = [...this.#removals.keys()];
    if (this.#leave !== undefined) pending.push(this.#leave.operation);
    this.#removals.clear();
    this.#leave = undefined;
    for (const operation of pending) this.#parts.settle(operation, { type: 'aborted' });
  }

  /** Makes a leave intent, takes it in here, and returns it encoded. */
  #declare(now: Millis, node: string, prune: boolean): Uint8Array {
    const { clock, membership } = this.#parts;
    const intent: LeaveIntent = { ltime: clock.time, node, prune };
    clock.increment();
    membership.leaveIntent(now, intent);
    return leaveCodec.encode(intent);
  }

  #leaveSwim(now: Millis): void {
    const { swim, operations, config } = this.#parts;
    const leave = this.#leave;
    if (leave === undefined) return;
    leave.step = 'swim';
    const id = operations.begin((at, outcome) => {
      if (this.#leave !== leave) return;
      if (outcome.type === 'timeout') this.#warn('timeout waiting for leave broadcast');
      leave.step = 'propagate';
      this.#wake(at + config.leavePropagateDelayMs);
    });
    swim.leave(now, id, config.broadcastTimeoutMs);
  }

  #wake(at: Millis): void {
    this.#parts.deadlines.set('leave', at, { type: 'leave' });
  }

  #warn(message: string): void {
    this.#parts.trace?.note({ level: 'WARN', source: 'serf', message });
  }
}
