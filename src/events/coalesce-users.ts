import type { UserEvent } from './event.ts';

/** User events held before they are let go early; each may carry a payload of several kilobytes. */
export const MAX_HELD_USER_EVENTS = 1024;

/**
 * The coalescing user events of one window: per name those of the highest Lamport time (serf.md 15.3). Equal times are
 * different events and all stay; smaller ones are dropped.
 */
export class HeldUserEvents {
  readonly #byName = new Map<string, UserEvent[]>();
  #size = 0;

  get full(): boolean {
    return this.#size >= MAX_HELD_USER_EVENTS;
  }

  hold(event: UserEvent): void {
    const held = this.#byName.get(event.name);
    const ltime = held?.[0]?.ltime;
    if (held === undefined || ltime === undefined || event.ltime > ltime) {
      this.#size += 1 - (held?.length ?? 0);
      this.#byName.set(event.name, [event]);
    } else if (event.ltime === ltime) {
      this.#size += 1;
      held.push(event);
    }
  }

  /** Removes and returns what is held under one name, in order of arrival. */
  takeName(name: string): UserEvent[] {
    const held = this.#byName.get(name) ?? [];
    this.#byName.delete(name);
    this.#size -= held.length;
    return held;
  }

  /** Empties the window, in Lamport order. */
  take(): UserEvent[] {
    const events = [...this.#byName.values()].flat();
    this.#byName.clear();
    this.#size = 0;
    return events.sort((a, b) => a.ltime - b.ltime);
  }
}
