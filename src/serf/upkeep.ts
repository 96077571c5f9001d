import { hostPort } from '../base/address.ts';
import type { Counters } from '../base/counters.ts';
import type { Deadlines } from '../base/deadlines.ts';
import type { Millis } from '../base/machine.ts';
import type { Random } from '../base/random.ts';
import type { Trace } from '../base/trace.ts';
import type { SerfConfig } from './config.ts';
import type { SerfDeadline, UpkeepType } from './deadline.ts';
import type { LostMembers } from './lost-members.ts';
import type { Membership } from './membership.ts';
import type { SerfQueues } from './queues.ts';
import { chooseReconnect } from './reconnect.ts';
import { Returning, type ReturningParts } from './returning.ts';
import { SEEK_EVERY_MS, Seeking } from './seeking.ts';
import type { PreviousNode } from './snapshot.ts';
import type { SwimOperations } from './swim-operations.ts';
import type { SwimPort } from './swim-port.ts';

export interface UpkeepParts extends Pick<ReturningParts, 'claims' | 'known'> {
  readonly config: Pick<
    SerfConfig,
    | 'reapIntervalMs'
    | 'reconnectIntervalMs'
    | 'queueCheckIntervalMs'
    | 'reconnectTimeoutMs'
    | 'tombstoneTimeoutMs'
    | 'swim'
  >;
  readonly deadlines: Deadlines<SerfDeadline>;
  readonly membership: Membership;
  readonly lost: LostMembers;
  readonly queues: SerfQueues;
  readonly operations: SwimOperations;
  readonly swim: Pick<SwimPort, 'join' | 'contact'>;
  readonly random: Random;
  readonly counters: Counters;
  readonly trace: Trace | undefined;
  /** False once we are leaving: then failed members are not tried again. */
  readonly staying: () => boolean;
}

/** What a node does at intervals: forget, try failed members again, watch its queues (serf.md 8.4, 8.5, 20). */
export class Upkeep {
  readonly #parts: UpkeepParts;
  readonly #seeking: Seeking;
  readonly #returning: Returning;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
    this.#seeking = new Seeking(parts);
    this.#returning = new Returning(parts);
  }

  /** Sets each chore one interval ahead. */
  start(now: Millis): void {
    this.#again(now, 'reap');
    this.#again(now, 'reconnect');
    this.#again(now, 'queue-check');
    this.#seekAt(now + SEEK_EVERY_MS);
  }

  due(now: Millis, type: UpkeepType): void {
    const { membership, queues, config, counters } = this.#parts;
    switch (type) {
      case 'reap':
        membership.reap(now, config.reconnectTimeoutMs, config.tombstoneTimeoutMs);
        break;
      case 'reconnect':
        if (this.#parts.staying()) {
          this.#reconnect(now);
          this.#seekLost(now);
        }
        break;
      case 'seek':
        if (!this.#parts.staying()) return;
        this.#returning.turn(now);
        this.#seekAt(this.#seeking.turn(now));
        return;
      case 'queue-check': {
        const dropped = queues.check(membership.members.size, counters.metrics);
        if (dropped > 0) counters.add('drop:broadcast-queue-full', dropped);
        break;
      }
    }
    this.#again(now, type);
  }

  #seekAt(at: Millis): void {
    this.#parts.deadlines.set('seek', at, { type: 'seek' });
  }

  #again(now: Millis, type: Exclude<UpkeepType, 'seek'>): void {
    const { config, deadlines } = this.#parts;
    const intervals = {
      reap: config.reapIntervalMs,
      reconnect: config.reconnectIntervalMs,
      'queue-check': config.queueCheckIntervalMs,
    } satisfies Record<Exclude<UpkeepType, 'seek'>, Millis>;
    deadlines.set(type, now + intervals[type], { type });
  }

  #reconnect(now: Millis): void {
    const { membership, random } = this.#parts;
    const chosen = chooseReconnect(membership.members, random);
    if (chosen === undefined) return;
    if (chosen === 'throttled') {
      const message = 'forgoing reconnect for random throttling';
      this.#parts.trace?.note({ level: 'DEBUG', source: 'serf', message });
      return;
    }
    this.#attempt(now, 'attempting reconnect', { name: chosen.name, address: chosen.facts.address });
  }

  /** Members reaped long ago are tried all at once: one that answers must not wait for those that do not. */
  #seekLost(now: Millis): void {
    const { lost, membership, random } = this.#parts;
    const { size, failed, left } = membership.members;
    for (const node of lost.round(now, size - failed.size - left.size, random)) {
      this.#attempt(now, 'attempting reconnect after reap', node);
    }
  }

  /** A plain SWIM join: no join intent follows, and its outcome does not matter. */
  #attempt(now: Millis, message: string, { name, address }: PreviousNode): void {
    const { operations, swim, trace } = this.#parts;
    const place = hostPort(address);
    const text = `${message} to ${name} ${place}`;
    trace?.note({ level: 'INFO', source: 'serf', message, text, fields: { member: name } });
    const operation = operations.begin(() => {});
    swim.join(now, operation, [{ address, label: `${name}/${place}` }]);
  }
}
