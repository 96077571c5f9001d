import type { TraceLevel } from '../base/trace.ts';

/** Who we are, as the member table says when asked. */
export interface HandlerSelf {
  readonly name: string;
  readonly tags: ReadonlyMap<string, string>;
}

/** What handlers need from the agent that runs them. */
export interface HandlerContext {
  self(): HandlerSelf;
  /** Answers a query event by its id. Throws a CodedError with Serf's texts (agent.md 4.4). */
  respond(queryId: number, payload: Uint8Array): void;
  /** One line of the agent's log, without its `agent: ` prefix. */
  log(level: TraceLevel, text: string): void;
  /** Environment variables that are never handed down, besides the built-in ones. */
  readonly secretNames: readonly string[];
}

/** Bounds of every handler; all times in milliseconds. */
export interface HandlerLimits {
  /** Events waiting for one handler; the oldest goes when it is full. */
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
  queueLength: 1024,
  timeoutMs: 300_000,
  termGraceMs: 5_000,
  stopWaitMs: 5_000,
  abortGraceMs: 500,
};

/** One handler's work on one event. `done` never rejects: a failure is logged and is a value. */
export interface HandlerRun {
  readonly done: Promise<'ok' | 'failed'>;
  /** The agent stops: ends the work within the grace period, which a second call may shorten. */
  stop(graceMs: number): void;
}
