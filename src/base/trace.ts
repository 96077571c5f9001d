/** Severity, in Serf's words. */
export type TraceLevel = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERR';

/** One thing worth telling: `message` is constant per place, details sit in `fields`, `text` is the line Serf prints. */
export interface TraceRecord {
  readonly level: TraceLevel;
  /** The component in Serf's log lines: `memberlist`, `serf`, `agent`, … */
  readonly source: string;
  /** A constant string; the key under which machines search. */
  readonly message: string;
  /** The whole text for people, when it holds more than `message`. */
  readonly text?: string;
  readonly fields?: Readonly<Record<string, string | number | boolean>>;
}

/** Where the core tells what it does. Absent when nobody listens: write `trace?.note({…})`, which then costs nothing. */
export interface Trace {
  note(record: TraceRecord): void;
}
