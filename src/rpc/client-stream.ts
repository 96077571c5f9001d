import type { CodedError } from '../base/errors.ts';
import { Ring } from '../base/ring.ts';

/** Records held for a reader that is slower than the agent; the oldest go first. */
export const CLIENT_STREAM_CAPACITY = 1024;

/**
 * Records of one stream, monitor or query, from the moment the agent agreed. Iterate it once. It ends when it is
 * stopped, when a query is over, or when the client is closed; it throws when the agent hangs up. Leaving the loop
 * stops it.
 */
export class RpcStream<T> implements AsyncIterableIterator<T> {
  readonly #ring = new Ring<T>(CLIENT_STREAM_CAPACITY);
  readonly #stop: () => Promise<void>;
  #wake: (() => void) | undefined;
  #ended = false;
  #failure: CodedError | undefined;

  /** @param stop asks the agent to end it; does nothing when it has ended */
  constructor(stop: () => Promise<void>) {
    this.#stop = stop;
  }

  /** Records lost because the reader was slow. */
  get dropped(): number {
    return this.#ring.dropped;
  }

  /** Gives the reader one more record. */
  push(item: T): void {
    if (this.#ended) return;
    this.#ring.push(item);
    this.#wake?.();
  }

  /** No more records; those held are still read, then `failure` is thrown, if any. */
  end(failure?: CodedError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    while (this.#ring.size === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const item = this.#ring.shift();
    if (item !== undefined) return { done: false, value: item };
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
    return { done: true, value: undefined };
  }

  /** Ends the stream here and at the agent, discarding what is held; the same as leaving the loop. */
  async return(): Promise<IteratorResult<T, undefined>> {
    while (this.#ring.size > 0) this.#ring.shift();
    if (!this.#ended) {
      this.end();
      await this.#stop();
    }
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
