import { asBuffer } from '../base/bytes.ts';
import { type ClusterEvent, describeEvent } from '../events/event.ts';
import type { RunOutcome } from './context.ts';
import { eventJson } from './recorded-event.ts';

/** Runs kept for each handler and each renderer. */
export const MAX_RUNS_PER_HANDLER = 50;
/** Handlers and renderers kept; those removed long ago go first. */
const MAX_HANDLERS = 256;
/** Last bytes of each output kept with a run. */
export const TAIL_BYTES = 2_048;
/** An event larger than this is recorded without its content, and cannot be run again from the record. */
const MAX_EVENT_BYTES = 16_384;

/** Why a handler ran. */
export const RUN_CAUSES = [
  'event',
  'start',
  'change',
  'reload',
  'resync',
  'retry',
  'approve',
  'rerun',
  'interrupted',
  'test',
  'process',
] as const;
export type RunCause = (typeof RUN_CAUSES)[number];

/** Whose run it is, when not a handler's. */
export type RunKind = 'renderer';

/** One run as recorded, in plain values. */
export interface RunRecord {
  /** Counts up over all handlers and restarts. */
  readonly id: number;
  /** Its name, or a renderer's. */
  readonly handler: string;
  /** Absent: a handler's run. Handlers and renderers may share a name. */
  readonly kind?: RunKind;
  readonly cause: RunCause;
  /** In Serf's words, such as `member-join` or `user-event: deploy`; for a view its size and generation. */
  readonly event: string;
  readonly attempt: number;
  /** ISO 8601. */
  readonly started: string;
  /** `interrupted`: the agent ended before the run did. */
  readonly state: 'running' | 'ok' | 'failed' | 'interrupted';
  readonly duration_ms?: number;
  readonly exit?: string;
  /** Of a renderer that failed: the step that did. */
  readonly step?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  /** The event as JSON text, for running it again; absent when it was too large, or for a view. */
  readonly content?: string;
}

/** What a run begins with. */
export interface RunStart {
  readonly handler: string;
  readonly cause: RunCause;
  readonly attempt: number;
  readonly about: ClusterEvent | string;
  readonly kind?: RunKind;
  /** When it began, if not just now. */
  readonly at?: Date;
}

/** What a run ends with. */
export interface RunEnd extends RunOutcome {
  readonly step?: string | undefined;
  /** The agent ends before the work is done; the next start goes on from there. */
  readonly interrupted?: boolean;
}

/** Where records are kept for the next start of the agent. */
export interface RunStore {
  /** What was kept, oldest first; never throws. */
  load(): readonly RunRecord[];
  /** Adds a record, or replaces the one of the same id. `all` is everything there is, should it have to start anew. */
  save(record: RunRecord, all: () => readonly RunRecord[]): Promise<void>;
  close(): Promise<void>;
}

const NOWHERE: RunStore = { load: () => [], save: async () => {}, close: async () => {} };

/** The record of all runs, bounded for each handler. */
export class RunHistory {
  readonly #store: RunStore;
  readonly #now: () => Date;
  /** Key → runs, oldest first. In the order of their latest run. */
  readonly #runs = new Map<string, RunRecord[]>();
  readonly #interrupted: RunRecord[] = [];
  #lastId = 0;

  /** Runs that a former agent did not see the end of are marked interrupted at once. */
  constructor(store: RunStore = NOWHERE, now: () => Date = () => new Date()) {
    this.#store = store;
    this.#now = now;
    for (const record of store.load()) this.#put(record);
    for (const record of this.#all()) {
      if (record.state !== 'running') continue;
      const marked: RunRecord = { ...record, state: 'interrupted', exit: 'the agent ended before it did' };
      this.#interrupted.push(marked);
      this.#save(marked);
    }
  }

  /** Runs that were interrupted by the end of the former agent, oldest first. */
  get interrupted(): readonly RunRecord[] {
    return this.#interrupted;
  }

  /** A handler's runs, newest first. */
  of(handler: string, kind?: RunKind): readonly RunRecord[] {
    return [...(this.#runs.get(keyOf(handler, kind)) ?? [])].reverse();
  }

  last(handler: string, kind?: RunKind): RunRecord | undefined {
    return this.#runs.get(keyOf(handler, kind))?.at(-1);
  }

  /** Notes a start. `saved` resolves once it would survive the agent; it never rejects. */
  begin({ handler, cause, attempt, about, kind, at }: RunStart): {
    readonly id: number;
    readonly saved: Promise<void>;
  } {
    this.#lastId += 1;
    const isText = typeof about === 'string';
    const content = isText ? undefined : JSON.stringify(eventJson(about));
    const record: RunRecord = {
      id: this.#lastId,
      handler,
      ...(kind === undefined ? {} : { kind }),
      cause,
      event: isText ? about : describeEvent(about),
      attempt,
      started: (at ?? this.#now()).toISOString(),
      state: 'running',
      ...(content === undefined || content.length > MAX_EVENT_BYTES ? {} : { content }),
    };
    return { id: record.id, saved: this.#save(record) };
  }

  /** Notes how a run ended; nothing when so many began since that it is forgotten. */
  end(handler: string, id: number, outcome: RunEnd, kind?: RunKind): void {
    const begun = this.#runs.get(keyOf(handler, kind))?.find((record) => record.id === id);
    if (begun === undefined) return;
    const record: RunRecord = {
      ...begun,
      state: outcome.ok ? 'ok' : outcome.interrupted === true ? 'interrupted' : 'failed',
      duration_ms: Math.max(0, this.#now().getTime() - Date.parse(begun.started)),
      exit: outcome.exit,
      ...(outcome.step === undefined ? {} : { step: outcome.step }),
      stdout: tailText(outcome.output),
      stderr: tailText(outcome.errors),
    };
    void this.#save(record);
  }

  /** Resolves when everything is where it is kept. */
  close(): Promise<void> {
    return this.#store.close();
  }

  #save(record: RunRecord): Promise<void> {
    this.#put(record);
    return this.#store.save(record, () => this.#all());
  }

  #put(record: RunRecord): void {
    this.#lastId = Math.max(this.#lastId, record.id);
    const key = keyOf(record.handler, record.kind);
    const runs = this.#runs.get(key) ?? [];
    const at = runs.findLastIndex(({ id }) => id === record.id);
    if (at >= 0) runs[at] = record;
    else runs.push(record);
    if (runs.length > MAX_RUNS_PER_HANDLER) runs.shift();
    this.#runs.delete(key);
    this.#runs.set(key, runs);
    if (this.#runs.size <= MAX_HANDLERS) return;
    const [oldest] = this.#runs.keys();
    if (oldest !== undefined) this.#runs.delete(oldest);
  }

  #all(): readonly RunRecord[] {
    return [...this.#runs.values()].flat().sort((a, b) => a.id - b.id);
  }
}

function keyOf(name: string, kind: RunKind | undefined): string {
  return `${kind ?? 'handler'}:${name}`;
}

/** The last bytes as text; what is no UTF-8, as after a cut inside a character, reads as U+FFFD. */
function tailText(bytes: Uint8Array): string {
  return asBuffer(bytes.subarray(Math.max(0, bytes.length - TAIL_BYTES))).toString('utf8');
}
