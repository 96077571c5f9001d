import type { Socket } from 'node:net';

/** Above this much unread output a client counts as slow: its next request and its event streams wait. */
export const SLOW_CLIENT_BYTES = 1024 * 1024;

/** Above this much unread output a client is cut off; only records that cannot be dropped lead here. */
export const STUCK_CLIENT_BYTES = 16 * 1024 * 1024;

/** What one client has not read yet, bounded. Every frame is one write, so frames never mix. */
export class ClientOutput {
  readonly #socket: Socket;
  readonly #onStuck: () => void;
  readonly #waiting: (() => void)[] = [];

  /** @param onStuck called when the client is beyond the hard limit; it must be disconnected */
  constructor(socket: Socket, onStuck: () => void) {
    this.#socket = socket;
    this.#onStuck = onStuck;
    const wake = (): void => {
      for (const resume of this.#waiting.splice(0)) resume();
    };
    socket.on('drain', wake);
    socket.on('close', wake);
  }

  /** Sends one frame; does nothing once the connection is gone. */
  send(frame: Uint8Array): void {
    if (!this.#socket.writable) return;
    if (this.#socket.writableLength > STUCK_CLIENT_BYTES) {
      this.#onStuck();
      return;
    }
    this.#socket.write(frame);
  }

  get slow(): boolean {
    return this.#socket.writable && this.#socket.writableLength > SLOW_CLIENT_BYTES;
  }

  /** Resolves when the client has read enough, or is gone. */
  async ready(): Promise<void> {
    while (this.slow) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Resolves when everything sent is handed to the system, the client is gone, or `limitMs` have passed. */
  flushed(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#socket.writable) {
        resolve();
        return;
      }
      const timer = setTimeout(resolve, limitMs);
      this.#socket.write('', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
