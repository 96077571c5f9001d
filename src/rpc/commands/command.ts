import { CodedError } from '../../base/errors.ts';
import type { RpcBackend } from '../backend.ts';
import type { Fields } from '../fields.ts';
import type { WireStruct, WireValue } from '../protocol.ts';
import type { StreamTable } from '../streams/table.ts';

/** What a command may touch. */
export interface CommandContext {
  readonly backend: RpcBackend;
  /** The request's number, under which streams send their records. */
  readonly seq: bigint;
  readonly streams: StreamTable;
  readonly access: Access;
  /** The client came through the unix socket or has shown the RPC key. */
  readonly trusted: boolean;
  log(level: 'INFO' | 'ERR', text: string): void;
  /** Resolves when the answers so far have left, the client is gone, or a short wait is over. */
  flushed(): Promise<void>;
}

/** How far a connection has come. */
export interface Access {
  readonly handshaken: boolean;
  handshake(): void;
  /** True, and from then on remembered, when `key` is the agent's. */
  authenticate(key: string): boolean;
}

/** What goes back: an empty `error` is success; `body` is sent exactly for the commands clients read one after. */
export interface Reply {
  readonly error?: string;
  readonly body?: WireValue;
  /** Runs once the answer is written, so that no record can precede it. */
  readonly afterwards?: () => void | Promise<void>;
}

/** One RPC command. A WireError thrown while reading the body ends the connection; any other error is the answer. */
export interface Command {
  run(context: CommandContext, body: Fields): Reply | Promise<Reply>;
  /** The body beside an error, for commands clients always read a body after. */
  readonly emptyBody?: WireStruct;
  /** It runs programs or changes files: refused over TCP where there is no RPC key, for anybody could ask. */
  readonly privileged?: true;
}

/** A refusal with one of the texts clients know. */
export function refusal(text: string): CodedError {
  return new CodedError('ERR_RPC_REFUSED', text);
}
