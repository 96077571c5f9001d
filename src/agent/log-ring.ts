import { Ring } from '../base/ring.ts';
import type { LogSubscription } from '../rpc/backend.ts';

/** Lines a new monitor is shown (agent.md 4.2). */
export const LOG_RING_LINES = 512;

/** The last lines of the log, all levels, and whoever follows it. */
export class LogRing {
  readonly #lines = new Ring<string>(LOG_RING_LINES);
  readonly #readers = new Set<Reader>();

  push(line: string): void {
    this.#lines.push(line);
    for (const reader of this.#readers) reader.offer(line);
  }

  /**
   * The lines kept, then live ones. A reader that lags loses its oldest lines and is told so. Following starts with
   * this call, and ends when `signal` aborts or the iterator returns.
   */
  follow(options: LogSubscription): AsyncIterable<string> {
    const reader = new Reader(options);
    for (const line of this.#lines) reader.offer(line);
    if (options.signal.aborted) {
      reader.end();
    } else {
      this.#readers.add(reader);
      options.signal.addEventListener('abort', () => this.#drop(reader), { once: true });
    }
    return reader.read(() => this.#drop(reader));
  }

  #drop(reader: Reader): void {
    this.#readers.delete(reader);
    reader.end();
  }
}

class Reader {
  readonly #held: Ring<string>;
  readonly #onDrop: (line: string) => void;
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(options: LogSubscription) {
    this.#held = new Ring(options.capacity);
    this.#onDrop = options.onDrop;
  }

  offer(line: string): void {
    const lost = this.#held.push(line);
    if (lost !== undefined) this.#onDrop(lost);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *read(onReturn: () => void): AsyncGenerator<string> {
    try {
      while (!this.#ended) {
        const line = this.#held.shift();
        if (line !== undefined) {
          yield line;
          continue;
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    } finally {
      onReturn();
    }
  }
}
