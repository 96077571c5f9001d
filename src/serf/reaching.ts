import type { Millis, OperationId } from '../base/machine.ts';
import type { JoinFailure, JoinTarget } from '../swim/delegate.ts';
import type { Outcome } from './effects.ts';
import type { SerfMemberView } from './members.ts';
import type { SwimOperations } from './swim-operations.ts';
import type { SwimPort } from './swim-port.ts';

export interface ReachingParts {
  readonly swim: Pick<SwimPort, 'join'>;
  readonly operations: SwimOperations;
  readonly members: SerfMemberView;
  /** False once we are leaving: then nobody is looked for. */
  readonly staying: () => boolean;
  readonly settle: (operation: OperationId, outcome: Outcome) => void;
}

interface Reach {
  readonly operation: OperationId;
  readonly failures: JoinFailure[];
  readonly isFirst: boolean;
  contacted: number;
  pending: number;
}

/**
 * Contacts places where members should be, over and over for as long as they are not. Like a reconnect (serf.md 8.5)
 * it makes no join intent and delays nobody's join; all places are contacted at once, so that dead ones keep none
 * waiting.
 */
export class Reaching {
  readonly #parts: ReachingParts;
  readonly #running = new Set<Reach>();

  constructor(parts: ReachingParts) {
    this.#parts = parts;
  }

  /** True while a node that has never met anybody looks for its first member: older events are not for it. */
  get ignoresOld(): boolean {
    for (const { isFirst } of this.#running) if (isFirst) return true;
    return false;
  }

  start(now: Millis, operation: OperationId, targets: readonly JoinTarget[]): void {
    const { swim, operations, members, staying, settle } = this.#parts;
    if (!staying()) {
      settle(operation, { type: 'aborted' });
      return;
    }
    const reach: Reach = {
      operation,
      failures: [],
      isFirst: members.size <= 1,
      contacted: 0,
      pending: targets.length,
    };
    this.#running.add(reach);
    for (const target of targets) {
      const id = operations.begin((_at, outcome) => {
        if (outcome.type !== 'joined') return;
        reach.contacted += outcome.contacted;
        reach.failures.push(...outcome.failures);
        reach.pending -= 1;
        if (reach.pending === 0) this.#settle(reach);
      });
      swim.join(now, id, [target]);
    }
    if (targets.length === 0) this.#settle(reach);
  }

  /** Gives up on everything: the node stops. */
  abort(): void {
    for (const { operation } of this.#running) this.#parts.settle(operation, { type: 'aborted' });
    this.#running.clear();
  }

  #settle(reach: Reach): void {
    if (!this.#running.delete(reach)) return;
    const { operation, contacted, failures } = reach;
    this.#parts.settle(operation, { type: 'joined', contacted, failures });
  }
}
