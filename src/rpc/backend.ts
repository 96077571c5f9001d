import type { ClusterEvent, MemberInfo } from '../events/event.ts';
import type { HandlerOperations } from './handler-records.ts';
import type { PreviewRecord, RendererRecord, RenderRunRecord } from './render-records.ts';

/** What the RPC server needs from an agent; the agent supplies it, so the server knows no agent. */
export interface RpcBackend {
  /** Every known member, failed and left ones included, sorted by name. */
  members(): readonly MemberInfo[];
  /** Contacts each address; returns how many answered. Throws a CodedError with Serf's text when none did. */
  join(
    addresses: readonly string[],
    replay: boolean,
    /** Told of what may yet part the agent from those that answered. */
    onWarning?: (text: string) => void,
  ): Promise<number>;
  /** Resolves when the graceful leave is over; the agent shuts down after `afterLeave` is called. */
  leave(): Promise<void>;
  /** The `leave` answer has been written: now the agent may go. */
  afterLeave(): void;
  forceLeave(node: string, prune: boolean): Promise<void>;
  /** Throws a CodedError with Serf's size texts. */
  userEvent(name: string, payload: Uint8Array | null, coalesce: boolean): void;
  /** Starts a query; the iterable ends when the query does. Throws synchronously when it cannot start. */
  query(request: QueryRequest): QueryRun;
  /** Answers a query event by its id. Throws a CodedError with Serf's texts. */
  respond(queryId: number, payload: Uint8Array): void;
  /** Replaces the configured tags as Serf does: minus `remove`, plus `set`. */
  updateTags(set: ReadonlyMap<string, string>, remove: readonly string[]): Promise<void>;
  /** Serf's `stats` groups (agent.md 3.5). */
  stats(): ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Events after coalescing, from now on; internal queries never appear. Ends when `signal` aborts. */
  events(options: EventSubscription): AsyncIterable<ClusterEvent>;
  /** Log lines: first the backlog, then live ones; bounded, oldest dropped. Ends when `signal` aborts. */
  logs(options: LogSubscription): AsyncIterable<string>;
  /** A Vivaldi coordinate, or undefined when the node is unknown. Throws when coordinates are disabled. */
  coordinate(node: string): WireCoordinate | undefined;
  /** Cluster-wide key operations. */
  keys(request: KeyRequest): Promise<KeyReport>;
  /** Where every renderer stands, in the order of the configuration. */
  renderers(): readonly RendererRecord[];
  /** What a render would do; throws a CodedError for an unknown name, or when it could not be rendered. */
  previewRenderer(name: string): Promise<PreviewRecord>;
  /** Renders now. Throws a CodedError for an unknown name. */
  runRenderer(name: string): Promise<RenderRunRecord>;
  /** What operators ask of handlers. */
  readonly supervision: HandlerOperations;
  /** Milliseconds after which a started query is over, for queries that leave the timeout to the agent. */
  defaultQueryTimeoutMs(): number;
}

export interface EventSubscription {
  readonly signal: AbortSignal;
  /** Events held for a slow reader before new ones are dropped. */
  readonly capacity: number;
  /** Called for each event dropped because the reader is slow. */
  readonly onDrop: (event: ClusterEvent) => void;
}

export interface LogSubscription {
  readonly signal: AbortSignal;
  readonly capacity: number;
  /** Called with each line dropped because the reader is slow. */
  readonly onDrop: (line: string) => void;
}

export interface QueryRequest {
  readonly name: string;
  readonly payload: Uint8Array | null;
  readonly filterNodes: readonly string[];
  /** tag → RE2 expression, searched unanchored. */
  readonly filterTags: ReadonlyMap<string, string>;
  readonly requestAck: boolean;
  readonly relayFactor: number;
  /** Milliseconds; 0 asks for the default. */
  readonly timeoutMs: number;
  /** Whether it may end before its deadline, and when; absent for clients that know only deadlines, as all of Serf's. */
  readonly until?: QueryUntil | undefined;
}

/** `acks`: once everybody asked has acknowledged; `responses`: once everybody asked has answered. */
export const QUERY_UNTIL = ['acks', 'responses'] as const;
export type QueryUntil = (typeof QUERY_UNTIL)[number];

/** A query under way: what comes back, and, once over, who asked for an answer gave no sign. */
export interface QueryRun extends AsyncIterable<QueryRecord> {
  readonly tally?: { readonly silent: readonly string[] } | undefined;
}

export type QueryRecord =
  | { readonly type: 'ack'; readonly from: string }
  | { readonly type: 'response'; readonly from: string; readonly payload: Uint8Array };

export interface WireCoordinate {
  readonly vec: readonly number[];
  readonly error: number;
  readonly adjustment: number;
  readonly height: number;
}

export interface KeyRequest {
  readonly action: 'install' | 'use' | 'remove' | 'list';
  /** Base64, exactly as the client sent it; empty for `list`. */
  readonly key: string;
  /** Remove the key also when that may lock members out; real Serf knows no such field. */
  readonly force?: boolean;
}

/** What a key operation found; `error` is set when it failed on some node (Serf sends the body all the same). */
export interface KeyReport {
  readonly messages: ReadonlyMap<string, string>;
  readonly keys: ReadonlyMap<string, number>;
  readonly numNodes: number;
  readonly numErr: number;
  readonly numResp: number;
  readonly error?: string;
}
