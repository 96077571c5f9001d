import type { ClusterEvent } from './event.ts';
import { type SubscribeOptions, Subscription } from './subscription.ts';

/** Counts since the bus was made; `subscribers` is the present number. */
export interface BusStats {
  readonly published: number;
  readonly dropped: number;
  readonly subscribers: number;
}

/**
 * Fans events out to any number of readers, each with a bounded buffer of its own: a reader that is slow or gone costs
 * nobody else anything. Publishing never waits.
 */
export class EventBus {
  readonly #subscriptions = new Set<Subscription>();
  #published = 0;
  #droppedByGone = 0;
  #closed = false;

  get stats(): BusStats {
    let dropped = this.#droppedByGone;
    for (const subscription of this.#subscriptions) dropped += subscription.dropped;
    return { published: this.#published, dropped, subscribers: this.#subscriptions.size };
  }

  /** Offers the event to every subscriber, in the order they came. Ignored once closed. */
  publish(event: ClusterEvent): void {
    if (this.#closed) return;
    this.#published += 1;
    for (const subscription of this.#subscriptions) subscription.offer(event);
  }

  /**
   * Every event from this call on, whether or not anybody reads yet. It ends when the signal aborts, the reader
   * returns, or the bus closes; a reader that never ends it any of these ways keeps its buffer alive.
   */
  subscribe(options: SubscribeOptions): Subscription {
    const subscription = new Subscription(options, (ended) => {
      if (this.#subscriptions.delete(ended)) this.#droppedByGone += ended.dropped;
    });
    if (this.#closed) subscription.close();
    else if (!subscription.ended) this.#subscriptions.add(subscription);
    return subscription;
  }

  /** Ends every subscription after what it has buffered. */
  close(): void {
    this.#closed = true;
    for (const subscription of [...this.#subscriptions]) subscription.close();
  }
}
