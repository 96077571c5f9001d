/** What agents tell about handlers; the shapes `agent handlers` prints as JSON. */

/** One run, as the agent keeps it on record. */
export interface HandlerRunRecord {
  readonly id: number;
  /** Its name, or a renderer's. */
  readonly handler: string;
  /** Absent: a handler's run. */
  readonly kind?: 'renderer';
  /** `event`, `rerun`, `interrupted`, `test`, `process`, or for a view `start`, `change`, `reload`, `retry`, … */
  readonly cause: string;
  readonly event: string;
  readonly attempt: number;
  /** ISO 8601. */
  readonly started: string;
  readonly state: 'running' | 'ok' | 'failed' | 'interrupted';
  readonly duration_ms?: number;
  readonly exit?: string;
  /** Of a renderer that failed: `check`, `reload` or `verify`, if it was one of them. */
  readonly step?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  /** The event as JSON text. */
  readonly content?: string;
}

/** Where one handler stands. */
export interface HandlerRecord {
  readonly name: string;
  /** `script` and `module` are those of `event_handlers`. */
  readonly kind: string;
  readonly command: string;
  readonly state: string;
  readonly queued: number;
  readonly running: number;
  readonly runs: number;
  readonly failures: number;
  readonly dropped: number;
  readonly holds: readonly string[];
  readonly figures: Readonly<Record<string, number>>;
  readonly last: HandlerRunRecord | null;
}

export interface HandlerTestRequest {
  readonly name: string;
  /** An event as JSON, or the number of a recorded run; absent for a handler of the view. */
  readonly event?: string | undefined;
  readonly run?: number | undefined;
  /** Run it for real, without answering anybody. */
  readonly execute: boolean;
}

/** What a handler would do with an event, and what came of it when it was run. */
export interface HandlerTestRecord {
  readonly handler: string;
  readonly verdict: string;
  readonly would_run: boolean;
  readonly command: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: string;
  readonly executed: HandlerOutcomeRecord | null;
}

export interface HandlerOutcomeRecord {
  readonly ok: boolean;
  readonly exit: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** What the RPC server needs of an agent's handlers. Every name that is unknown is a CodedError that lists the known. */
export interface HandlerOperations {
  /** In the order of the configuration. */
  list(): readonly HandlerRecord[];
  /** A handler's or renderer's runs, newest first. */
  runs(name: string, limit: number): readonly HandlerRunRecord[];
  /** Runs it once more on the event of a recorded run (0: the last one that holds its event). */
  rerun(name: string, run: number): Promise<HandlerOutcomeRecord>;
  test(request: HandlerTestRequest): Promise<HandlerTestRecord>;
  /** Lets what a guard holds go ahead once: a handler or a renderer. */
  approve(name: string): void;
}
