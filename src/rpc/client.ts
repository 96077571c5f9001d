import { CodedError } from '../base/errors.ts';
import type { KeyReport, KeyRequest, WireCoordinate } from './backend.ts';
import { type ClientQuery, keyBody, queryBody, texts } from './client-bodies.ts';
import { RpcStream } from './client-stream.ts';
import { wireInteger, wireText, wireTextMap } from './codec.ts';
import { type Answer, Connection, protocolError } from './connection.ts';
import { dial } from './dial.ts';
import { type Fields, textField } from './fields.ts';
import { membersField } from './member-body.ts';
import {
  type CommandName,
  type MemberFilter,
  type MemberList,
  RPC_VERSION,
  type RpcAddress,
  type StatGroups,
  type StreamedEvent,
  type WireStruct,
} from './protocol.ts';
import {
  type ClientQueryRecord,
  coordinateOf,
  joinReport,
  keyReport,
  queryRecord,
  statGroups,
  streamedEvent,
} from './records.ts';
import {
  jsonField,
  type PreviewRecord,
  type RendererRecord,
  type RenderRunRecord,
} from './render-records.ts';

/** What dialling and ordinary answers may take. */
export const DEFAULT_TIMEOUT_MS = 10_000;

/** Joins of dead addresses, leaves and key changes of large clusters are slow and still succeed. */
export const DEFAULT_LONG_TIMEOUT_MS = 300_000;

export interface ConnectOptions {
  readonly address: RpcAddress;
  /** Absent or empty: no authentication is tried. */
  readonly authKey?: string;
  readonly timeoutMs?: number;
  /** For join, leave, force-leave, tags and keys. */
  readonly longTimeoutMs?: number;
  /** Aborting gives up connecting, later closes the client. */
  readonly signal?: AbortSignal;
}

const LONG_COMMANDS: ReadonlySet<CommandName> = new Set([
  'join',
  'leave',
  'force-leave',
  'tags',
  'install-key',
  'use-key',
  'remove-key',
  'list-keys',
  'render',
  'handler-rerun',
  'handler-test',
]);

/**
 * A connection to an agent, ours or Serf's. Calls reject with a CodedError: `ERR_RPC_REMOTE` with the agent's own text,
 * `ERR_RPC_CLOSED` (`client closed`), `ERR_RPC_TIMEOUT`, or `ERR_RPC_PROTOCOL` when the agent makes no sense.
 */
export class RpcClient {
  readonly #connection: Connection;
  readonly #timeoutMs: number;
  readonly #longTimeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = (): void => void this.close();

  /**
   * Dials, shakes hands and authenticates. A connection that cannot be made is `ERR_RPC_CONNECT`, in Go's words; an
   * address that is none is `ERR_ARGUMENT`.
   */
  static async connect(options: ConnectOptions): Promise<RpcClient> {
    if (typeof options?.address !== 'object' || options.address === null) {
      throw new CodedError(
        'ERR_ARGUMENT',
        "address must be an object: { host: '127.0.0.1', port: 7373 }, or { path: '/var/lib/reeve/rpc.sock' }",
      );
    }
    const socket = await dial(options.address, options.timeoutMs ?? DEFAULT_TIMEOUT_MS, options.signal);
    const client = new RpcClient(new Connection(socket), options);
    try {
      await client.#call('handshake', { Version: RPC_VERSION });
      if (options.authKey) await client.#call('auth', { AuthKey: wireText(options.authKey) });
    } catch (error) {
      await client.close();
      throw options.signal?.aborted ? options.signal.reason : error;
    }
    return client;
  }

  private constructor(connection: Connection, options: ConnectOptions) {
    this.#connection = connection;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#longTimeoutMs = options.longTimeoutMs ?? DEFAULT_LONG_TIMEOUT_MS;
    this.#signal = options.signal;
    this.#signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** Hangs up. Streams end, calls under way reject with `client closed`. */
  async close(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#abort);
    await this.#connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Broadcasts a user event. */
  async event(name: string, payload: Uint8Array | null = null, coalesce = true): Promise<void> {
    await this.#call('event', { Coalesce: coalesce, Name: wireText(name), Payload: payload });
  }

  /** Declares a failed member left, or forgets it. */
  async forceLeave(node: string, prune = false): Promise<void> {
    await this.#call('force-leave', { Node: wireText(node), Prune: prune });
  }

  /**
   * Returns how many of the addresses answered. `onWarning` is called before that with what may yet part the agent from
   * them, in sentences: its name is taken. Real agents tell only their log.
   */
  async join(
    addresses: readonly string[],
    replay = false,
    onWarning?: (text: string) => void,
  ): Promise<number> {
    const body = { Existing: texts(addresses), Replay: replay };
    const asked = onWarning === undefined ? body : { ...body, Warn: true };
    const { count, warnings } = await this.#ask('join', asked, joinReport);
    for (const text of warnings) onWarning?.(text);
    return count;
  }

  /** Resolves when the agent has left; it then shuts down. */
  async leave(): Promise<void> {
    await this.#call('leave');
  }

  async members(): Promise<MemberList> {
    return this.#ask('members', undefined, membersField);
  }

  async membersFiltered(filter: MemberFilter): Promise<MemberList> {
    const body = {
      Name: wireText(filter.name ?? ''),
      Status: wireText(filter.status ?? ''),
      Tags: wireTextMap(filter.tags ?? new Map()),
    };
    return this.#ask('members-filtered', body, membersField);
  }

  /** Changes the agent's tags: minus `remove`, plus `set`. */
  async updateTags(set: ReadonlyMap<string, string>, remove: readonly string[] = []): Promise<void> {
    await this.#call('tags', { DeleteTags: texts(remove), Tags: wireTextMap(set) });
  }

  async stats(): Promise<StatGroups> {
    return this.#ask('stats', undefined, statGroups);
  }

  /** Where every renderer of the agent stands. Real Serf answers `Unsupported command`. */
  async renderers(): Promise<readonly RendererRecord[]> {
    return this.#ask('renderers', undefined, jsonField<readonly RendererRecord[]>);
  }

  /** What a render would do. */
  async previewRenderer(name: string): Promise<PreviewRecord> {
    return this.#ask('render-preview', { Name: wireText(name) }, jsonField<PreviewRecord>);
  }

  /** Renders now; needs the unix socket or an RPC key. */
  async runRenderer(name: string): Promise<RenderRunRecord> {
    return this.#ask('render', { Name: wireText(name) }, jsonField<RenderRunRecord>);
  }

  /** Asks what Serf's agents do not know (they answer `Unsupported command`); the answer is JSON of any shape. */
  async ask<T>(command: CommandName, body?: WireStruct): Promise<T> {
    return this.#ask(command, body, jsonField<T>);
  }

  /** Undefined when the agent does not know the node. */
  async coordinate(node: string): Promise<WireCoordinate | undefined> {
    return this.#ask('get-coordinate', { Node: wireText(node) }, coordinateOf);
  }

  /** A key change that failed on some nodes is a report with `error`, not a rejection. */
  async keys(request: KeyRequest): Promise<KeyReport> {
    const answer =
      request.action === 'list'
        ? await this.#request('list-keys')
        : await this.#request(`${request.action}-key`, keyBody(request));
    if (answer.body.size === 0 && answer.error !== '') throw remoteError(answer.error);
    return sensible(() => keyReport(answer.body, answer.error));
  }

  /** Answers a query that an event stream of this client delivered. */
  async respond(id: number, payload: Uint8Array): Promise<void> {
    await this.#call('respond', { ID: wireInteger(id), Payload: payload });
  }

  /** Events that match `filter` (agent.md 14.1), from now on. */
  async stream(filter = '*'): Promise<RpcStream<StreamedEvent>> {
    return this.#subscribe('stream', { Type: filter }, (stream, fields) =>
      stream.push(streamedEvent(fields)),
    );
  }

  /** The agent's log at `level` and above, recent lines first; one per client. */
  async monitor(level: string): Promise<RpcStream<string>> {
    return this.#subscribe('monitor', { LogLevel: level }, (stream, fields) =>
      stream.push(textField(fields, 'Log')),
    );
  }

  /**
   * Asks the cluster; acks and answers come until the deadline, or until `until` is fulfilled where the agent is one of
   * ours, which then tells last who stayed silent. Leaving the loop only stops listening.
   */
  async query(query: ClientQuery): Promise<RpcStream<ClientQueryRecord>> {
    return this.#subscribe<ClientQueryRecord>('query', queryBody(query), (stream, fields, seq) => {
      const record = queryRecord(fields);
      if (record?.type === 'over') {
        this.#connection.detach(seq);
        if (record.silent !== undefined) stream.push({ type: 'silent', names: record.silent });
        stream.end();
      } else if (record !== undefined) stream.push(record);
    });
  }

  async #subscribe<T>(
    command: 'stream' | 'monitor' | 'query',
    body: WireStruct,
    read: (stream: RpcStream<T>, fields: Fields, seq: bigint) => void,
  ): Promise<RpcStream<T>> {
    const seq = this.#connection.nextSeq();
    const stream = new RpcStream<T>(async () => {
      this.#connection.detach(seq);
      if (command !== 'query') await this.#call('stop', { Stop: wireInteger(seq) });
    });
    this.#connection.attach(seq, {
      record: (fields) => read(stream, fields, seq),
      end: (failure) => stream.end(failure),
    });
    try {
      successful(await this.#connection.request(command, seq, body, this.#timeoutMs));
    } catch (error) {
      this.#connection.detach(seq);
      throw error;
    }
    return stream;
  }

  async #ask<T>(command: CommandName, body: WireStruct | undefined, read: (fields: Fields) => T): Promise<T> {
    const fields = await this.#call(command, body);
    return sensible(() => read(fields));
  }

  async #call(command: CommandName, body?: WireStruct): Promise<Fields> {
    return successful(await this.#request(command, body));
  }

  #request(command: CommandName, body?: WireStruct): Promise<Answer> {
    const timeoutMs = LONG_COMMANDS.has(command) ? this.#longTimeoutMs : this.#timeoutMs;
    return this.#connection.request(command, this.#connection.nextSeq(), body, timeoutMs);
  }
}

/** What `read` makes of an answer; an answer it refuses is the agent's fault. */
function sensible<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw protocolError(error);
  }
}

function successful(answer: Answer): Fields {
  if (answer.error !== '') throw remoteError(answer.error);
  return answer.body;
}

function remoteError(text: string): CodedError {
  return new CodedError('ERR_RPC_REMOTE', text);
}
