import type { Load } from '../base/load.ts';
import type { Address, Machine, Millis, OperationId } from '../base/machine.ts';
import type { Remains } from '../swim/burials.ts';
import type { JoinTarget, SwimMember } from '../swim/delegate.ts';
import type { MemberView } from '../swim/members.ts';

/** Sends one best-effort user message; `peer` names the node expected at `to`, if known. */
export type SendUser = (to: Address, payload: Uint8Array, peer?: string) => void;

/** What the Serf layer uses of SWIM; `Swim` has this shape. */
export interface SwimPort extends Machine {
  start(now: Millis): void;
  join(now: Millis, operation: OperationId, targets: readonly JoinTarget[]): void;
  leave(now: Millis, operation: OperationId, timeoutMs: number): void;
  update(now: Millis, operation: OperationId, timeoutMs: number): void;
  /** Pings somebody who is no live member; `answered` is called at most once. */
  contact(to: Address, name: string, answered: (now: Millis) => void): void;
  /** Lets no peer bring back a member that is gone, for so long. */
  bury(now: Millis, name: string, remains: Remains | undefined, keepMs: Millis): void;
  /** Takes members as known and alive, and tells nobody. */
  preload(now: Millis, members: readonly SwimMember[]): void;
  /** Ends every input to the machine: something may have been queued for gossip. */
  attend(now: Millis): void;
  sendUser(to: Address, payload: Uint8Array, peer?: string): void;
  /** The host woke us `lateMs` after our deadline. */
  lagged(now: Millis, lateMs: Millis): void;
  shutdown(now: Millis): void;
  loads(): Load[];
  readonly members: MemberView;
  readonly self: SwimMember;
  readonly healthScore: number;
  readonly encrypted: boolean;
  readonly counters: ReadonlyMap<string, number>;
}
