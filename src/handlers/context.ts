import { NO_BYTES } from '../base/bytes.ts';
import type { Metrics } from '../base/metrics.ts';
import type { TraceLevel } from '../base/trace.ts';
import type { ClusterFacts, MemoryStore } from '../policy/governance.ts';

/** Who we are, as the member table says when asked. */
export interface HandlerSelf {
  readonly name: string;
  readonly tags: ReadonlyMap<string, string>;
}

/** What handlers need from the agent that runs them. */
export interface HandlerContext {
  self(): HandlerSelf;
  /** The cluster as it is now, for handlers of the whole view. */
  facts(): ClusterFacts;
  /** Answers a query event by its id. Throws a CodedError with Serf's texts (agent.md 4.4). */
  respond(queryId: number, payload: Uint8Array): void;
  /** One line of the agent's log, without its `agent: ` prefix. */
  log(level: TraceLevel, text: string): void;
  /** Told how long each run took; absent where nobody measures. */
  readonly metrics?: Metrics | undefined;
  /** Where guards keep what they know. */
  readonly memory?: MemoryStore | undefined;
  /** Environment variables that are never handed down, besides the built-in ones. */
  readonly secretNames: readonly string[];
}

/** Bounds of every handler; all times in milliseconds. */
export interface HandlerLimits {
  /**
   * Events waiting for one handler; the oldest goes when it is full. Serf slows its clients down instead and loses none,
   * so this is beyond what a deployment sends in one go.
   */
  readonly queueLength: number;
  /** A run longer than this is ended; 0 lets it run for ever. */
  readonly timeoutMs: number;
  /** Between TERM and KILL. */
  readonly termGraceMs: number;
  /** How long a stopping agent lets its handlers finish before it ends them. */
  readonly stopWaitMs: number;
  /** Between TERM and KILL when the agent has to end at once. */
  readonly abortGraceMs: number;
}

export const DEFAULT_HANDLER_LIMITS: HandlerLimits = {
  queueLength: 16_384,
  timeoutMs: 300_000,
  termGraceMs: 5_000,
  stopWaitMs: 5_000,
  abortGraceMs: 500,
};

/** How one run went. */
export interface RunOutcome {
  readonly ok: boolean;
  /** For people: `exit status 3`, `signal: killed`, `ended after its timeout of 30s`. */
  readonly exit: string;
  /** The last bytes of stdout, or of both outputs where they are not kept apart. */
  readonly output: Uint8Array;
  /** The last bytes of stderr. */
  readonly errors: Uint8Array;
}

export const SUCCESS = 'exit status 0';

/** The outcome of something that printed nothing. */
export function plainOutcome(ok: boolean, exit: string): RunOutcome {
  return { ok, exit, output: NO_BYTES, errors: NO_BYTES };
}

/** One handler's work on one event. `done` never rejects: a failure is logged and is a value. */
export interface HandlerRun {
  readonly done: Promise<RunOutcome>;
  /** The agent stops: ends the work within the grace period, which a second call may shorten. */
  stop(graceMs: number): void;
}
