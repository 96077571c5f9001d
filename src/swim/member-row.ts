import type { Millis } from '../base/machine.ts';
import type { NamedRows } from '../base/named-rows.ts';
import type { MemberFacts, SwimMember, SwimStatus } from './delegate.ts';

/** A record as its owner sees it; everybody else gets the read-only `SwimMember`. Of use until it is purged. */
export interface MemberRecord extends SwimMember {
  /** Its place in the table. */
  readonly row: number;
  facts: MemberFacts;
  incarnation: number;
}

/** The live ones first. */
export const STATUSES = ['alive', 'suspect', 'dead', 'left'] as const satisfies readonly SwimStatus[];
export const LAST_LIVE_STATUS = 1;

/** What is known of the members beside their facts, row by row; replaced by longer ones as the table grows. */
export interface Columns {
  readonly rows: NamedRows<MemberFacts>;
  incarnation: Uint32Array;
  /** Indices of STATUSES. */
  status: Uint8Array;
  since: Float64Array;
}

/** A way to look at a row and change it; made when asked for, so that a table of ten thousand holds no object per member. */
export class Row implements MemberRecord {
  readonly row: number;
  readonly #columns: Columns;
  #facts: MemberFacts;

  constructor(columns: Columns, row: number) {
    this.row = row;
    this.#columns = columns;
    this.#facts = columns.rows.at(row) as MemberFacts;
  }

  get facts(): MemberFacts {
    return this.#facts;
  }

  set facts(facts: MemberFacts) {
    this.#facts = facts;
    this.#columns.rows.replace(this.row, facts);
  }

  get incarnation(): number {
    return this.#columns.incarnation[this.row] as number;
  }

  set incarnation(incarnation: number) {
    this.#columns.incarnation[this.row] = incarnation;
  }

  get status(): SwimStatus {
    return STATUSES[this.#columns.status[this.row] as number] as SwimStatus;
  }

  get since(): Millis {
    return this.#columns.since[this.row] as Millis;
  }
}
