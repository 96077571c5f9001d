import { hostPort, ipText } from '../base/address.ts';
import { unreachable } from '../base/assert.ts';
import { equalBytes } from '../base/bytes.ts';
import type { Counters } from '../base/counters.ts';
import type { Deadlines } from '../base/deadlines.ts';
import type { Millis } from '../base/machine.ts';
import type { Trace } from '../base/trace.ts';
import type { Awareness } from './awareness.ts';
import type { BroadcastQueue } from './broadcasts.ts';
import type { Accusation, AliveClaim } from './claims.ts';
import type { SwimConfig } from './config.ts';
import type { SwimDeadline } from './deadline.ts';
import type { MemberFacts, SwimDelegate } from './delegate.ts';
import { type Judge, judgeAlive, judgeDead, judgeSuspect } from './judge.ts';
import { isLive, type MemberRecord, type MemberTable } from './members.ts';
import { encodeAlive, encodeDead, encodeSuspect } from './messages.ts';
import { suspicionBounds } from './scaling.ts';
import { Suspicion } from './suspicion.ts';
import { isNonsenseVersion, VERSION_BYTES } from './versions.ts';

/** Longest name taken from a peer; a longer one could not be pinged, as its messages outgrow a datagram. */
const MAX_NAME_LENGTH = 1024;

/** What membership decisions act on. */
export interface MembershipParts {
  readonly config: SwimConfig;
  readonly members: MemberTable;
  readonly queue: BroadcastQueue;
  readonly deadlines: Deadlines<SwimDeadline>;
  readonly awareness: Awareness;
  readonly delegate: SwimDelegate;
  readonly counters: Counters;
  readonly allows: (addr: Uint8Array) => boolean;
  readonly trace: Trace | undefined;
}

/**
 * Carries verdicts out: table, broadcast, suspicion deadline, health score, notice. It knows no rule of precedence;
 * those are in judge.ts (ARCHITECTURE §3, decide then apply).
 */
export class Membership {
  readonly #parts: MembershipParts;
  readonly #suspicions = new Map<string, Suspicion>();
  #incarnation = 0;
  #leaving = false;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
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
    const { members, counters, trace } = this.#parts;
    const { facts } = claim;
    const refusal = this.#refuses(claim);
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
    const { members, queue, delegate } = this.#parts;
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
    queue.enqueue(encodeDead({ incarnation: claim.incarnation, node: claim.name, from: claim.from }), {
      name: claim.name,
      ...(finished === undefined ? {} : { finished }),
    });
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

  /** Rows 2–5 and 7a of memberlist.md 3.2: why an alive claim is not even judged. */
  #refuses(claim: AliveClaim): string | undefined {
    const { members, delegate, allows } = this.#parts;
    const { facts } = claim;
    if (isNonsenseVersion(facts.vsn)) return 'alive-version';
    if (facts.vsn.length < VERSION_BYTES) return 'alive-short-version';
    if (facts.name === '') return 'alive-nameless';
    if (facts.name.length > MAX_NAME_LENGTH) return 'alive-name-too-long';
    if (facts.address.ip === '') return 'alive-address';
    if (delegate.admit([facts], false) !== undefined) return 'alive-not-admitted';
    const known = members.get(facts.name);
    const newAddress = known === undefined || known.facts.address.ip !== facts.address.ip;
    return newAddress && !allows(facts.addr) ? 'alive-outside-cidr' : undefined;
  }

  #adoptAlive(now: Millis, claim: AliveClaim, record: MemberRecord, finished?: () => void): void {
    const { members, queue, delegate } = this.#parts;
    const { facts, incarnation } = claim;
    this.#forgetSuspicion(facts.name);
    const before = record.status;
    const changed = !equalBytes(record.facts.meta, facts.meta);
    queue.enqueue(encodeAlive({ ...facts, node: facts.name, incarnation }), {
      name: facts.name,
      ...(finished === undefined ? {} : { finished }),
    });
    record.facts = facts;
    record.incarnation = incarnation;
    members.setStatus(record, 'alive', now);
    if (before === 'dead' || before === 'left') delegate.notice(now, { type: 'joined', member: record });
    else if (changed) delegate.notice(now, { type: 'updated', member: record });
  }

  #adoptSuspect(now: Millis, claim: Accusation, record: MemberRecord): void {
    const { config, members } = this.#parts;
    this.#broadcastSuspect(claim);
    record.incarnation = claim.incarnation;
    members.setStatus(record, 'suspect', now);
    const suspicion = new Suspicion(now, claim.from, suspicionBounds(config, members.size));
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
    this.#parts.queue.enqueue(encodeSuspect({ incarnation, node: name, from }), { name });
  }

  /** Answers a false claim about ourselves with a higher incarnation; it costs health (memberlist.md 3.5). */
  #refute(now: Millis, above: number, kind: string, from: string): void {
    const { awareness, queue, counters, trace, config } = this.#parts;
    const self = this.self;
    if (self === undefined) return;
    const incarnation = this.#raiseAbove(above);
    self.incarnation = incarnation;
    awareness.apply(1);
    counters.add('refuted');
    queue.enqueue(encodeAlive({ ...self.facts, node: config.name, incarnation }), { name: config.name });
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

/** Facts from the fields of a message; an address that is no IP is left empty and refused later. */
export function factsOf(
  message: {
    readonly addr: Uint8Array;
    readonly port: number;
    readonly meta: Uint8Array;
    readonly vsn: Uint8Array;
  },
  name: string,
  bindPort: number,
): MemberFacts {
  const port = message.port === 0 ? bindPort : message.port;
  const address = { ip: ipText(message.addr) ?? '', port };
  return { name, addr: message.addr, port, meta: message.meta, vsn: message.vsn, address };
}
