import type { Millis } from '../base/machine.ts';
import type { MemberInfo, MemberStatus } from '../events/event.ts';
import type { MemberFacts } from '../swim/delegate.ts';

/** What Serf keeps of a member (serf.md 6.1). */
export interface SerfMember {
  readonly name: string;
  readonly facts: MemberFacts;
  readonly tags: ReadonlyMap<string, string>;
  readonly status: MemberStatus;
  /** Lamport time of the last intent accepted. */
  readonly statusLTime: number;
  /** When the member failed or left; reaping counts from here. */
  readonly leaveTime: Millis | undefined;
}

/** A record as its owner sees it. */
export interface MemberRecord extends SerfMember {
  facts: MemberFacts;
  tags: ReadonlyMap<string, string>;
  status: MemberStatus;
  statusLTime: number;
  leaveTime: Millis | undefined;
  /** Of SWIM, when the member failed or left; 0 before that. */
  incarnation: number;
}

/** A read-only view for parts that only look. */
export interface SerfMemberView {
  /** Members of every status. */
  readonly size: number;
  get(name: string): SerfMember | undefined;
  values(): Iterable<SerfMember>;
  /** Failed members, in the order they failed. */
  readonly failed: ReadonlySet<SerfMember>;
  /** Left members, in the order they left. */
  readonly left: ReadonlySet<SerfMember>;
}

/** Serf's member table with its lists of failed and left members. */
export class SerfMembers implements SerfMemberView {
  readonly #byName = new Map<string, MemberRecord>();
  readonly #failed = new Set<MemberRecord>();
  readonly #left = new Set<MemberRecord>();

  get size(): number {
    return this.#byName.size;
  }

  get failed(): ReadonlySet<SerfMember> {
    return this.#failed;
  }

  get left(): ReadonlySet<SerfMember> {
    return this.#left;
  }

  get(name: string): MemberRecord | undefined {
    return this.#byName.get(name);
  }

  values(): Iterable<MemberRecord> {
    return this.#byName.values();
  }

  /** Adds an unknown member. */
  add(facts: MemberFacts, tags: ReadonlyMap<string, string>, status: MemberStatus): MemberRecord {
    const record: MemberRecord = {
      name: facts.name,
      facts,
      tags,
      status,
      statusLTime: 0,
      leaveTime: undefined,
      incarnation: 0,
    };
    this.#byName.set(facts.name, record);
    this.setStatus(record, status);
    return record;
  }

  /** Changes a status and keeps the lists in step. */
  setStatus(record: MemberRecord, status: MemberStatus): void {
    record.status = status;
    if (status !== 'failed') this.#failed.delete(record);
    if (status !== 'left') this.#left.delete(record);
    if (status === 'failed') this.#failed.add(record);
    if (status === 'left') this.#left.add(record);
  }

  erase(record: MemberRecord): void {
    this.#byName.delete(record.name);
    this.#failed.delete(record);
    this.#left.delete(record);
  }
}

/** A value copy for events, listings and answers. */
export function memberInfo(
  facts: MemberFacts,
  tags: ReadonlyMap<string, string>,
  status: MemberStatus,
): MemberInfo {
  const { vsn } = facts;
  return {
    name: facts.name,
    addr: facts.addr,
    port: facts.port,
    tags,
    status,
    protocolMin: vsn[0] ?? 0,
    protocolMax: vsn[1] ?? 0,
    protocolCur: vsn[2] ?? 0,
    delegateMin: vsn[3] ?? 0,
    delegateMax: vsn[4] ?? 0,
    delegateCur: vsn[5] ?? 0,
  };
}

/** The member as it is now. */
export function infoOf(member: SerfMember): MemberInfo {
  return memberInfo(member.facts, member.tags, member.status);
}
