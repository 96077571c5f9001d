import { type Logger, pino } from 'pino';
import { Ring } from '../base/ring.ts';
import type { Trace, TraceLevel, TraceRecord } from '../base/trace.ts';
import type { LogSubscription } from '../rpc/backend.ts';
import type { LogFormat } from './config/settings.ts';
import { journalLine } from './journal.ts';
import { LogFlood } from './log-flood.ts';
import { logLine, logTime, oneLine } from './log-line.ts';
import { LogRing } from './log-ring.ts';
import type { LineWriter } from './output.ts';

/** Lines held until the banner is out; more than a start ever writes. */
const GATE_LINES = 4096;

const PINO_LEVELS = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERR: 'error',
} as const satisfies Readonly<Record<TraceLevel, string>>;

const LEVEL_NAMES: ReadonlyMap<string, TraceLevel> = new Map(
  (Object.keys(PINO_LEVELS) as TraceLevel[]).map((level) => [PINO_LEVELS[level], level]),
);

export interface LogOptions {
  readonly level: TraceLevel;
  readonly format: LogFormat;
  readonly out: LineWriter;
  /** The output is systemd's journal, which wants to know how severe each line is. */
  readonly journal?: boolean | undefined;
  /** The wall clock; lines show local time. */
  readonly now?: (() => Date) | undefined;
}

/** Where the lines of the log go besides the output: `source: text`, from the level shown on. */
export interface LogTap {
  write(level: TraceLevel, text: string): void;
}

/**
 * The agent's log: Serf's lines or JSON on standard output, and the ring that monitors read. The level filters the
 * output only; the ring has every line (agent.md 11).
 */
export class AgentLog implements Trace {
  readonly #ring = new LogRing();
  readonly #logger: Logger;
  readonly #format: LogFormat;
  readonly #gate: Gate;
  readonly #now: () => Date;
  readonly #flood = new LogFlood();
  #tap: LogTap | undefined;
  #second = Number.NaN;
  #time = '';

  constructor(options: LogOptions) {
    this.#format = options.format;
    this.#gate = new Gate(options.out, (lost) => this.#lostLine(lost));
    this.#now = options.now ?? (() => new Date());
    this.#logger = pino(
      {
        level: PINO_LEVELS[options.level],
        base: null,
        timestamp: () => `,"time":"${this.#now().toISOString()}"`,
        formatters: { level: (label) => ({ level: LEVEL_NAMES.get(label) ?? label }) },
      },
      options.format === 'json' ? jsonSink(this.#gate) : textSink(this.#gate, options.journal === true),
    );
  }

  /** The least severe level shown from now on. */
  setLevel(level: TraceLevel): void {
    this.#logger.level = PINO_LEVELS[level];
  }

  /** What the core or another part tells. It may quote a peer, so it is always one line, and a flood is cut short. */
  note(record: TraceRecord): void {
    const now = this.#now().getTime();
    for (const { record: kind, count } of this.#flood.takeSuppressed(now)) {
      const like = oneLine(kind.text ?? kind.message);
      this.write(kind.level, kind.source, `${count} more lines like this one were not written: ${like}`);
    }
    if (this.#flood.admits(now, record)) this.#write(record, oneLine(record.text ?? record.message));
  }

  /** A line of the agent's own, which may hold newlines: `text` follows `source: `. */
  write(level: TraceLevel, source: string, text: string): void {
    this.#write({ level, source, message: text }, text);
  }

  /** Sends all later lines to `tap` too; undefined ends that. */
  tapInto(tap: LogTap | undefined): void {
    this.#tap = tap;
  }

  /** Lets held lines and all later ones out. */
  open(): void {
    this.#gate.open();
  }

  /** The last lines, then live ones; without the four blanks of the output. */
  follow(options: LogSubscription): AsyncIterable<string> {
    return this.#ring.follow(options);
  }

  #write(record: TraceRecord, text: string): void {
    const { level, source, message, fields } = record;
    const line = logLine(this.#timeText(), level, source, text);
    this.#ring.push(line);
    const method = PINO_LEVELS[level];
    if (this.#tap !== undefined && this.#logger.isLevelEnabled(method))
      this.#tap.write(level, `${source}: ${text}`);
    if (this.#format === 'text') this.#logger[method]({ line }, message);
    else
      this.#logger[method]({ source, ...(text !== message && { text }), ...(fields && { fields }) }, message);
  }

  #lostLine(lost: number): string {
    const text = `${lost} lines lost: the reader of this output was too slow`;
    if (this.#format === 'text') return `    ${logLine(this.#timeText(), 'WARN', 'agent', text)}`;
    return JSON.stringify({ level: 'WARN', time: this.#now().toISOString(), source: 'agent', msg: text });
  }

  /** Formatting a time costs more than the rest of a line, and most lines share their second. */
  #timeText(): string {
    const now = this.#now();
    const second = Math.floor(now.getTime() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#time = logTime(now);
    }
    return this.#time;
  }
}

/** Holds lines until the banner is out, and tells of lines a stalled reader cost. */
class Gate {
  readonly #out: LineWriter;
  readonly #lostLine: (lost: number) => string;
  #held: Ring<string> | undefined = new Ring<string>(GATE_LINES);
  #lost = 0;

  constructor(out: LineWriter, lostLine: (lost: number) => string) {
    this.#out = out;
    this.#lostLine = lostLine;
  }

  line(text: string): void {
    if (this.#held !== undefined) {
      this.#held.push(text);
      return;
    }
    if (this.#lost > 0 && this.#out.line(this.#lostLine(this.#lost))) this.#lost = 0;
    if (!this.#out.line(text)) this.#lost += 1;
  }

  open(): void {
    const held = this.#held;
    this.#held = undefined;
    for (const line of held ?? []) this.line(line);
  }
}

interface Sink {
  write(chunk: string): void;
}

function jsonSink(gate: Gate): Sink {
  return { write: (chunk) => gate.line(chunk.trimEnd()) };
}

/** pino leaves record and level on the stream when it asks for them; the finished text line is in the record. */
function textSink(gate: Gate, journal: boolean): Sink {
  const sink = {
    [Symbol.for('pino.metadata')]: true,
    lastObj: { line: '' },
    lastLevel: 0,
    write: () => {
      const line = `    ${sink.lastObj.line}`;
      gate.line(journal ? journalLine(sink.lastLevel, line) : line);
    },
  };
  return sink;
}
