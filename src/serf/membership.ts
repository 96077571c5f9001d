import { hostPort } from '../base/address.ts';
import type { Counters } from '../base/counters.ts';
import type { Deadlines } from '../base/deadlines.ts';
import type { Millis } from '../base/machine.ts';
import type { Trace, TraceLevel } from '../base/trace.ts';
import type { MemberEvent, MemberEventType } from '../events/event.ts';
import type { Remains } from '../swim/burials.ts';
import type { MemberFacts } from '../swim/delegate.ts';
import { Burials } from './burials.ts';
import type { SerfConfig } from './config.ts';
import type { SerfDeadline } from './deadline.ts';
import { judgeJoin, judgeLeave, RecentIntents } from './intents.ts';
import type { LamportClock } from './lamport.ts';
import { LeaveTimers } from './leave-timers.ts';
import {
  addressOf,
  EVENT_COUNTERS,
  infoOf,
  type MemberRecord,
  type SerfMember,
  type SerfMembers,
  type SerfMemberView,
} from './members.ts';
import { type JoinIntent, joinCodec, type LeaveIntent, STATUS_NUMBERS } from './messages.ts';
import { noteUnreadableTags } from './unreadable-tags.ts';

export interface MembershipParts {
  /** Our own name. */
  readonly self: string;
  readonly table: SerfMembers;
  readonly config: Pick<
    SerfConfig,
    | 'flapTimeoutMs'
    | 'broadcastTimeoutMs'
    | 'leavePropagateDelayMs'
    | 'recentIntentTimeoutMs'
    | 'reconnectTimeoutOverride'
    | 'tombstoneTimeoutMs'
  >;
  readonly clock: LamportClock;
  readonly deadlines: Deadlines<SerfDeadline>;
  readonly counters: Counters;
  readonly trace: Trace | undefined;
  /** False once we are leaving: then a leave intent about us is true and not refuted. */
  readonly staying: () => boolean;
  readonly emit: (now: Millis, event: MemberEvent) => void;
  /** Somebody who is no member, and may once have been one, is said to have left. */
  readonly strangerLeft: (name: string) => void;
  /** A member was pruned: peers that still believe in it must not bring it back, for so long. */
  readonly bury: (now: Millis, name: string, remains: Remains | undefined, keepMs: Millis) => void;
  /** Queues an encoded intent for gossip. */
  readonly broadcast: (message: Uint8Array) => void;
}

/** Carries out what SWIM notices and intents mean for the member table (serf.md 6). */
export class Membership {
  readonly #parts: MembershipParts;
  readonly #table: SerfMembers;
  readonly #intents = new RecentIntents();
  readonly #burials: Burials;
  readonly #timers: LeaveTimers;
  /** What is said of us with an earlier time concerns an earlier life, which the snapshot remembers. */
  readonly #bornAt: number;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    this.#bornAt = parts.clock.time;
    this.#table = parts.table;
    this.#timers = new LeaveTimers(parts.deadlines, parts.config);
    const keepMs = parts.config.tombstoneTimeoutMs;
    this.#burials = new Burials((now, name, remains) => parts.bury(now, name, remains, keepMs), keepMs);
  }

  get members(): SerfMemberView {
    return this.#table;
  }

  /** SWIM saw a member come. */
  joined(now: Millis, facts: MemberFacts): void {
    this.#retirePredecessors(now, facts);
    this.#burials.back(facts.name);
    const known = this.#table.get(facts.name);
    const record = known === undefined ? this.#admit(now, facts) : this.#revive(now, known, facts);
    this.#log('INFO', 'EventMemberJoin', `EventMemberJoin: ${record.name} ${addressOf(record)}`, record);
    this.#parts.counters.metrics?.count('serf.member.join', 1);
    this.#emit(now, 'member-join', record);
  }

  /** SWIM saw a member go: `left` if it had said so, else `failed`. SWIM's own view of why does not count. */
  gone(now: Millis, name: string, incarnation = 0): void {
    const record = this.#table.get(name);
    if (record === undefined) return;
    if (record.status !== 'leaving' && record.status !== 'alive') {
      const text = `Bad state when leave: ${STATUS_NUMBERS.indexOf(record.status)}`;
      this.#log('WARN', 'Bad state when leave', text, record);
      return;
    }
    const left = record.status === 'leaving';
    this.#table.setStatus(record, left ? 'left' : 'failed');
    record.leaveTime = now;
    record.incarnation = incarnation;
    const message = left ? 'EventMemberLeave' : 'EventMemberFailed';
    this.#log('INFO', message, `${message}: ${record.name} ${addressOf(record)}`, record);
    this.#parts.counters.metrics?.count(left ? 'serf.member.left' : 'serf.member.failed', 1);
    this.#emit(now, left ? 'member-leave' : 'member-failed', record);
  }

  /** SWIM saw a member change its address, tags or versions. */
  updated(now: Millis, facts: MemberFacts): void {
    const record = this.#table.get(facts.name);
    if (record === undefined) return;
    this.#describe(record, facts);
    this.#log('INFO', 'EventMemberUpdate', `EventMemberUpdate: ${record.name}`, record);
    this.#parts.counters.metrics?.count('serf.member.update', 1);
    this.#emit(now, 'member-update', record);
  }

  /** A leave intent; true when it should be passed on (serf.md 6.3). One from hearsay does not wait for its member. */
  leaveIntent(now: Millis, intent: LeaveIntent, hearsay = false): boolean {
    const { clock, self, counters } = this.#parts;
    clock.witness(intent.ltime);
    const record = this.#table.get(intent.node);
    const refutable = intent.node === self && this.#parts.staying();
    const verdict = judgeLeave(record, intent.ltime, { refutable, hearsay });
    if (verdict === 'stale') counters.add('drop:intent-stale');
    if (record === undefined || verdict === 'buffer') {
      this.#parts.strangerLeft(intent.node);
      if (intent.prune) this.#burials.bury(now, intent.node, intent.ltime);
      return !hearsay && this.#intents.upsert(now, intent.node, 'leave', intent.ltime);
    }
    if (verdict === 'stale') return false;
    if (verdict === 'refute') {
      this.#log('DEBUG', 'Refuting an older leave intent', 'Refuting an older leave intent', record);
      this.#object(now);
      return false;
    }
    record.statusLTime = intent.ltime;
    if (verdict === 'ignore') return false;
    if (verdict === 'leaving') this.#setLeaving(now, record);
    if (verdict === 'forced') this.#forceOut(now, record);
    if (intent.prune && record.status === 'leaving') this.#timers.pruneLater(now, record.name);
    else if (intent.prune) this.#reapForced(now, record);
    return true;
  }

  /**
   * A join intent; true when it should be passed on (serf.md 6.4). Hearsay of ourselves that is newer than all we said was
   * said by others, perhaps that we left. It is answered, or whoever believes it would hold us for leaving for ever.
   */
  joinIntent(now: Millis, intent: JoinIntent, hearsay = false): boolean {
    const { clock, counters, self } = this.#parts;
    clock.witness(intent.ltime);
    const record = this.#table.get(intent.node);
    const verdict = judgeJoin(record, intent.ltime);
    if (record === undefined || verdict === 'buffer') {
      if (this.#burials.refusesJoin(now, intent.node, intent.ltime)) {
        counters.add('drop:intent-buried');
        return false;
      }
      return this.#intents.upsert(now, intent.node, 'join', intent.ltime);
    }
    if (verdict === 'stale') {
      if (!hearsay && intent.ltime === record.statusLTime) record.hearsay = false;
      counters.add('drop:intent-stale');
      return false;
    }
    record.statusLTime = intent.ltime;
    record.hearsay = hearsay;
    if (record.status === 'leaving') this.#table.setStatus(record, 'alive');
    const isOfUs = intent.node === self && intent.ltime >= this.#bornAt;
    if (hearsay && isOfUs && this.#parts.staying()) this.#object(now);
    return true;
  }

  /**
   * Says that we are here: after a join, and against a false leave intent. Not once we leave: a join that ends then would
   * take the leave back, since its time is later.
   */
  announceJoin(now: Millis): void {
    if (!this.#parts.staying()) return;
    const intent: JoinIntent = { ltime: this.#parts.clock.time, node: this.#parts.self };
    this.joinIntent(now, intent);
    this.#parts.broadcast(joinCodec.encode(intent));
  }

  /** The wait before pruning a leaving member is over: erase it unless it came back in the meantime. */
  pruneDue(now: Millis, name: string): void {
    const record = this.#table.get(name);
    if (record?.status === 'leaving' || record?.status === 'left') this.#reapForced(now, record);
  }

  /** Who lives long after it should have left was declared gone by mistake, and its objection bore the same time. */
  overdue(now: Millis, name: string): void {
    if (this.#table.overdue(name)) this.#timers.lingers(now, name);
  }

  /** Forgets members gone for longer than their limit, and old intents (serf.md 8.4). */
  reap(now: Millis, failedLimitMs: number, leftLimitMs: number): void {
    this.#reapList(now, this.#table.failed, failedLimitMs);
    this.#reapList(now, this.#table.left, leftLimitMs);
    this.#intents.expire(now, this.#parts.config.recentIntentTimeoutMs);
  }

  #object(now: Millis): void {
    this.announceJoin(now);
    this.#timers.reassureLater(now);
  }

  #reapList(now: Millis, list: ReadonlySet<SerfMember>, limitMs: number): void {
    const override = this.#parts.config.reconnectTimeoutOverride;
    for (const member of [...list]) {
      const limit = override === undefined ? limitMs : override(infoOf(member), limitMs);
      const record = this.#table.get(member.name);
      if (record === undefined || now - (record.leaveTime ?? now) <= limit) continue;
      this.#log('INFO', 'EventMemberReap', `EventMemberReap: ${record.name}`, record);
      this.#burials.reaped(record);
      this.#erase(now, record);
    }
  }

  /** A failed member whose address now belongs to another name will not come back to it: it is forgotten. */
  #retirePredecessors(now: Millis, { name, address }: MemberFacts): void {
    for (const member of [...this.#table.failed]) {
      const record = this.#table.get(member.name);
      if (record === undefined || record.name === name) continue;
      if (hostPort(record.facts.address) !== hostPort(address)) continue;
      const text = `EventMemberReap (address now of ${name}): ${record.name} ${addressOf(record)}`;
      this.#log('INFO', 'EventMemberReap (address reused)', text, record);
      this.#erase(now, record);
    }
  }

  #admit(now: Millis, facts: MemberFacts): MemberRecord {
    noteUnreadableTags(facts, this.#parts);
    const record = this.#table.add(facts, 'alive');
    const buffered = this.#intents.take(facts.name);
    if (buffered === undefined) return record;
    record.statusLTime = buffered.ltime;
    if (buffered.type === 'leave') this.#setLeaving(now, record);
    return record;
  }

  #revive(now: Millis, record: MemberRecord, facts: MemberFacts): MemberRecord {
    const downMs = now - (record.leaveTime ?? now);
    if (record.status === 'failed' && downMs < this.#parts.config.flapTimeoutMs) {
      this.#parts.counters.tell('serf.member.flap');
    }
    this.#table.setStatus(record, 'alive');
    record.leaveTime = undefined;
    this.#describe(record, facts);
    return record;
  }

  #describe(record: MemberRecord, facts: MemberFacts): void {
    record.facts = facts;
    noteUnreadableTags(facts, this.#parts);
  }

  /** A failed member is said to have left. Its tombstone still counts from the failure. */
  #forceOut(now: Millis, record: MemberRecord): void {
    this.#table.setStatus(record, 'left');
    const text = `EventMemberLeave (forced): ${record.name} ${addressOf(record)}`;
    this.#log('INFO', 'EventMemberLeave (forced)', text, record);
    this.#emitUncounted(now, 'member-leave', record);
  }

  #setLeaving(now: Millis, record: MemberRecord): void {
    this.#table.setStatus(record, 'leaving');
    if (record.name !== this.#parts.self) this.#timers.began(now, record.name);
  }

  #reapForced(now: Millis, record: MemberRecord): void {
    const text = `EventMemberReap (forced): ${record.name} ${addressOf(record)}`;
    this.#log('INFO', 'EventMemberReap (forced)', text, record);
    this.#burials.reaped(record);
    this.#burials.bury(now, record.name, record.statusLTime);
    this.#erase(now, record);
  }

  #erase(now: Millis, record: MemberRecord): void {
    this.#table.erase(record);
    this.#timers.cancel(record.name);
    this.#emitUncounted(now, 'member-reap', record);
  }

  #emit(now: Millis, type: Exclude<MemberEventType, 'member-reap'>, record: SerfMember): void {
    this.#parts.counters.add(EVENT_COUNTERS[type]);
    this.#emitUncounted(now, type, record);
  }

  #emitUncounted(now: Millis, type: MemberEventType, record: SerfMember): void {
    this.#parts.emit(now, { type, members: [infoOf(record)] });
  }

  #log(level: TraceLevel, message: string, text: string, member: SerfMember): void {
    this.#parts.trace?.note({ level, source: 'serf', message, text, fields: { member: member.name } });
  }
}
