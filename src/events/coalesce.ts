import type { Millis } from '../base/machine.ts';
import { HeldMembers } from './coalesce-members.ts';
import { HeldUserEvents } from './coalesce-users.ts';
import type { ClusterEvent, MemberEvent, UserEvent } from './event.ts';
import { QuietWindow } from './window.ts';

/** Lengths in milliseconds; either of a pair 0 turns that kind's coalescing off. */
export interface CoalescerOptions {
  readonly memberPeriodMs: number;
  readonly memberQuiescentMs: number;
  readonly userPeriodMs: number;
  readonly userQuiescentMs: number;
  /** Receives every event that comes out, in order. */
  readonly sink: (event: ClusterEvent) => void;
}

/**
 * Gathers bursts of events into few (serf.md 15.3 for the timing). Unlike Serf's, it never hides a member's
 * transition and never repeats one: a join and an update of one window come out both, in order, and a delivered
 * update is not sent again. A user event that does not coalesce first lets a held one of its name out; other names
 * may pass each other. Queries never wait.
 */
export class Coalescer {
  readonly #sink: (event: ClusterEvent) => void;
  readonly #memberWindow: QuietWindow;
  readonly #userWindow: QuietWindow;
  readonly #members = new HeldMembers();
  readonly #users = new HeldUserEvents();
  /** False while both windows are closed, which is nearly always and asked with every input. */
  #isHolding = false;

  constructor(options: CoalescerOptions) {
    this.#sink = options.sink;
    this.#memberWindow = new QuietWindow(options.memberPeriodMs, options.memberQuiescentMs);
    this.#userWindow = new QuietWindow(options.userPeriodMs, options.userQuiescentMs);
  }

  /** Takes one event in; windows that ended by `now` are let out before it. */
  accept(now: Millis, event: ClusterEvent): void {
    this.tick(now);
    switch (event.type) {
      case 'query':
        this.#sink(event);
        return;
      case 'user':
        this.#acceptUser(now, event);
        return;
      default:
        this.#acceptMembers(now, event);
    }
  }

  /** Lets out every window that ends at or before `now`. */
  tick(now: Millis): void {
    if (!this.#isHolding) return;
    if (this.#memberWindow.deadline() <= now) this.#flushMembers();
    if (this.#userWindow.deadline() <= now) this.#flushUsers();
  }

  /** Lets out everything held, whatever the time: for a node that stops. */
  flush(_now: Millis): void {
    this.#flushMembers();
    this.#flushUsers();
  }

  /** When `tick` is next wanted; `Infinity` while nothing is held. */
  nextDeadline(): Millis {
    if (!this.#isHolding) return Number.POSITIVE_INFINITY;
    return Math.min(this.#memberWindow.deadline(), this.#userWindow.deadline());
  }

  #acceptMembers(now: Millis, event: MemberEvent): void {
    if (!this.#memberWindow.enabled) {
      this.#sink(event);
      return;
    }
    for (const member of event.members) {
      if (this.#members.full) this.#flushMembers();
      this.#members.hold(event.type, member);
      this.#memberWindow.touch(now);
      this.#isHolding = true;
    }
  }

  #acceptUser(now: Millis, event: UserEvent): void {
    if (!event.coalesce || !this.#userWindow.enabled) {
      for (const held of this.#users.takeName(event.name)) this.#sink(held);
      this.#sink(event);
      return;
    }
    if (this.#users.full) this.#flushUsers();
    this.#users.hold(event);
    this.#userWindow.touch(now);
    this.#isHolding = true;
  }

  #flushMembers(): void {
    this.#memberWindow.close();
    this.#isHolding = this.#userWindow.deadline() < Number.POSITIVE_INFINITY;
    for (const event of this.#members.take()) this.#sink(event);
  }

  #flushUsers(): void {
    this.#userWindow.close();
    this.#isHolding = this.#memberWindow.deadline() < Number.POSITIVE_INFINITY;
    for (const event of this.#users.take()) this.#sink(event);
  }
}
