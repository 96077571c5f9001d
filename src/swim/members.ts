import { mayBeIpText } from '../base/address.ts';
import type { Load } from '../base/load.ts';
import type { Millis } from '../base/machine.ts';
import { NamedRows, widened } from '../base/named-rows.ts';
import type { Random } from '../base/random.ts';
import type { MemberFacts, SwimMember, SwimStatus } from './delegate.ts';
import { type Columns, LAST_LIVE_STATUS, type MemberRecord, Row, STATUSES } from './member-row.ts';

export type { MemberRecord };

/** A live, read-only view of the table. */
export interface MemberView {
  /** All records: self, dead and left included. The N of every formula. */
  readonly size: number;
  /** Alive and suspect records, self included. */
  readonly liveCount: number;
  /** When anything was last heard from any other node; undefined before that. */
  readonly heardAt: Millis | undefined;
  get(name: string): SwimMember | undefined;
  values(): Iterable<SwimMember>;
  /** As `values`, without an object per record. */
  each(visit: (facts: MemberFacts, incarnation: number, status: SwimStatus) => void): void;
}

/** Random draws per wanted member before a table is searched whole; a smaller one is searched at once (memberlist.md 4.1). */
const DRAWS_PER_MEMBER = 3;
/** Buried records kept; the one buried first gives way. */
export const BURIED_LIMIT = 128;

/** True for the statuses an application counts as members. */
export function isLive(member: SwimMember): boolean {
  return member.status === 'alive' || member.status === 'suspect';
}

/**
 * The member table: columns by row, an index by name, and the rows in probe order. Each probe cycle visits every record
 * once in an order shuffled anew, and purging happens only between cycles (SWIM §4.3; memberlist.md 3.9, 4.1).
 */
export class MemberTable implements MemberView {
  readonly #columns: Columns;
  /** Rows in probe order; as many as there are records count. */
  #order = new Uint32Array(0);
  /** Buried members, the first one buried first, and how long each is kept. */
  readonly #buried = new Map<string, Millis>();
  readonly #random: Random;
  #live = 0;
  #probeIndex = 0;
  /** Not a number before the first: a field that holds nothing but numbers is changed in place. */
  #heardAt: Millis = Number.NaN;
  #addressNames = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#columns = {
      rows: new NamedRows(random.below(2 ** 32)),
      incarnation: new Uint32Array(0),
      status: new Uint8Array(0),
      since: new Float64Array(0),
    };
    this.#widen();
  }

  get size(): number {
    return this.#columns.rows.size;
  }

  get liveCount(): number {
    return this.#live;
  }

  get heardAt(): Millis | undefined {
    return Number.isNaN(this.#heardAt) ? undefined : this.#heardAt;
  }

  /** A message from another node has come that makes sense. */
  heard(now: Millis): void {
    this.#heardAt = now;
  }

  /** False when no record's name can be the text of an IP address. */
  get hasAddressNames(): boolean {
    return this.#addressNames > 0;
  }

  get buriedLoad(): Load {
    return { what: 'buried members', size: this.#buried.size, limit: BURIED_LIMIT };
  }

  get(name: string): MemberRecord | undefined {
    const row = this.#columns.rows.find(name);
    return row < 0 ? undefined : new Row(this.#columns, row);
  }

  /** In probe order. */
  *values(): Iterable<MemberRecord> {
    for (let i = 0; i < this.size; i += 1) yield this.#at(i);
  }

  each(visit: (facts: MemberFacts, incarnation: number, status: SwimStatus) => void): void {
    const { rows, incarnation, status } = this.#columns;
    for (let i = 0; i < this.size; i += 1) {
      const row = this.#order[i] as number;
      const facts = rows.at(row) as MemberFacts;
      visit(facts, incarnation[row] as number, STATUSES[status[row] as number] as SwimStatus);
    }
  }

  /** True when a live record holds these very facts, at this incarnation or a later one. */
  hasHeard(facts: MemberFacts, incarnation: number): boolean {
    const { rows, incarnation: incarnations, status } = this.#columns;
    const row = rows.find(facts.name);
    if (row < 0 || rows.at(row) !== facts || incarnation > (incarnations[row] as number)) return false;
    return (status[row] as number) <= LAST_LIVE_STATUS;
  }

  /** Adds those who are unknown, as alive, in a shuffled order and with no room left over. */
  load(now: Millis, members: readonly SwimMember[]): void {
    this.#columns.rows.reserve(members.length);
    for (const { facts, incarnation } of members) {
      if (this.#columns.rows.find(facts.name) >= 0) continue;
      const record = this.insert(facts);
      record.incarnation = incarnation;
      this.setStatus(record, 'alive', now);
    }
  }

  /** Adds an unknown member as dead since for ever, at a random place, so that new members are not probed last. */
  insert(facts: MemberFacts): MemberRecord {
    const columns = this.#columns;
    const count = columns.rows.size;
    const row = columns.rows.add(facts);
    if (mayBeIpText(facts.name)) this.#addressNames += 1;
    this.#widen();
    columns.incarnation[row] = 0;
    columns.status[row] = STATUSES.indexOf('dead');
    columns.since[row] = Number.NEGATIVE_INFINITY;
    const at = this.#random.below(count + 1);
    this.#order[count] = this.#order[at] as number;
    this.#order[at] = row;
    return new Row(columns, row);
  }

  /** Moves a record to another status; the same status again changes nothing. */
  setStatus(record: MemberRecord, status: SwimStatus, now: Millis): void {
    if (record.status === status) return;
    if (isLive(record)) this.#live -= 1;
    this.#columns.status[record.row] = STATUSES.indexOf(status);
    this.#columns.since[record.row] = now;
    if (!isLive(record)) return;
    this.#live += 1;
    this.#buried.delete(record.facts.name);
  }

  /**
   * Keeps the record of a member that is gone as left, and longer than others. What a peer says that still believes in
   * it is then stale; the member itself hears from us that it is gone, and refutes. A live member is not touched.
   */
  bury(now: Millis, facts: MemberFacts, incarnation: number, keepMs: Millis): void {
    const record = this.get(facts.name) ?? this.insert(facts);
    if (isLive(record)) return;
    record.incarnation = Math.max(record.incarnation, incarnation);
    this.setStatus(record, 'left', now);
    this.#buried.delete(facts.name);
    this.#buried.set(facts.name, now + keepMs);
    const first = this.#buried.keys().next();
    if (this.#buried.size > BURIED_LIMIT && first.done !== true) this.#buried.delete(first.value);
  }

  /** True while the record of a buried member is kept. */
  isBuried(name: string, now: Millis): boolean {
    return (this.#buried.get(name) ?? Number.NEGATIVE_INFINITY) >= now;
  }

  /**
   * The next record to probe, or undefined when nobody is eligible. The wrap to a new cycle counts as one skipped
   * record, as memberlist counts it, so a lone peer is probed every one or two intervals.
   */
  nextProbe(self: string, now: Millis, keepDeadMs: Millis): MemberRecord | undefined {
    let skipped = 0;
    while (skipped < this.size) {
      if (this.#probeIndex >= this.size) {
        this.#purge(now, keepDeadMs);
        this.#probeIndex = 0;
        skipped += 1;
        continue;
      }
      const record = this.#at(this.#probeIndex);
      this.#probeIndex += 1;
      if (record.facts.name !== self && isLive(record)) return record;
      skipped += 1;
    }
    return undefined;
  }

  /**
   * Up to `count` distinct records that `accepts` lets through, at random. A few draws find them in a large table of
   * mostly eligible records; where they do not, the whole table is searched, so that nobody eligible is missed.
   */
  pick(count: number, accepts: (record: MemberRecord) => boolean): MemberRecord[] {
    const picked: MemberRecord[] = [];
    const consider = (record: MemberRecord): void => {
      if (accepts(record) && !picked.some(({ row }) => row === record.row)) picked.push(record);
    };
    const total = this.size;
    const draws = total < DRAWS_PER_MEMBER * count ? 0 : DRAWS_PER_MEMBER * count;
    for (let draw = 0; draw < draws && picked.length < count; draw += 1) {
      consider(this.#at(this.#random.below(total)));
    }
    if (picked.length === count) return picked;
    const rest = this.#order.slice(0, total);
    for (let left = total; left > 0 && picked.length < count; left -= 1) {
      consider(new Row(this.#columns, takeAny(rest, left, this.#random)));
    }
    return picked;
  }

  #at(place: number): Row {
    return new Row(this.#columns, this.#order[place] as number);
  }

  /** Forgets dead and left records older than `keepDeadMs`, then shuffles what remains. */
  #purge(now: Millis, keepDeadMs: Millis): void {
    for (const [name, until] of this.#buried) if (until < now) this.#buried.delete(name);
    const total = this.size;
    let kept = 0;
    for (let i = 0; i < total; i += 1) {
      const record = this.#at(i);
      if (isLive(record) || now - record.since <= keepDeadMs || this.#buried.has(record.facts.name)) {
        this.#order[kept] = record.row;
        kept += 1;
      } else {
        if (mayBeIpText(record.facts.name)) this.#addressNames -= 1;
        this.#columns.rows.remove(record.row);
      }
    }
    for (let left = kept; left > 1; left -= 1) takeAny(this.#order, left, this.#random);
  }

  /** Makes the columns as long as the rows have grown. */
  #widen(): void {
    const columns = this.#columns;
    const { capacity } = columns.rows;
    if (columns.status.length >= capacity) return;
    columns.incarnation = widened(columns.incarnation, new Uint32Array(capacity));
    columns.status = widened(columns.status, new Uint8Array(capacity));
    columns.since = widened(columns.since, new Float64Array(capacity));
    this.#order = widened(this.#order, new Uint32Array(capacity));
  }
}

/** Any of the first `left` items, which is moved to the end of them (a step of Fisher and Yates' shuffle). */
function takeAny(items: Uint32Array, left: number, random: Random): number {
  const at = random.below(left);
  const taken = items[at] as number;
  items[at] = items[left - 1] as number;
  items[left - 1] = taken;
  return taken;
}
