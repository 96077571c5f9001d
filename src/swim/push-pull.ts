import { hostPort } from '../base/address.ts';
import type { Counters } from '../base/counters.ts';
import type { Deadlines } from '../base/deadlines.ts';
import type { Millis, StreamId } from '../base/machine.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import type { Trace } from '../base/trace.ts';
import type { Awareness } from './awareness.ts';
import type { BroadcastQueue } from './broadcasts.ts';
import type { SwimConfig } from './config.ts';
import type { SwimDeadline } from './deadline.ts';
import type { JoinTarget } from './delegate.ts';
import type { ExchangeFailure } from './joins.ts';
import type { MemberTable } from './members.ts';
import { pushPullScale } from './scaling.ts';

export interface AntiEntropyParts {
  readonly config: SwimConfig;
  readonly members: MemberTable;
  readonly deadlines: Deadlines<SwimDeadline>;
  readonly random: Random;
  readonly queue: BroadcastQueue;
  readonly awareness: Awareness;
  readonly counters: Counters;
  readonly trace: Trace | undefined;
  /** Starts a push/pull that is no join; its end comes back as `exchanged`. */
  readonly openExchange: (now: Millis, target: JoinTarget) => StreamId;
}

/** Anti-entropy: now and then exchange everything with one random member (memberlist.md 2.2, 4.1). */
export class AntiEntropy {
  readonly #parts: AntiEntropyParts;
  #stream: StreamId | undefined;
  #target = '';

  constructor(parts: AntiEntropyParts) {
    const { config, members, deadlines, random, queue, awareness, counters, trace, openExchange } = parts;
    this.#parts = { config, members, deadlines, random, queue, awareness, counters, trace, openExchange };
  }

  start(now: Millis): void {
    const { config, random } = this.#parts;
    if (config.pushPullIntervalMs > 0) this.#arm(now + config.pushPullIntervalMs * random.float());
  }

  /** The table was filled at once: the next exchange comes anywhere in an interval of its size, as if long under way. */
  settleIn(now: Millis): void {
    const { config, random, members, deadlines } = this.#parts;
    if (config.pushPullIntervalMs <= 0) return;
    const intervalMs = config.pushPullIntervalMs * pushPullScale(members.size);
    deadlines.set('push-pull', now + intervalMs * random.float(), { type: 'push-pull' });
  }

  turn(now: Millis): void {
    const { config, members, trace, openExchange, counters } = this.#parts;
    if (counters.metrics !== undefined) this.#measure(counters.metrics);
    const [target] = members.pick(
      1,
      (member) => member.status === 'alive' && member.facts.name !== config.name,
    );
    if (target === undefined) {
      this.#arm(now);
      return;
    }
    const { name, address } = target.facts;
    this.#target = name;
    trace?.note({
      level: 'DEBUG',
      source: 'memberlist',
      message: 'Initiating push/pull sync',
      text: `Initiating push/pull sync with: ${name} ${hostPort(address)}`,
      fields: { node: name },
    });
    this.#stream = openExchange(now, { address, label: name });
  }

  /** The exchange on a stream ended; nothing happens when it was not ours. The next wait counts from here. */
  exchanged(now: Millis, stream: StreamId, failure: ExchangeFailure | undefined): void {
    if (stream !== this.#stream) return;
    this.#stream = undefined;
    if (failure !== undefined) {
      this.#parts.trace?.note({
        level: 'ERR',
        source: 'memberlist',
        message: 'Push/Pull failed',
        text: `Push/Pull with ${this.#target} failed: ${failure.text}`,
        fields: { node: this.#target, why: failure.code },
      });
    }
    this.#arm(now);
  }

  /** What memberlist measures at intervals; counting members costs no more than the exchange itself. */
  #measure(metrics: Metrics): void {
    const { members, queue, awareness } = this.#parts;
    metrics.sample('memberlist.queue.broadcasts', queue.size);
    metrics.gauge('memberlist.health.score', awareness.score);
    const counts = { alive: 0, suspect: 0, dead: 0, left: 0 };
    for (const { status } of members.values()) counts[status] += 1;
    for (const [status, count] of Object.entries(counts)) {
      metrics.gauge(`memberlist.node.instances.${status}`, count);
    }
  }

  #arm(from: Millis): void {
    const { config, members, deadlines } = this.#parts;
    deadlines.set('push-pull', from + config.pushPullIntervalMs * pushPullScale(members.size), {
      type: 'push-pull',
    });
  }
}
