import type { Millis } from '../../base/machine.ts';
import type { UserEvent } from '../../events/event.ts';

/** Names of the events a rehearsal sends begin with this. */
const PREFIX = 'rehearsal-';

/** One user event on its way. */
export interface SentEvent {
  readonly at: Millis;
  /** Which life each node was in that ran when it was sent; its sender is not among them. */
  readonly audience: ReadonlyMap<number, number>;
  /** When each of these got it, milliseconds after `at`, in order. */
  readonly learned: Millis[];
  readonly reached: Set<number>;
}

/** Follows the user events of a rehearsal. */
export class EventsSeen {
  readonly sent: SentEvent[] = [];

  /** The name for the next event; the caller sends it at once. */
  begin(at: Millis, audience: SentEvent['audience']): string {
    this.sent.push({ at, audience, learned: [], reached: new Set() });
    return `${PREFIX}${this.sent.length}`;
  }

  /** A node in this life has published a user event. */
  published(node: number, life: number, event: UserEvent, now: Millis): void {
    const sent = event.name.startsWith(PREFIX)
      ? this.sent[Number(event.name.slice(PREFIX.length)) - 1]
      : undefined;
    if (sent?.audience.get(node) !== life || sent.reached.has(node)) return;
    sent.reached.add(node);
    sent.learned.push(now - sent.at);
  }
}
