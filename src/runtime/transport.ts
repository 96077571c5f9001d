import type { Address, DatagramFailure, NetworkEffects, StreamId, StreamInput } from '../base/machine.ts';

/** Where a transport delivers. Called from event-loop turns of its own, never from inside an effect. */
export interface Ingress {
  /** `bytes` is borrowed: valid during the call. */
  datagram(from: Address, bytes: Uint8Array): void;
  /**
   * Per stream: `opened` or `accepted` first (or `failed` alone), then `data`, at most one `ended`, and at most one
   * `failed`, which is always the last. Nothing follows `closeStream`.
   */
  stream(id: StreamId, input: StreamInput): void;
  /** A datagram given to `sendDatagram` did not leave this host. */
  undeliverable(to: Address, why: DatagramFailure): void;
}

/**
 * A network a machine can live on: datagrams and streams on one port. Test suite: test/contract/transport.ts, which
 * every implementation passes. `ended` does not close: a stream lives until `closeStream` or `failed`.
 */
export interface Transport extends NetworkEffects {
  /**
   * Binds, then delivers to `ingress` until `signal` aborts, after which nothing is delivered and every effect is
   * ignored. Rejects with ERR_BIND when the address cannot be had; nothing stays open then. Called once.
   */
  start(ingress: Ingress, signal: AbortSignal): Promise<void>;
  /** The bound port; 0 before `start` has resolved. */
  readonly localPort: number;
  /** Resolves when every socket is closed after an abort (or at once when never started). */
  stopped(): Promise<void>;
  /** What was refused or lost at this host, by reason. */
  readonly counters: ReadonlyMap<string, number>;
}
