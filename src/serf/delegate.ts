import { ipText } from '../base/address.ts';
import { unreachable } from '../base/assert.ts';
import { copyBytes } from '../base/bytes.ts';
import type { Counters } from '../base/counters.ts';
import { messageOf, WireError } from '../base/errors.ts';
import type { Millis, OperationId } from '../base/machine.ts';
import type { Trace, TraceLevel } from '../base/trace.ts';
import type { BroadcastQueue } from '../swim/broadcasts.ts';
import type { MemberFacts, SwimDelegate, SwimNotice, SwimOutcome } from '../swim/delegate.ts';
import type { Packer } from '../swim/packer.ts';
import type { Asking } from './asking.ts';
import type { NameConflict } from './conflict.ts';
import type { Coordinates } from './coordinates.ts';
import type { SerfClocks } from './lamport.ts';
import type { Membership } from './membership.ts';
import {
  decodeRelay,
  joinCodec,
  leaveCodec,
  type MessageCodec,
  queryCodec,
  queryResponseCodec,
  SerfType,
  userEventCodec,
} from './messages.ts';
import { decodePushPull, encodePushPull, mergePushPull } from './push-pull.ts';
import { isLethal, type Queries } from './queries.ts';
import { addressOfBytes } from './query-replies.ts';
import type { SerfQueues } from './queues.ts';
import type { SendUser } from './swim-port.ts';
import type { UserEvents } from './user-events.ts';

export interface DelegateParts {
  readonly clocks: SerfClocks;
  readonly membership: Membership;
  readonly userEvents: UserEvents;
  readonly queries: Queries;
  readonly asking: Asking;
  readonly conflict: NameConflict;
  readonly coordinates: Coordinates;
  readonly queues: SerfQueues;
  readonly counters: Counters;
  readonly trace: Trace | undefined;
  readonly meta: () => Uint8Array;
  readonly sendUser: SendUser;
  readonly admit: (members: readonly MemberFacts[], merging: boolean) => string | undefined;
  /** True while a join that wants no old events is under way. */
  readonly ignoresOld: () => boolean;
  /** True for another member that SWIM holds for live. */
  readonly isUp: (name: string) => boolean;
  readonly settled: (now: Millis, operation: OperationId, outcome: SwimOutcome) => void;
}

/** Everything Serf is, as seen by SWIM: takes messages apart and hands them to the part they concern (serf.md 2). */
export class SerfDelegate implements SwimDelegate {
  readonly #parts: DelegateParts;

  constructor(parts: DelegateParts) {
    const {
      clocks,
      membership,
      userEvents,
      queries,
      asking,
      conflict,
      coordinates,
      queues,
      counters,
      trace,
      meta,
      sendUser,
      admit,
      ignoresOld,
      isUp,
      settled,
    } = parts;
    this.#parts = {
      clocks,
      membership,
      userEvents,
      queries,
      asking,
      conflict,
      coordinates,
      queues,
      counters,
      trace,
      meta,
      sendUser,
      admit,
      ignoresOld,
      isUp,
      settled,
    };
  }

  meta(_limit: number): Uint8Array {
    return this.#parts.meta();
  }

  receive(now: Millis, payload: Uint8Array): void {
    this.#parts.counters.metrics?.sample('serf.msgs.received', payload.length);
    try {
      this.#dispatch(now, payload);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#parts.counters.add(`drop:${error.code}`);
      const what = MESSAGE_NAMES[payload[0] ?? -1] ?? 'message';
      this.#log('ERR', 'Error decoding message', `Error decoding ${what}: ${messageOf(error)}`);
    }
  }

  hasBroadcasts(): boolean {
    return this.#parts.queues.waiting;
  }

  contribute(packer: Packer): void {
    const { queues, membership, counters } = this.#parts;
    const earlier = packer.parts.length;
    queues.contribute(packer, membership.members.size);
    if (counters.metrics === undefined) return;
    // Without the byte that frames each.
    for (const part of packer.parts.slice(earlier))
      counters.metrics.sample('serf.msgs.sent', part.length - 1);
  }

  localState(_joining: boolean): Uint8Array {
    const { clocks, membership, userEvents } = this.#parts;
    return encodePushPull(clocks, membership.members, userEvents);
  }

  mergeRemoteState(now: Millis, state: Uint8Array, joining: boolean): void {
    const decoded = decodePushPull(state, (code, text) => {
      this.#parts.counters.add(`drop:${code}`);
      this.#log('ERR', 'remote state is unusable', text);
    });
    if (decoded === undefined) return;
    const { clocks, membership, userEvents, ignoresOld, isUp } = this.#parts;
    const ignoreOld = joining && ignoresOld();
    mergePushPull(now, decoded, { clocks, membership, userEvents, ignoreOld, isUp });
  }

  ackPayload(): Uint8Array | undefined {
    return this.#parts.coordinates.ackPayload();
  }

  admit(members: readonly MemberFacts[], merging: boolean): string | undefined {
    return this.#parts.admit(members, merging);
  }

  notice(now: Millis, notice: SwimNotice): void {
    const { membership, conflict, coordinates } = this.#parts;
    switch (notice.type) {
      case 'joined':
        membership.joined(now, notice.member.facts);
        return;
      case 'left':
      case 'failed':
        membership.gone(now, notice.member.facts.name, notice.member.incarnation);
        this.#parts.asking.ceased(now, notice.member.facts.name);
        return;
      case 'updated':
        membership.updated(now, notice.member.facts);
        return;
      case 'conflict':
        conflict.noticed(now, notice.existing.facts, notice.other);
        return;
      case 'rtt':
        coordinates.measured(notice.member.facts.name, notice.rttMs, notice.payload);
        return;
      default:
        unreachable(notice);
    }
  }

  settled(now: Millis, operation: OperationId, outcome: SwimOutcome): void {
    this.#parts.settled(now, operation, outcome);
  }

  #dispatch(now: Millis, payload: Uint8Array): void {
    const { membership, userEvents, queries, asking, queues, counters } = this.#parts;
    switch (payload[0]) {
      case undefined:
        counters.add('drop:serf-empty');
        return;
      case SerfType.leave: {
        const intent = this.#read(leaveCodec, payload, 'messageLeaveType', (message) => message.node);
        if (membership.leaveIntent(now, intent)) this.#pass(queues.intents, payload);
        return;
      }
      case SerfType.join: {
        const intent = this.#read(joinCodec, payload, 'messageJoinType', (message) => message.node);
        if (membership.joinIntent(now, intent)) this.#pass(queues.intents, payload);
        return;
      }
      case SerfType.userEvent: {
        const event = this.#read(userEventCodec, payload, 'messageUserEventType', (message) => message.name);
        if (userEvents.receive(now, event)) this.#pass(queues.events, payload);
        return;
      }
      case SerfType.query: {
        const query = this.#read(queryCodec, payload, 'messageQueryType', (message) => message.name);
        if (queries.receive(now, query)) this.#pass(queues.queries, payload);
        return;
      }
      case SerfType.queryResponse:
        asking.response(
          now,
          this.#read(queryResponseCodec, payload, 'messageQueryResponseType', (message) => message.from),
        );
        return;
      case SerfType.relay:
        this.#forward(payload);
        return;
      default:
        counters.add('drop:serf-type');
        this.#log(
          'WARN',
          'Received message of unknown type',
          `Received message of unknown type: ${payload[0]}`,
        );
    }
  }

  #read<T>(codec: MessageCodec<T>, payload: Uint8Array, type: string, about: (message: T) => string): T {
    const message = codec.decode(payload);
    this.#parts.trace?.note({
      level: 'DEBUG',
      source: 'serf',
      message: type,
      text: `${type}: ${about(message)}`,
    });
    return message;
  }

  #pass(queue: BroadcastQueue, payload: Uint8Array): void {
    const { queues, membership, counters } = this.#parts;
    queues.pass(queue, payload, membership.members.size, counters);
  }

  /** Sends what a relay message carries to whom it names, without looking inside for more than poison. */
  #forward(payload: Uint8Array): void {
    const { header, inner } = decodeRelay(payload);
    const to = addressOfBytes(header.dest.ip, header.dest.port);
    const fault = faultOfRelayed(inner);
    if (to === undefined || fault !== undefined) {
      this.#parts.counters.add('drop:relay');
      const where = `${ipText(header.dest.ip) ?? '?'}:${header.dest.port}`;
      const why = fault ?? 'address is not usable';
      this.#log('ERR', 'Error forwarding message', `Error forwarding message to ${where}: ${why}`);
      return;
    }
    this.#log('DEBUG', 'Relaying response', `Relaying response to addr: ${to.ip}:${to.port}`);
    this.#parts.sendUser(to, copyBytes(inner), header.destName);
  }

  #log(level: TraceLevel, message: string, text: string): void {
    this.#parts.trace?.note({ level, source: 'serf', message, text });
  }
}

/** Why a message is not forwarded: also a query that would end an agent of Serf's. One that nobody can read does no harm. */
function faultOfRelayed(inner: Uint8Array): string | undefined {
  if (inner.length === 0) return 'message is empty';
  if (inner[0] !== SerfType.query) return undefined;
  try {
    return isLethal(queryCodec.decode(inner)) ? 'message is dangerous' : undefined;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return undefined;
  }
}

/** Serf's words for a message it cannot decode. */
const MESSAGE_NAMES: Readonly<Record<number, string>> = {
  [SerfType.leave]: 'leave message',
  [SerfType.join]: 'join message',
  [SerfType.userEvent]: 'user event message',
  [SerfType.query]: 'query message',
  [SerfType.queryResponse]: 'query response message',
  [SerfType.relay]: 'relay header',
};
