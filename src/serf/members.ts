import { ipText } from '../base/address.ts';
import type { Millis } from '../base/machine.ts';
import { NamedRows, widened } from '../base/named-rows.ts';
import type { MemberEventType, MemberInfo, MemberStatus } from '../events/event.ts';
import type { MemberFacts } from '../swim/delegate.ts';
import { decodeTags } from './tags.ts';

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

/** A record as its owner sees it; of use until it is erased. */
export interface MemberRecord extends SerfMember {
  /** Its place in the table. */
  readonly row: number;
  facts: MemberFacts;
  /** Setting it makes it no hearsay. */
  statusLTime: number;
  /** True when the time is known from an exchange of states alone, which does not say whether the member joined or left. */
  hearsay: boolean;
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
  /**
   * The time and name of each, without an object per member, as others are told them. They take the time for one of a
   * join, and would hold the leave of a leaving member for nothing new: of such a one they are told the time before it, until it
   lingers: it may live and have to hear of a false leave, to object.
   */
  eachLTime(visit: (statusLTime: number, name: string) => void): void;
  /** Failed members, in the order they failed. */
  readonly failed: ReadonlySet<SerfMember>;
  /** Left members, in the order they left. */
  readonly left: ReadonlySet<SerfMember>;
}

const STATUSES = ['none', 'alive', 'leaving', 'left', 'failed'] as const satisfies readonly MemberStatus[];

const LEAVING = STATUSES.indexOf('leaving');
/** Leaving for longer than a leave takes. */
const LINGERING = STATUSES.length;

/** What every member has, row by row; replaced by longer columns as the table grows. */
interface Columns {
  readonly rows: NamedRows<MemberFacts>;
  /** Indices of STATUSES, or LINGERING. */
  status: Uint8Array;
  /** Below zero where it is hearsay. */
  statusLTime: Float64Array;
}

/**
 * A way to look at a row and change it, made when asked for. What only a failed or left member has is kept here: of
 * those the table holds one such object each.
 */
class Row implements MemberRecord {
  readonly row: number;
  leaveTime: Millis | undefined;
  incarnation = 0;
  readonly #columns: Columns;
  #facts: MemberFacts;

  constructor(columns: Columns, row: number) {
    this.row = row;
    this.#columns = columns;
    this.#facts = columns.rows.at(row) as MemberFacts;
  }

  get name(): string {
    return this.#facts.name;
  }

  get facts(): MemberFacts {
    return this.#facts;
  }

  set facts(facts: MemberFacts) {
    this.#facts = facts;
    this.#columns.rows.replace(this.row, facts);
  }

  get tags(): ReadonlyMap<string, string> {
    return decodeTags(this.#facts.meta);
  }

  get status(): MemberStatus {
    return STATUSES[this.#columns.status[this.row] as number] ?? 'leaving';
  }

  get statusLTime(): number {
    return Math.abs(this.#columns.statusLTime[this.row] as number);
  }

  set statusLTime(ltime: number) {
    this.#columns.statusLTime[this.row] = ltime;
  }

  get hearsay(): boolean {
    return (this.#columns.statusLTime[this.row] as number) < 0;
  }

  set hearsay(hearsay: boolean) {
    this.#columns.statusLTime[this.row] = hearsay ? -this.statusLTime : this.statusLTime;
  }
}

/** Serf's member table, in columns like SWIM's, with its lists of failed and left members. */
export class SerfMembers implements SerfMemberView {
  readonly #columns: Columns;
  /** The records of failed and left members, by row. */
  readonly #gone = new Map<number, MemberRecord>();
  readonly #failed = new Set<MemberRecord>();
  readonly #left = new Set<MemberRecord>();

  /** @param seed any integer, best a random one; see `NamedRows` */
  constructor(seed: number) {
    this.#columns = {
      rows: new NamedRows(seed),
      status: new Uint8Array(0),
      statusLTime: new Float64Array(0),
    };
    this.#widen();
  }

  get size(): number {
    return this.#columns.rows.size;
  }

  get failed(): ReadonlySet<SerfMember> {
    return this.#failed;
  }

  get left(): ReadonlySet<SerfMember> {
    return this.#left;
  }

  get(name: string): MemberRecord | undefined {
    const row = this.#columns.rows.find(name);
    return row < 0 ? undefined : this.#at(row);
  }

  eachLTime(visit: (statusLTime: number, name: string) => void): void {
    const { rows, status, statusLTime } = this.#columns;
    for (let row = 0; row < rows.top; row += 1) {
      const facts = rows.at(row);
      if (facts === undefined) continue;
      const ltime = Math.abs(statusLTime[row] as number);
      visit(status[row] === LEAVING && ltime > 0 ? ltime - 1 : ltime, facts.name);
    }
  }

  *values(): Iterable<MemberRecord> {
    const { rows } = this.#columns;
    for (let row = 0; row < rows.top; row += 1) if (rows.at(row) !== undefined) yield this.#at(row);
  }

  /** Adds those who are unknown, as alive, with no room left over. */
  load(stories: readonly MemberFacts[]): void {
    const { rows } = this.#columns;
    rows.reserve(stories.length);
    for (const facts of stories) if (rows.find(facts.name) < 0) this.add(facts, 'alive');
  }

  /** Adds an unknown member. */
  add(facts: MemberFacts, status: MemberStatus): MemberRecord {
    const columns = this.#columns;
    const row = columns.rows.add(facts);
    this.#widen();
    columns.statusLTime[row] = 0;
    const record = new Row(columns, row);
    this.setStatus(record, status);
    return record;
  }

  /** Changes a status and keeps the lists in step. */
  setStatus(record: MemberRecord, status: MemberStatus): void {
    this.#columns.status[record.row] = STATUSES.indexOf(status);
    if (status !== 'failed') this.#failed.delete(record);
    if (status !== 'left') this.#left.delete(record);
    if (status === 'failed') this.#failed.add(record);
    if (status === 'left') this.#left.add(record);
    if (status === 'failed' || status === 'left') this.#gone.set(record.row, record);
    else this.#gone.delete(record.row);
  }

  /** A leave that takes too long: true when the member lingers from now on. One that lingered already is alive. */
  overdue(name: string): boolean {
    const record = this.get(name);
    if (record?.status !== 'leaving') return false;
    const { status } = this.#columns;
    const lingers = status[record.row] === LEAVING;
    if (lingers) status[record.row] = LINGERING;
    else this.setStatus(record, 'alive');
    return lingers;
  }

  erase(record: MemberRecord): void {
    this.#columns.rows.remove(record.row);
    this.#gone.delete(record.row);
    this.#failed.delete(record);
    this.#left.delete(record);
  }

  #at(row: number): MemberRecord {
    return this.#gone.get(row) ?? new Row(this.#columns, row);
  }

  /** Makes the columns as long as the rows have grown. */
  #widen(): void {
    const columns = this.#columns;
    const { capacity } = columns.rows;
    if (columns.status.length >= capacity) return;
    columns.status = widened(columns.status, new Uint8Array(capacity));
    columns.statusLTime = widened(columns.statusLTime, new Float64Array(capacity));
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

/** True when somebody besides `self` is alive and could hear us. */
export function hasAlivePeer(members: SerfMemberView, self: string): boolean {
  for (const { name, status } of members.values()) if (status === 'alive' && name !== self) return true;
  return false;
}

/** Serf counts a leave under its status text (serf.md 21). */
export const EVENT_COUNTERS = {
  'member-join': 'serf.member.join',
  'member-leave': 'serf.member.left',
  'member-failed': 'serf.member.failed',
  'member-update': 'serf.member.update',
} as const satisfies Partial<Record<MemberEventType, string>>;

/** A member's address as text, for log lines. */
export function addressOf({ facts }: SerfMember): string {
  return ipText(facts.addr) ?? '?';
}

/** The member as it is now. */
export function infoOf(member: SerfMember): MemberInfo {
  return memberInfo(member.facts, member.tags, member.status);
}

/** Members as an application sees them, sorted by name. */
export function sortedInfos(members: Pick<SerfMemberView, 'values'>): MemberInfo[] {
  const infos = [...members.values()].map(infoOf);
  return infos.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
