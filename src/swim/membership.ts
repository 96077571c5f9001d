import { hostPort } from '../base/address.ts';
import { unreachable } from '../base/assert.ts';
import { equalBytes } from '../base/bytes.ts';
import type { Counters } from '../base/counters.ts';
import type { Deadlines } from '../base/deadlines.ts';
import type { Millis } from '../base/machine.ts';
import type { Trace } from '../base/trace.ts';
import { aliveMessage } from './alive-message.ts';
import type { Awareness } from './awareness.ts';
import { type BroadcastQueue, MAX_BROADCASTS } from './broadcasts.ts';
import type { Burials } from './burials.ts';
import type { Accusation, AliveClaim } from './claims.ts';
import type { SwimConfig } from './config.ts';
import type { SwimDeadline } from './deadline.ts';
import type { MemberFacts, SwimDelegate } from './delegate.ts';
import { type Judge, judgeAlive, judgeDead, judgeSuspect } from './judge.ts';
import { isLive, type MemberRecord, type MemberTable } from './members.ts';
import { encodeDead, encodeSuspect } from './messages.ts';
import { type AdmissionParts, refusalOf } from './refusal.ts';
import { fixedSuspicion, suspicionBounds } from './scaling.ts';
import { Suspicion } from './suspicion.ts';

/** What membership decisions act on. */
export interface MembershipParts extends AdmissionParts {
  readonly config: SwimConfig;
  readonly members: MemberTable;
  readonly burials: Burials;
  readonly queue: BroadcastQueue;
  readonly deadlines: Deadlines<SwimDeadline>;
  readonly awareness: Awareness;
  readonly delegate: SwimDelegate;
  readonly counters: Counters;
  readonly trace: Trace | undefined;
}

/**
 * Carries verdicts out: table, broadcast, suspicion deadline, health score, notice. It knows no rule of precedence;
 * those are in judge.ts (ARCHITECTURE §3, decide then apply).
 */
export class Membership {
  readonly #parts: MembershipParts;
  readonly #members: MemberTable;
  readonly #name: string;
  readonly #suspicions = new Map<string, Suspicion>();
  #incarnation = 0;
  #leaving = false;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    this.#members = parts.members;
    this.#name = parts.config.name;
  }

  get leaving(): boolean {
    return this.#leaving;
  }

  /** Our own record; exists from `announce` on. */
  get self(): MemberRecord | undefined {
    return this.#parts.members.get(this.#parts.config.name);
  }

  /** True when somebody besides us is alive or suspect. */
  hasOthers(): boolean {
    const self = this.self;
    const own = self !== undefined && isLive(self) ? 1 : 0;
    return this.#parts.members.liveCount > own;
  }

  /** Announces ourselves, or our new metadata, under a fresh incarnation (memberlist.md 6.1, 6.5). */
  announce(now: Millis, facts: MemberFacts, finished?: () => void): void {
    const incarnation = this.#raiseAbove(this.#incarnation);
    this.alive(now, { facts, incarnation, bootstrap: true }, finished);
  }

  /** Declares that we leave; peers read a death declared by its own subject as left (memberlist.md 6.3). */
  leave(now: Millis, finished: () => void): void {
    this.#leaving = true;
    const self = this.self;
    if (self === undefined) {
      finished();
      return;
    }
    const { name } = self.facts;
    this.dead(now, { name, incarnation: self.incarnation, from: name }, finished);
  }

  alive(now: Millis, claim: AliveClaim, finished?: () => void): void {
    const { facts } = claim;
    // What a member that lives has said before: most of what is gossiped, and stale whatever is admitted by now.
    if (this.#members.hasHeard(facts, claim.incarnation) && facts.name !== this.#name) return;
    const { members, burials, counters, trace } = this.#parts;
    const refusal = refusalOf(claim, this.#parts);
    if (refusal !== undefined) {
      counters.add(`drop:${refusal}`);
      trace?.note({
        level: 'WARN',
        source: 'memberlist',
        message: 'Ignoring alive message',
        text: `Ignoring alive message for '${facts.name}': ${refusal}`,
        fields: { node: facts.name, why: refusal },
      });
      finished?.();
      return;
    }
    if (burials.refuses(now, claim)) {
      finished?.();
      return;
    }
    const known = members.get(facts.name);
    const verdict = judgeAlive(claim, known, this.#judge(), now);
    switch (verdict.type) {
      case 'adopt':
        this.#adoptAlive(now, claim, known ?? members.insert(facts), finished);
        return;
      case 'conflict':
        this.#conflict(now, claim, known as MemberRecord);
        return;
      case 'refute':
        this.#refute(now, verdict.above, 'an alive', facts.name);
        return;
      case 'ignore':
        if (known === undefined) members.insert(facts);
        finished?.();
        return;
      case 'confirm':
        return;
      default:
        unreachable(verdict);
    }
  }

  suspect(now: Millis, claim: Accusation): void {
    const known = this.#parts.members.get(claim.name);
    const suspicion = this.#suspicions.get(claim.name);
    const verdict = judgeSuspect(claim, known, this.#judge(), suspicion !== undefined);
    if (known === undefined) return;
    switch (verdict.type) {
      case 'confirm':
        this.#confirm(now, claim, suspicion as Suspicion);
        return;
      case 'refute':
        this.#refute(now, verdict.above, 'a suspect', claim.from);
        return;
      case 'adopt':
        this.#adoptSuspect(now, claim, known);
        return;
      case 'ignore':
      case 'conflict':
        return;
      default:
        unreachable(verdict);
    }
  }

  dead(now: Millis, claim: Accusation, finished?: () => void): void {
    const { members, delegate, counters } = this.#parts;
    const known = members.get(claim.name);
    const verdict = judgeDead(claim, known, this.#judge());
    if (verdict.type === 'refute') {
      this.#refute(now, verdict.above, 'a dead', claim.from);
      return;
    }
    if (verdict.type !== 'adopt' || known === undefined) {
      finished?.();
      return;
    }
    this.#forgetSuspicion(claim.name);
    this.#broadcast(encodeDead({ ...claim, node: claim.name }), claim.name, finished);
    counters.metrics?.count('memberlist.msg.dead', 1);
    known.incarnation = claim.incarnation;
    members.setStatus(known, verdict.status, now);
    delegate.notice(now, { type: verdict.status === 'left' ? 'left' : 'failed', member: known });
  }

  /** A suspicion's time is over (memberlist.md 4.5, fire). */
  suspicionExpired(now: Millis, name: string): void {
    const { config, members, counters, trace } = this.#parts;
    const suspicion = this.#suspicions.get(name);
    const known = members.get(name);
    if (suspicion === undefined) return;
    this.#suspicions.delete(name);
    if (known === undefined || known.status !== 'suspect' || known.since !== suspicion.startedAt) return;
    counters.add('suspicion:expired');
    if (suspicion.isUnderconfirmed) counters.metrics?.count('memberlist.degraded.timeout', 1);
    trace?.note({
      level: 'INFO',
      source: 'memberlist',
      message: 'Marking as failed, suspect timeout reached',
      text: `Marking ${name} as failed, suspect timeout reached (${suspicion.confirmations} peer confirmations)`,
      fields: { node: name, confirmations: suspicion.confirmations },
    });
    this.dead(now, { name, incarnation: known.incarnation, from: config.name });
  }

  #judge(): Judge {
    const { config } = this.#parts;
    return { name: config.name, leaving: this.#leaving, reclaimMs: config.deadNodeReclaimTimeMs };
  }

  #adoptAlive(now: Millis, claim: AliveClaim, record: MemberRecord, finished?: () => void): void {
    const { members, delegate } = this.#parts;
    const { facts, incarnation } = claim;
    this.#forgetSuspicion(facts.name);
    const before = record.status;
    const changed = !equalBytes(record.facts.meta, facts.meta);
    this.#broadcast(aliveMessage(facts, incarnation), facts.name, finished);
    record.facts = facts;
    record.incarnation = incarnation;
    members.setStatus(record, 'alive', now);
    this.#parts.counters.metrics?.count('memberlist.msg.alive', 1);
    if (before === 'dead' || before === 'left') delegate.notice(now, { type: 'joined', member: record });
    else if (changed) delegate.notice(now, { type: 'updated', member: record });
  }

  #adoptSuspect(now: Millis, claim: Accusation, record: MemberRecord): void {
    const { config, members } = this.#parts;
    this.#broadcastSuspect(claim);
    record.incarnation = claim.incarnation;
    members.setStatus(record, 'suspect', now);
    this.#parts.counters.metrics?.count('memberlist.msg.suspect', 1);
    const bounds = suspicionBounds(config, members.size);
    const { dynamicSuspicion } = config.lifeguard;
    const suspicion = new Suspicion(now, claim.from, dynamicSuspicion ? bounds : fixedSuspicion(bounds));
    this.#suspicions.set(claim.name, suspicion);
    this.#armSuspicion(claim.name, suspicion);
  }

  #confirm(now: Millis, claim: Accusation, suspicion: Suspicion): void {
    if (!suspicion.confirm(claim.from)) return;
    this.#broadcastSuspect(claim);
    this.#armSuspicion(claim.name, suspicion, now);
  }

  #armSuspicion(name: string, suspicion: Suspicion, now: Millis = suspicion.startedAt): void {
    const at = Math.max(suspicion.expiresAt, now);
    this.#parts.deadlines.set(`suspicion:${name}`, at, { type: 'suspicion', name });
  }

  #forgetSuspicion(name: string): void {
    if (this.#suspicions.delete(name)) this.#parts.deadlines.cancel(`suspicion:${name}`);
  }

  #broadcastSuspect(claim: Accusation): void {
    const { name, incarnation, from } = claim;
    this.#broadcast(encodeSuspect({ incarnation, node: name, from }), name);
  }

  /** Queues a message about a member in place of any older one; what fits no datagram would wait for ever. */
  #broadcast(message: Uint8Array, name: string, finished?: () => void): void {
    const { config, counters, queue } = this.#parts;
    if (message.length > config.udpBufferSize) {
      counters.add('drop:broadcast-too-large');
      finished?.();
      return;
    }
    queue.enqueue(message, finished === undefined ? { name } : { name, finished });
    if (queue.size > MAX_BROADCASTS) counters.add('drop:broadcast-overflow', queue.prune(MAX_BROADCASTS));
  }

  /** Answers a false claim about ourselves with a higher incarnation; it costs health (memberlist.md 3.5). */
  #refute(now: Millis, above: number, kind: string, from: string): void {
    const { awareness, counters, trace, config } = this.#parts;
    const self = this.self;
    if (self === undefined) return;
    const incarnation = this.#raiseAbove(above);
    self.incarnation = incarnation;
    awareness.apply(1);
    counters.add('refuted');
    this.#broadcast(aliveMessage(self.facts, incarnation), config.name);
    trace?.note({
      level: 'WARN',
      source: 'memberlist',
      message: 'Refuting a message about ourselves',
      text: `Refuting ${kind} message (from: ${from})`,
      fields: { from, incarnation, at: now },
    });
  }

  #conflict(now: Millis, claim: AliveClaim, existing: MemberRecord): void {
    const { delegate, counters, trace } = this.#parts;
    counters.add('conflict');
    trace?.note({
      level: 'ERR',
      source: 'memberlist',
      message: 'Conflicting address',
      text:
        `Conflicting address for ${claim.facts.name}. Mine: ${hostPort(existing.facts.address)} ` +
        `Theirs: ${hostPort(claim.facts.address)} Old state: ${existing.status}`,
      fields: { node: claim.facts.name },
    });
    delegate.notice(now, { type: 'conflict', existing, other: claim.facts });
  }

  /** Our next incarnation: max(own, above) + 1 in 32 bits. */
  #raiseAbove(above: number): number {
    this.#incarnation = (Math.max(this.#incarnation, above) + 1) >>> 0;
    return this.#incarnation;
  }
}
