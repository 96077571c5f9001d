import type { MemberFacts } from './delegate.ts';

/** What a message says about a member, whatever carried it. */

export interface AliveClaim {
  readonly facts: MemberFacts;
  readonly incarnation: number;
  /** Our own announcement at start or after a metadata change: believed even about ourselves. */
  readonly bootstrap: boolean;
}

/** A suspect or dead claim; `from` is the accuser. */
export interface Accusation {
  readonly name: string;
  readonly incarnation: number;
  readonly from: string;
}
