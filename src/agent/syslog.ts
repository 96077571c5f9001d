import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { CodedError, messageOf } from '../base/errors.ts';
import { Ring } from '../base/ring.ts';
import type { TraceLevel } from '../base/trace.ts';
import { oneLine } from './log-line.ts';
import type { LogTap } from './logging.ts';

/**
 * The log, sent to syslog too. Node.js has no unix datagram sockets, so one `logger` of util-linux runs for as long as
 * the agent and is fed lines, each with its priority in front (agent.md 11).
 */

/** Lines held while `logger` is slow or gone; the oldest are lost first, and the next line that goes out says so. */
const QUEUE_LINES = 1_024;
/** What may wait in the pipe before lines are held here. */
const PIPE_BYTES = 64 * 1024;
/** Longest message; `logger` would split a longer one. */
const LONGEST_MESSAGE_BYTES = 8_192;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** A `logger` that ran for so long was healthy: the next pause is a short one again. */
const HEALTHY_MS = 60_000;
/** How long the last lines may take at the end. */
const CLOSE_MS = 2_000;
/** What is kept of what `logger` complains about. */
const COMPLAINT_CHARS = 300;
/** A complaint of a `logger` that lives on is told after so long: one that dies of it is told of by its end. */
const COMPLAINT_WAIT_MS = 1_000;
/** A `logger` that cannot send complains about every line, and is told of once in this time. */
const COMPLAINT_EVERY_MS = 60_000;

/** The sockets syslog daemons listen on, as Serf looks for them. */
const SOCKETS = ['/dev/log', '/var/run/syslog', '/var/run/log'];

const FACILITY_CODES: readonly string[] = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp'],
  ...['', '', '', '', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
];

/** Serf's levels as syslog's: one step milder than their names (agent.md 11). */
const SEVERITIES = { TRACE: 7, DEBUG: 6, INFO: 5, WARN: 4, ERR: 3 } as const satisfies Readonly<
  Record<TraceLevel, number>
>;

export interface SyslogOptions {
  /** In lower case, such as `local0`. */
  readonly facility: string;
  /** Told about trouble and its end, once each; may write to the log, and so to here. */
  readonly onTrouble: (text: string) => void;
  /** Which program to feed; tests have another. */
  readonly command?: string;
  /** Which socket it writes to; absent for the one of this system. */
  readonly socket?: string;
  /** Pause before a dead program is started again, doubled each time up to a minute. */
  readonly firstPauseMs?: number;
  /** How long a program that complains may take to die of it. */
  readonly complaintWaitMs?: number;
}

/** One long-lived `logger`, started again when it dies. */
export class Syslog implements LogTap {
  readonly #options: SyslogOptions;
  readonly #held = new Ring<string>(QUEUE_LINES);
  readonly #facility: number;
  #child: ChildProcess | undefined;
  #lost = 0;
  /** How many of those no line has told of yet. */
  #untold = 0;
  #pauseMs: number;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #isAway = false;
  #complaintToldAt = Number.NEGATIVE_INFINITY;

  /**
   * Starts the program.
   *
   * @throws CodedError `ERR_SYSLOG` when it is not installed or there is no syslog on this host
   */
  static async start(options: SyslogOptions): Promise<Syslog> {
    const socket = options.socket ?? SOCKETS.find((path) => existsSync(path));
    if (socket === undefined || !existsSync(socket)) {
      throw new CodedError(
        'ERR_SYSLOG',
        `Syslog setup failed: Unix syslog delivery error: no ${options.socket ?? SOCKETS.join(', ')}; ` +
          "start a syslog daemon, or leave out 'enable_syslog'",
      );
    }
    const syslog = new Syslog({ ...options, socket });
    await syslog.#spawned();
    return syslog;
  }

  private constructor(options: SyslogOptions) {
    this.#options = options;
    this.#pauseMs = options.firstPauseMs ?? FIRST_PAUSE_MS;
    this.#facility = Math.max(0, FACILITY_CODES.indexOf(options.facility));
  }

  /** Lines lost so far because syslog was slow or away. */
  get lost(): number {
    return this.#lost;
  }

  write(level: TraceLevel, text: string): void {
    if (this.#closed) return;
    this.#hold(this.#line(level, text));
    this.#drain();
  }

  /** Lets the last lines out, for a moment, and ends the program. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child === undefined) return;
    const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
    child.stdin?.end([...this.#held].join(''));
    const late = setTimeout(() => child.kill('SIGKILL'), CLOSE_MS);
    await gone;
    clearTimeout(late);
  }

  /** `<133>agent: text`: facility and severity in one number, as `logger --prio-prefix` reads it. */
  #line(level: TraceLevel, text: string): string {
    return `<${this.#facility * 8 + SEVERITIES[level]}>${oneLine(text)}\n`;
  }

  #hold(line: string): void {
    if (this.#held.push(line) === undefined) return;
    this.#lost += 1;
    this.#untold += 1;
  }

  #drain(): void {
    const stdin = this.#child?.stdin;
    if (stdin === undefined || stdin === null || !stdin.writable) return;
    while (stdin.writableLength < PIPE_BYTES) {
      const line = this.#held.shift();
      if (line === undefined) return;
      if (this.#untold > 0)
        stdin.write(this.#line('WARN', `agent: ${this.#untold} lines lost: syslog was too slow`));
      this.#untold = 0;
      stdin.write(line);
    }
  }

  /** Settles once the program runs. */
  #spawned(): Promise<void> {
    const { command = 'logger', socket } = this.#options;
    // The process id is part of the tag: with `--id` logger would send it as a credential too, which root without
    // capabilities, as in a sandbox or container, may not.
    const args = ['--tag', `serf[${process.pid}]`, '--prio-prefix', '--socket-errors=on'];
    const child = spawn(
      command,
      [...args, '--size', String(LONGEST_MESSAGE_BYTES), '--socket', socket ?? ''],
      {
        stdio: ['pipe', 'ignore', 'pipe'],
        // A group of its own: an interrupt at the terminal is for the agent, whose last lines it still has to send.
        detached: true,
      },
    );
    const startedAt = performance.now();
    let complaint = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = `${complaint}${text}`.slice(-COMPLAINT_CHARS);
      this.#complained(child, text.trim());
    });
    // EPIPE: `close` tells the same, with the reason.
    child.stdin?.on('error', () => undefined);
    child.stdin?.on('drain', () => this.#drain());
    return new Promise((resolve, reject) => {
      child.once('spawn', () => {
        this.#child = child;
        child.once('close', () => this.#died(performance.now() - startedAt, complaint.trim()));
        this.#back();
        resolve();
      });
      child.once('error', (error) => reject(notRunning(command, error)));
    });
  }

  /** Tells of lines that a living program could not send, which are lost. */
  #complained(child: ChildProcess, text: string): void {
    const now = performance.now();
    if (now - this.#complaintToldAt < COMPLAINT_EVERY_MS) return;
    this.#complaintToldAt = now;
    const { complaintWaitMs = COMPLAINT_WAIT_MS, onTrouble } = this.#options;
    const late = setTimeout(() => {
      if (this.#closed || this.#child !== child) return;
      onTrouble(
        `syslog: 'logger' could not send a line (${oneLine(text).slice(0, COMPLAINT_CHARS)}); such lines are lost`,
      );
    }, complaintWaitMs);
    late.unref();
  }

  #back(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#options.onTrouble(`syslog: 'logger' runs again`);
    this.#drain();
  }

  #died(afterMs: number, complaint: string): void {
    this.#child = undefined;
    if (this.#closed) return;
    if (afterMs >= HEALTHY_MS) this.#pauseMs = FIRST_PAUSE_MS;
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    if (!this.#isAway) {
      this.#isAway = true;
      const why = complaint === '' ? '' : ` (${oneLine(complaint)})`;
      this.#options.onTrouble(
        `syslog: 'logger' ended${why}; up to ${QUEUE_LINES} lines are kept, next try in ${pauseMs / 1000}s`,
      );
    }
    this.#timer = setTimeout(() => {
      this.#spawned().catch((error: unknown) => this.#died(0, messageOf(error)));
    }, pauseMs);
    this.#timer.unref();
  }
}

function notRunning(command: string, error: Error): CodedError {
  const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  const why = missing
    ? `there is no '${command}' command; install it (bsdutils on Debian, util-linux elsewhere), or leave out 'enable_syslog'`
    : `'${command}' cannot be started: ${error.message}`;
  return new CodedError('ERR_SYSLOG', `Syslog setup failed: ${why}`, { cause: error });
}
