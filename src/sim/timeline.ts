import type { Millis } from '../base/machine.ts';
import { Agenda } from './agenda.ts';
import { Wakes } from './wakes.ts';

/** What comes next: something due, or a host that wants to be woken. */
export interface TimelineReader<T> {
  happen(item: T): void;
  wake(host: number): void;
}

/** Virtual time and everything that is to come, in one order: by instant, then by being caused. */
export class Timeline<T> {
  readonly #agenda = new Agenda<T>();
  readonly #wakes = new Wakes();
  #now: Millis = 0;
  #order = 0;

  get now(): Millis {
    return this.#now;
  }

  /** The next instant at which something happens; `Infinity` for never. */
  get nextAt(): Millis {
    return Math.min(this.#agenda.nextAt, this.#wakes.nextAt);
  }

  /** Has something happen once. */
  push(at: Millis, item: T): void {
    this.#order += 1;
    this.#agenda.push(at, this.#order, item);
  }

  /** Sets or moves the one wake of a host; `Infinity` takes it away. */
  setWake(host: number, at: Millis): void {
    if (at === Number.POSITIVE_INFINITY) {
      this.#wakes.cancel(host);
      return;
    }
    this.#order += 1;
    this.#wakes.set(host, Math.max(at, this.#now), this.#order);
  }

  /** Does whatever happens at `nextAt`, once; there must be something. */
  step(reader: TimelineReader<T>): void {
    const event = this.#agenda.nextAt;
    const wake = this.#wakes.nextAt;
    this.#now = Math.max(this.#now, Math.min(event, wake));
    if (wake < event || (wake === event && this.#wakes.nextOrder < this.#agenda.nextOrder)) {
      const host = this.#wakes.take();
      if (host !== undefined) reader.wake(host);
      return;
    }
    const item = this.#agenda.pop();
    if (item !== undefined) reader.happen(item);
  }

  /** Lets everything happen up to an instant, which becomes the present. */
  runTo(until: Millis, reader: TimelineReader<T>): void {
    while (this.nextAt <= until) this.step(reader);
    this.#now = Math.max(this.#now, until);
  }
}
