import { Counters } from '../../src/base/counters.ts';
import { Deadlines } from '../../src/base/deadlines.ts';
import type { Millis } from '../../src/base/machine.ts';
import type { TraceRecord } from '../../src/base/trace.ts';
import type { ClusterEvent } from '../../src/events/event.ts';
import { SERF_DEFAULTS } from '../../src/serf/config.ts';
import type { SerfDeadline } from '../../src/serf/deadline.ts';
import { LamportClock } from '../../src/serf/lamport.ts';
import { SerfMembers } from '../../src/serf/members.ts';
import { Membership, type MembershipParts } from '../../src/serf/membership.ts';
import { encodeTags } from '../../src/serf/tags.ts';
import { type UserEventParts, UserEvents } from '../../src/serf/user-events.ts';
import type { MemberFacts } from '../../src/swim/delegate.ts';

/** Facts of a member at 10.0.0.`host`:7946. */
export function facts(name: string, host = 1, tags: Readonly<Record<string, string>> = {}): MemberFacts {
  return {
    name,
    addr: Uint8Array.of(10, 0, 0, host),
    port: 7946,
    meta: encodeTags(new Map(Object.entries(tags)), 5),
    vsn: Uint8Array.of(1, 5, 2, 2, 5, 5),
    address: { ip: `10.0.0.${host}`, port: 7946 },
  };
}

/** What every part shares, and what it was seen to do. */
export interface Bench {
  readonly clock: LamportClock;
  readonly deadlines: Deadlines<SerfDeadline>;
  readonly counters: Counters;
  readonly events: ClusterEvent[];
  readonly sent: Uint8Array[];
  readonly log: TraceRecord[];
  readonly trace: { note(record: TraceRecord): void };
  /** Log lines as Serf prints them. */
  texts(): string[];
  /** `type name` of every member event, name alone of every other. */
  story(): string[];
  readonly emit: (now: Millis, event: ClusterEvent) => void;
  readonly broadcast: (message: Uint8Array) => void;
}

/** A bench with a clock at 1, as after a start. */
export function bench(): Bench {
  const clock = new LamportClock();
  clock.increment();
  const events: ClusterEvent[] = [];
  const sent: Uint8Array[] = [];
  const log: TraceRecord[] = [];
  return {
    clock,
    deadlines: new Deadlines(),
    counters: new Counters(),
    events,
    sent,
    log,
    trace: { note: (record) => void log.push(record) },
    texts: () => log.map((record) => record.text ?? record.message),
    story: () =>
      events.map((event) =>
        'members' in event ? `${event.type} ${event.members.map((m) => m.name).join()}` : event.name,
      ),
    emit: (_now, event) => void events.push(event),
    broadcast: (message) => void sent.push(message),
  };
}

/** The member table's rules on a bench, for a node called `me`. */
export function membershipOn(on: Bench, options: Partial<MembershipParts> = {}): Membership {
  const nothing = (): void => {};
  return new Membership({
    ...on,
    self: 'me',
    table: new SerfMembers(1),
    config: SERF_DEFAULTS,
    staying: () => true,
    strangerLeft: nothing,
    bury: nothing,
    ...options,
  });
}

/** User events on a bench. */
export function userEventsOn(on: Bench, config: Partial<UserEventParts['config']> = {}): UserEvents {
  return new UserEvents({ ...on, config: { ...SERF_DEFAULTS, ...config } });
}
