import { ipText } from '../base/address.ts';
import type { Counters } from '../base/counters.ts';
import type { Deadlines } from '../base/deadlines.ts';
import type { Millis } from '../base/machine.ts';
import type { ClusterEvent, MemberInfo } from '../events/event.ts';
import type { SerfConfig } from './config.ts';
import type { SerfDeadline } from './deadline.ts';
import type { LamportClock } from './lamport.ts';
import { type ClockName, snapshotLine } from './snapshot.ts';

/** The member clock moves without an event too, so it is looked at this often. */
const CLOCK_CHECK_MS = 500;

export interface RecorderParts {
  readonly config: Pick<SerfConfig, 'recordSnapshot' | 'lastTimes'>;
  /** The member clock. */
  readonly clock: LamportClock;
  readonly deadlines: Deadlines<SerfDeadline>;
  readonly counters: Counters;
  /** Takes one snapshot line. */
  readonly record: (line: string) => void;
}

/** Turns what happens into snapshot lines (serf.md 16.2). */
export class Recorder {
  readonly #parts: RecorderParts;
  /** The last times written. */
  readonly #written: Record<ClockName, number>;
  #hasLeft = false;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
    this.#written = { ...parts.config.lastTimes };
  }

  start(now: Millis): void {
    if (this.#parts.config.recordSnapshot) this.#checkLater(now);
  }

  /** Sees every event, internal queries included, before anybody else does. */
  event(event: ClusterEvent): void {
    if (!this.#parts.config.recordSnapshot || this.#hasLeft) return;
    switch (event.type) {
      case 'user':
      case 'query':
        this.#time(event.type === 'user' ? 'event' : 'query', event.ltime);
        return;
      case 'member-join':
        for (const member of event.members) this.#node('alive', member);
        break;
      case 'member-leave':
        for (const member of event.members) this.#line(snapshotLine.notAlive(member.name));
        break;
      case 'member-failed':
        for (const member of event.members) {
          this.#line(snapshotLine.notAlive(member.name));
          this.#node('failed', member);
        }
        break;
      case 'member-update':
      case 'member-reap':
        break;
    }
    this.#checkClock();
  }

  /** A member of earlier times is not to be looked for any more. */
  forget(name: string): void {
    if (this.#parts.config.recordSnapshot && !this.#hasLeft) this.#line(snapshotLine.notAlive(name));
  }

  /** We leave: from here on only the member clock is recorded. */
  leave(): void {
    if (!this.#parts.config.recordSnapshot) return;
    this.#parts.record(snapshotLine.leave());
    this.#hasLeft = true;
  }

  /** Time to look at the member clock. */
  clockDue(now: Millis): void {
    this.#checkClock();
    this.#checkLater(now);
  }

  /** The node stops: the last time is recorded. */
  stop(): void {
    if (this.#parts.config.recordSnapshot) this.#checkClock();
  }

  #checkLater(now: Millis): void {
    this.#parts.deadlines.set('clock-check', now + CLOCK_CHECK_MS, { type: 'clock-check' });
  }

  /** The clock shows the time of the next message; the one before it is the last one seen. */
  #checkClock(): void {
    this.#time('member', this.#parts.clock.time - 1);
  }

  #time(clock: ClockName, time: number): void {
    if (time <= this.#written[clock]) return;
    this.#written[clock] = time;
    this.#parts.record(snapshotLine.clock(clock, time));
  }

  #node(line: 'alive' | 'failed', { name, addr, port }: MemberInfo): void {
    const ip = ipText(addr);
    this.#line(ip === undefined ? undefined : snapshotLine[line](name, { ip, port }));
  }

  #line(line: string | undefined): void {
    if (line === undefined) this.#parts.counters.add('drop:snapshot-name');
    else this.#parts.record(line);
  }
}
