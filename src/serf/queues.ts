import { copyBytes } from '../base/bytes.ts';
import type { Counters } from '../base/counters.ts';
import type { Load } from '../base/load.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Trace } from '../base/trace.ts';
import { BroadcastQueue } from '../swim/broadcasts.ts';
import type { SwimConfig } from '../swim/config.ts';
import type { Packer } from '../swim/packer.ts';
import { retransmitLimit } from '../swim/scaling.ts';
import type { SerfConfig } from './config.ts';

/** Serf's names of its queues in log lines and statistics. */
export type QueueName = 'Intent' | 'Event' | 'Query';

type DepthConfig = Pick<SerfConfig, 'maxQueueDepth' | 'minQueueDepth'>;
type QueueConfig = Pick<SerfConfig, 'queueDepthWarning'> &
  DepthConfig & {
    /** Bytes a datagram with broadcasts is packed to. */
    readonly swim: Pick<SwimConfig, 'udpBufferSize'>;
  };

/** How many times its limit a queue may hold between two checks, which are half a minute apart. */
const FLOOD_FACTOR = 2;

/** Depth above which a queue is pruned (serf.md 19.1). */
export function queueDepthLimit(config: DepthConfig, members: number): number {
  return config.minQueueDepth > 0 ? Math.max(config.minQueueDepth, 2 * members) : config.maxQueueDepth;
}

/** The three transmit-limited queues of the Serf layer (serf.md 20). No broadcast here replaces another. */
export class SerfQueues {
  readonly intents = new BroadcastQueue();
  readonly queries = new BroadcastQueue();
  readonly events = new BroadcastQueue();
  readonly #retransmitMult: number;
  readonly #config: QueueConfig;
  readonly #trace: Trace | undefined;

  constructor(retransmitMult: number, config: QueueConfig, trace: Trace | undefined) {
    this.#retransmitMult = retransmitMult;
    this.#config = config;
    this.#trace = trace;
  }

  /** True when some message waits. */
  get waiting(): boolean {
    return this.intents.size > 0 || this.queries.size > 0 || this.events.size > 0;
  }

  /** How full the queues are, in a cluster of `members`. */
  loads(members: number): Load[] {
    const limit = FLOOD_FACTOR * queueDepthLimit(this.#config, members);
    return [
      { what: 'intent queue', size: this.intents.size, limit },
      { what: 'query queue', size: this.queries.size, limit },
      { what: 'event queue', size: this.events.size, limit },
    ];
  }

  /** Fills a datagram: intents first, then queries, then events. @param members Serf's table size */
  contribute(packer: Packer, members: number): void {
    const limit = retransmitLimit(this.#retransmitMult, members);
    this.intents.fill(packer, limit, 'user');
    this.queries.fill(packer, limit, 'user');
    this.events.fill(packer, limit, 'user');
  }

  /**
   * Queues a peer's message exactly as it came, so that fields we do not know survive. One that fills a datagram alone
   * could never be sent and is dropped.
   */
  pass(queue: BroadcastQueue, payload: Uint8Array, members: number, counters: Counters): void {
    if (payload.length >= this.#config.swim.udpBufferSize) {
      counters.add('drop:broadcast-too-large');
      return;
    }
    this.add(queue, copyBytes(payload), members, counters);
  }

  /** Queues a message; a queue that a flood fills between two checks is cut at once. */
  add(queue: BroadcastQueue, payload: Uint8Array, members: number, counters: Counters): void {
    queue.enqueue(payload);
    const limit = queueDepthLimit(this.#config, members);
    if (queue.size > FLOOD_FACTOR * limit) counters.add('drop:broadcast-queue-full', queue.prune(limit));
  }

  /** Warns of long queues and cuts those above the limit; returns how many messages were dropped. */
  check(members: number, metrics?: Metrics): number {
    const limit = queueDepthLimit(this.#config, members);
    const depths = [
      ['Intent', this.intents],
      ['Event', this.events],
      ['Query', this.queries],
    ] as const satisfies [QueueName, BroadcastQueue][];
    let dropped = 0;
    for (const [name, queue] of depths) {
      const depth = queue.size;
      metrics?.sample(`serf.queue.${name}`, depth);
      if (depth >= this.#config.queueDepthWarning) {
        this.#warn('queue depth', `${name} queue depth: ${depth}`, name, depth);
      }
      if (depth > limit) {
        const text = `${name} queue depth (${depth}) exceeds limit (${limit}), dropping messages!`;
        this.#warn('queue depth exceeds limit', text, name, depth);
        dropped += queue.prune(limit);
      }
    }
    return dropped;
  }

  #warn(message: string, text: string, queue: QueueName, depth: number): void {
    this.#trace?.note({ level: 'WARN', source: 'serf', message, text, fields: { queue, depth } });
  }
}
