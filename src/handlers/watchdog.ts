/** What somebody who may hang shows of himself. */
export interface Progress {
  /** Something is expected of him. */
  readonly owes: boolean;
  /** Changes whenever he gets something done. */
  readonly done: number;
}

/** Notices that nothing gets done for too long although something is owed. */
export class Watchdog {
  readonly #timeoutMs: number;
  readonly #look: () => Progress;
  readonly #onHang: () => void;
  #since: number | undefined;
  #done = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param timeoutMs 0 never notices anything */
  constructor(timeoutMs: number, look: () => Progress, onHang: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#look = look;
    this.#onHang = onHang;
  }

  /** Something may have changed; cheap to call often. */
  check(): void {
    if (this.#timeoutMs === 0) return;
    const { owes, done } = this.#look();
    const now = performance.now();
    if (!owes) this.#since = undefined;
    else if (this.#since === undefined || done !== this.#done) this.#since = now;
    this.#done = done;
    if (this.#since === undefined || this.#timer !== undefined) return;
    if (now - this.#since >= this.#timeoutMs) {
      this.#since = undefined;
      this.#onHang();
      return;
    }
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.check();
      },
      this.#since + this.#timeoutMs - now,
    );
    this.#timer.unref();
  }

  /** Begins anew, with nothing owed. */
  reset(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#since = undefined;
  }
}
