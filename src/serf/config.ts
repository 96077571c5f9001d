import { bytesOfText } from '../base/bytes.ts';
import { CodedError } from '../base/errors.ts';
import type { MemberInfo } from '../events/event.ts';
import type { SwimConfig } from '../swim/config.ts';
import type { LastTimes, PreviousNode } from './snapshot.ts';

/** Serf protocol versions spoken (serf.md 4.3). */
export const PROTOCOL_MIN = 2;
export const PROTOCOL_MAX = 5;

/** memberlist's protocol under every Serf protocol (serf.md 4.3). */
export const SWIM_PROTOCOL = 2;

/** Encoded tags, magic byte included, must fit SWIM's metadata. */
export const TAGS_SIZE_LIMIT = 512;

/** No configuration may allow larger user events: 9 KiB. */
export const USER_EVENT_SIZE_MAX = 9216;

/** What a validated node name may consist of; peers' names are checked without a regular expression. */
const NODE_NAME_CHARS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.';

/** Longest node name when names are validated, in bytes. */
const NODE_NAME_MAX = 128;

/** Everything the Serf layer is told once (serf.md 19). Durations are milliseconds, sizes bytes. */
export interface SerfConfig {
  /** The gossip layer's own settings; name and advertised address are taken from here. */
  readonly swim: SwimConfig;
  /** Tags at start. */
  readonly tags: ReadonlyMap<string, string>;
  readonly protocolVersion: number;
  /** How long a leave, forced leave or tag update waits for its broadcast to be sent. */
  readonly broadcastTimeoutMs: number;
  /** How long a leaving node still answers after its last broadcast. */
  readonly leavePropagateDelayMs: number;
  /** Slots of the event ring; also the oldest event accepted, in ticks. */
  readonly eventBuffer: number;
  readonly queryBuffer: number;
  readonly reapIntervalMs: number;
  readonly recentIntentTimeoutMs: number;
  readonly reconnectIntervalMs: number;
  /** Age at which a failed member is forgotten. */
  readonly reconnectTimeoutMs: number;
  /** Age at which a left member is forgotten. */
  readonly tombstoneTimeoutMs: number;
  /** A failed member back within this time counts as a flap. */
  readonly flapTimeoutMs: number;
  readonly queueCheckIntervalMs: number;
  readonly queueDepthWarning: number;
  readonly maxQueueDepth: number;
  /** Above 0 the queue limit is max(this, 2 · members) instead of `maxQueueDepth`. */
  readonly minQueueDepth: number;
  readonly queryTimeoutMult: number;
  readonly queryResponseSizeLimit: number;
  readonly querySizeLimit: number;
  readonly userEventSizeLimit: number;
  /** Member events: longest wait and quiet time; either 0 turns coalescing off. */
  readonly coalescePeriodMs: number;
  readonly quiescentPeriodMs: number;
  /** The same for user events. */
  readonly userCoalescePeriodMs: number;
  readonly userQuiescentPeriodMs: number;
  readonly enableNameConflictResolution: boolean;
  readonly disableCoordinates: boolean;
  readonly validateNodeNames: boolean;
  /** Events and queries with a smaller Lamport time are ignored; above 0 after a restart from a snapshot. */
  readonly eventMinTime: number;
  readonly queryMinTime: number;
  /** Last times of an earlier run; each clock starts after its own. */
  readonly lastTimes: LastTimes;
  /** Members of an earlier run, looked for at the start; the ones that had failed come last, in the order given. */
  readonly previousNodes: {
    readonly alive: readonly PreviousNode[];
    readonly failed: readonly PreviousNode[];
  };
  /** Whether `record` is told what a later run needs. */
  readonly recordSnapshot: boolean;
  /** Vetoes a merge or one alive message by returning a reason (serf.md 14). */
  readonly admit: ((members: readonly MemberInfo[], merging: boolean) => string | undefined) | undefined;
  /** Overrides the reap limit of one member; applied to failed and left ones alike. */
  readonly reconnectTimeoutOverride: ((member: MemberInfo, timeoutMs: number) => number) | undefined;
  /** Called after a key query changed the keyring; a text says why its file could not be written. */
  readonly persistKeyring: ((keys: readonly Uint8Array[]) => string | undefined) | undefined;
}

/** Serf's library defaults; the agent changes some (serf.md 19.1). */
export const SERF_DEFAULTS = {
  tags: new Map<string, string>(),
  protocolVersion: 4,
  broadcastTimeoutMs: 5_000,
  leavePropagateDelayMs: 1_000,
  eventBuffer: 512,
  queryBuffer: 512,
  reapIntervalMs: 15_000,
  recentIntentTimeoutMs: 300_000,
  reconnectIntervalMs: 30_000,
  reconnectTimeoutMs: 86_400_000,
  tombstoneTimeoutMs: 86_400_000,
  flapTimeoutMs: 60_000,
  queueCheckIntervalMs: 30_000,
  queueDepthWarning: 128,
  maxQueueDepth: 4096,
  minQueueDepth: 0,
  queryTimeoutMult: 16,
  queryResponseSizeLimit: 1024,
  querySizeLimit: 1024,
  userEventSizeLimit: 512,
  coalescePeriodMs: 0,
  quiescentPeriodMs: 0,
  userCoalescePeriodMs: 0,
  userQuiescentPeriodMs: 0,
  enableNameConflictResolution: true,
  disableCoordinates: false,
  validateNodeNames: false,
  eventMinTime: 0,
  queryMinTime: 0,
  lastTimes: { member: 0, event: 0, query: 0 },
  previousNodes: { alive: [], failed: [] },
  recordSnapshot: false,
  admit: undefined,
  reconnectTimeoutOverride: undefined,
  persistKeyring: undefined,
} as const satisfies Omit<SerfConfig, 'swim'>;

/** Throws a CodedError with Serf's text when the settings cannot work (serf.md 3, 4.1, 4.3). */
export function checkSerfConfig(config: SerfConfig): void {
  const { protocolVersion: version } = config;
  if (version < PROTOCOL_MIN || version > PROTOCOL_MAX) {
    const side = version < PROTOCOL_MIN ? 'low' : 'high';
    throw new CodedError(
      'ERR_PROTOCOL_VERSION',
      `Protocol version '${version}' too ${side}. Must be in range: [${PROTOCOL_MIN}, ${PROTOCOL_MAX}]`,
    );
  }
  if (config.userEventSizeLimit > USER_EVENT_SIZE_MAX) {
    throw new CodedError(
      'ERR_USER_EVENT_LIMIT',
      `user event size limit exceeds limit of ${USER_EVENT_SIZE_MAX} bytes`,
    );
  }
  if (config.validateNodeNames) {
    const fault = nodeNameFault(config.swim.name);
    if (fault !== undefined) throw new CodedError('ERR_NODE_NAME', fault);
  }
}

/** What is wrong with a node name under validation: its characters first, then its length in bytes (serf.md 4.1). */
export function nodeNameFault(name: string): string | undefined {
  if ([...name].some((char) => !NODE_NAME_CHARS.includes(char))) {
    return `Node name contains invalid characters ${name} , Valid characters include all alpha-numerics and dashes and '.'`;
  }
  const { length } = bytesOfText(name);
  if (length < 1 || length > NODE_NAME_MAX) {
    return `Node name is ${length} characters. Valid length is between 1 and ${NODE_NAME_MAX} characters`;
  }
  return undefined;
}
