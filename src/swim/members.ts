import type { Millis } from '../base/machine.ts';
import { type Random, shuffle } from '../base/random.ts';
import type { MemberFacts, SwimMember, SwimStatus } from './delegate.ts';

/** A record as its owner sees it; everybody else gets the read-only `SwimMember`. */
export interface MemberRecord extends SwimMember {
  facts: MemberFacts;
  incarnation: number;
  status: SwimStatus;
  since: Millis;
}

/** A live, read-only view of the table. */
export interface MemberView {
  /** All records: self, dead and left included. The N of every formula. */
  readonly size: number;
  /** Alive and suspect records, self included. */
  readonly liveCount: number;
  get(name: string): SwimMember | undefined;
  values(): Iterable<SwimMember>;
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
 * The member table: an array in probe order and a map by name. Each probe cycle visits every record once in an order
 * shuffled anew, and purging happens only between cycles (SWIM §4.3; memberlist.md 3.9, 4.1).
 */
export class MemberTable implements MemberView {
  #list: MemberRecord[] = [];
  readonly #byName = new Map<string, MemberRecord>();
  /** Buried members, the first one buried first, and how long each is kept. */
  readonly #buried = new Map<string, Millis>();
  readonly #random: Random;
  #live = 0;
  #probeIndex = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#list.length;
  }

  get liveCount(): number {
    return this.#live;
  }

  get(name: string): MemberRecord | undefined {
    return this.#byName.get(name);
  }

  values(): Iterable<MemberRecord> {
    return this.#list;
  }

  /** Adds an unknown member as dead since for ever, at a random place, so that new members are not probed last. */
  insert(facts: MemberFacts): MemberRecord {
    const record: MemberRecord = { facts, incarnation: 0, status: 'dead', since: Number.NEGATIVE_INFINITY };
    this.#byName.set(facts.name, record);
    const at = this.#random.below(this.#list.length + 1);
    const displaced = this.#list[at];
    this.#list[at] = record;
    if (displaced !== undefined) this.#list.push(displaced);
    return record;
  }

  /** Moves a record to another status; the same status again changes nothing. */
  setStatus(record: MemberRecord, status: SwimStatus, now: Millis): void {
    if (record.status === status) return;
    if (isLive(record)) this.#live -= 1;
    record.status = status;
    record.since = now;
    if (!isLive(record)) return;
    this.#live += 1;
    this.#buried.delete(record.facts.name);
  }

  /**
   * Keeps the record of a member that is gone as left, and longer than others. What a peer says that still believes in
   * it is then stale; the member itself hears from us that it is gone, and refutes. A live member is not touched.
   */
  bury(now: Millis, facts: MemberFacts, incarnation: number, keepMs: Millis): void {
    const record = this.#byName.get(facts.name) ?? this.insert(facts);
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
    while (skipped < this.#list.length) {
      const record = this.#list[this.#probeIndex];
      if (record === undefined) {
        this.#purge(now, keepDeadMs);
        this.#probeIndex = 0;
        skipped += 1;
        continue;
      }
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
    const total = this.#list.length;
    const draws = total < DRAWS_PER_MEMBER * count ? 0 : DRAWS_PER_MEMBER * count;
    for (let draw = 0; draw < draws && picked.length < count; draw += 1) {
      const record = this.#list[this.#random.below(total)] as MemberRecord;
      if (accepts(record) && !picked.includes(record)) picked.push(record);
    }
    if (picked.length === count) return picked;
    const copy = [...this.#list];
    shuffle(copy, this.#random);
    for (const record of copy) {
      if (picked.length === count) break;
      if (accepts(record) && !picked.includes(record)) picked.push(record);
    }
    return picked;
  }

  /** Forgets dead and left records older than `keepDeadMs`, then shuffles what remains. */
  #purge(now: Millis, keepDeadMs: Millis): void {
    for (const [name, until] of this.#buried) if (until < now) this.#buried.delete(name);
    const kept = this.#list.filter(
      (record) => isLive(record) || now - record.since <= keepDeadMs || this.#buried.has(record.facts.name),
    );
    if (kept.length !== this.#list.length) {
      const keep = new Set(kept);
      for (const record of this.#list) if (!keep.has(record)) this.#byName.delete(record.facts.name);
      this.#list = kept;
    }
    shuffle(this.#list, this.#random);
  }
}
