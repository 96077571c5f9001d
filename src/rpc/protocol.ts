import type { MemberEvent, MemberInfo, UserEvent } from '../events/event.ts';

/** The RPC dialect's vocabulary: commands, texts and bodies (agent.md 1-6). Field names are Go's, sorted by byte order. */

/** The only protocol version there is. */
export const RPC_VERSION = 1;

/** Where an RPC server listens or a client connects: TCP, or the path of a unix socket. */
export type RpcAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** Which values travel beside the headers of a command. */
export interface CommandShape {
  /** The request header is followed by a body. */
  readonly request: boolean;
  /** Clients read a body after every answer, whatever its error, except `Authentication required`. */
  readonly answer: boolean;
}

/** Every command of agent.md 3. */
export const COMMANDS = {
  handshake: { request: true, answer: false },
  auth: { request: true, answer: false },
  event: { request: true, answer: false },
  'force-leave': { request: true, answer: false },
  join: { request: true, answer: true },
  leave: { request: false, answer: false },
  members: { request: false, answer: true },
  'members-filtered': { request: true, answer: true },
  tags: { request: true, answer: false },
  stream: { request: true, answer: false },
  monitor: { request: true, answer: false },
  stop: { request: true, answer: false },
  query: { request: true, answer: false },
  respond: { request: true, answer: false },
  'install-key': { request: true, answer: true },
  'use-key': { request: true, answer: true },
  'remove-key': { request: true, answer: true },
  'list-keys': { request: false, answer: true },
  stats: { request: false, answer: true },
  'get-coordinate': { request: true, answer: true },
  // Not Serf's: its agents answer that they do not support them.
  renderers: { request: false, answer: true },
  'render-preview': { request: true, answer: true },
  render: { request: true, answer: true },
  handlers: { request: false, answer: true },
  'handler-log': { request: true, answer: true },
  'handler-rerun': { request: true, answer: true },
  'handler-test': { request: true, answer: true },
  approve: { request: true, answer: true },
} as const satisfies Record<string, CommandShape>;

export type CommandName = keyof typeof COMMANDS;

/** True for a command this protocol has; safe for names such as `constructor`. */
export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

/** Texts old clients compare or show (agent.md 6). */
export const RPC_ERRORS = {
  unsupportedCommand: 'Unsupported command',
  unsupportedVersion: 'Unsupported IPC version',
  handshakeRepeated: 'Handshake already performed',
  handshakeRequired: 'Handshake required',
  monitorExists: 'Monitor already exists',
  invalidFilter: 'Invalid event filter',
  streamExists: 'Stream with given sequence exists',
  noPendingQuery: 'No pending queries matching ID',
  authRequired: 'Authentication required',
  invalidToken: 'Invalid authentication token',
  unknownLogLevel: 'Unknown log level: ',
  internalQuery: "Queries cannot contain the '_serf_' prefix",
  leaveInProgress: 'Leave already in progress',
  clientClosed: 'client closed',
} as const;

/** Why a command of ours is refused over TCP without a key; `socket` is the path that would do. */
export function privilegedError(socket: string | undefined): string {
  const where = socket === undefined ? '' : ` (-rpc-addr=unix:${socket})`;
  return `This command runs programs or changes files: use the agent's unix socket${where}, or give the agent an RPC key (rpc_auth); over a TCP port without a key anybody could run it`;
}

/** The one internal query a client may ask, and only without a payload (agent.md 3.4). */
export const PING_QUERY = '_serf_ping';
export const INTERNAL_QUERY_PREFIX = '_serf_';

/** A value msgpackr writes in this dialect; `Encoded` (codec.ts) stands for what it cannot write by itself. */
export type WireValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | { readonly bytes: Uint8Array }
  | readonly WireValue[]
  | ReadonlyMap<WireValue, WireValue>
  | { readonly [field: string]: WireValue };

/** A struct: a map whose keys are written in the order of the object, which is byte order. */
export type WireStruct = { readonly [field: string]: WireValue };

/** Levels a monitor may ask for, lowest first. */
export const LOG_LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERR'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A query as a stream subscriber sees it: `id` belongs to the connection and goes back with `respond`. */
export interface StreamedQuery {
  readonly type: 'query';
  readonly id: number;
  readonly ltime: number;
  readonly name: string;
  readonly payload: Uint8Array | null;
}

/**
 * `dropped` events were lost at this place, as the client did not read them in time. Our agents' own record: real ones
 * lose events silently.
 */
export interface StreamGap {
  readonly type: 'gap';
  readonly dropped: number;
}

/** What an event stream delivers. */
export type StreamedEvent = MemberEvent | UserEvent | StreamedQuery | StreamGap;

/** The `Event` of a record that names a loss; no event of Serf has this name. */
export const GAP_EVENT = 'gap';

/** Which members `members-filtered` asks for: RE2 expressions, anchored without a group (agent.md 3.2). */
export interface MemberFilter {
  readonly tags?: ReadonlyMap<string, string>;
  /** Empty or absent: any. */
  readonly status?: string;
  readonly name?: string;
}

/** Groups of named texts, as `stats` answers. */
export type StatGroups = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Members as `members` answers. */
export type MemberList = readonly MemberInfo[];
