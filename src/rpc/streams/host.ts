import type { RpcBackend } from '../backend.ts';
import type { WireStruct } from '../protocol.ts';

/** What a stream needs of the connection it writes to. */
export interface StreamHost {
  readonly backend: RpcBackend;
  /** Sends one record of the stream `seq`. */
  record(seq: bigint, body: WireStruct): void;
  /** Resolves when the client reads again, or is gone. */
  ready(): Promise<void>;
  /** One record was lost because the client is slow: counted, and told without entering the log path again. */
  dropped(what: 'event' | 'logs'): void;
  /** A stream broke on our side. */
  failed(error: unknown): void;
}
