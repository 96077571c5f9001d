import type { OverflowRule } from './supervised.ts';

export interface BacklogOptions {
  /** The handler's name. */
  readonly name: string;
  readonly limit: number;
  readonly overflow: OverflowRule;
  readonly warn: (text: string) => void;
}

/** Tells of events lost to a full queue: when that begins, and how many it were once the handler has caught up. */
export class BacklogNotice {
  readonly #options: BacklogOptions;
  #lost = 0;

  constructor(options: BacklogOptions) {
    this.#options = options;
  }

  lost(): void {
    if (this.#lost === 0) {
      const { name, limit, overflow, warn } = this.#options;
      const which = overflow === 'drop-oldest' ? 'oldest' : 'newest';
      warn(`Handler '${name}' is ${limit} events behind, dropping the ${which}`);
    }
    this.#lost += 1;
  }

  caughtUp(): void {
    if (this.#lost === 0) return;
    this.#options.warn(`Handler '${this.#options.name}' caught up, ${this.#lost} events were dropped`);
    this.#lost = 0;
  }
}
