import { unreachable } from '../base/assert.ts';
import type { Millis } from '../base/machine.ts';
import type { SwimDeadline } from './deadline.ts';
import type { Flushes } from './flushes.ts';
import type { Gossiper } from './gossiper.ts';
import type { Membership } from './membership.ts';
import type { PingResponder } from './pings.ts';
import type { Prober } from './prober.ts';
import type { AntiEntropy } from './push-pull.ts';
import type { Streams } from './streams.ts';

/** The parts that set deadlines. */
export interface TimedParts {
  readonly prober: Prober;
  readonly pings: PingResponder;
  readonly gossiper: Gossiper;
  readonly antiEntropy: AntiEntropy;
  readonly membership: Membership;
  readonly streams: Streams;
  readonly flushes: Flushes;
}

/** A deadline has come: hands it to the part that set it. */
export function fire(now: Millis, parts: TimedParts, due: SwimDeadline): void {
  switch (due.type) {
    case 'probe':
      parts.prober.turn(now);
      return;
    case 'ack-late':
      parts.prober.ackLate();
      return;
    case 'probe-over':
      parts.prober.over(now);
      return;
    case 'relay-over':
      parts.pings.relayOver(due.seq);
      return;
    case 'gossip':
      parts.gossiper.round(now);
      return;
    case 'push-pull':
      parts.antiEntropy.turn(now);
      return;
    case 'suspicion':
      parts.membership.suspicionExpired(now, due.name);
      return;
    case 'stream':
      parts.streams.expired(now, due.id);
      return;
    case 'flush':
      parts.flushes.expired(now, due.operation);
      return;
    default:
      unreachable(due);
  }
}
