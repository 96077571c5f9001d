import { bytesOfText } from '../base/bytes.ts';
import type { Counters } from '../base/counters.ts';
import { messageOf } from '../base/errors.ts';
import type { Millis } from '../base/machine.ts';
import type { Trace, TraceLevel } from '../base/trace.ts';
import {
  isLeaveLine,
  isOutgrown,
  SNAPSHOT_FAILED_SECONDS,
  type Snapshot,
  stamped,
} from '../serf/snapshot.ts';
import type { LineStore } from './snapshot-disk.ts';
import type { Clock } from './system.ts';

/** Lines that wait for the disk; when more come, the file is written anew instead (Serf's buffer, serf.md 15.1). */
export const SNAPSHOT_QUEUE_LIMIT = 2_048;

/** No line waits longer than this for its write, and no two writes are closer together (serf.md 16.2). */
const FLUSH_MS = 500;
/** Pause between attempts to write the whole file anew (serf.md 16.3). */
const RETRY_MS = 30_000;
/** The end of the node does not wait longer for a disk that hangs. */
const CLOSE_LIMIT_MS = 1_000;

export interface SnapshotWriterParts {
  readonly store: LineStore;
  /** What the file says so far; kept up to date by the writer. */
  readonly snapshot: Snapshot;
  readonly counters: Counters;
  readonly trace: Trace | undefined;
  readonly clock: Clock;
  /** Unix time. */
  readonly calendarSeconds: () => number;
}

/**
 * Writes snapshot lines behind the node's back: nothing here waits for the disk but the writer itself. What cannot be
 * written is not lost, for the snapshot in memory has it: the whole file is written anew once the disk takes it.
 */
export class SnapshotWriter {
  readonly #parts: SnapshotWriterParts;
  #queue: string[] = [];
  /** The file lacks lines that are in no queue any more: only writing it anew helps. */
  #isBehind = false;
  #needsSync = false;
  #isClosed = false;
  #flushedAt: Millis = Number.NEGATIVE_INFINITY;
  /** Not before this may the file be written anew: an attempt has failed, or was needed because of a failure. */
  #rewriteFrom: Millis = Number.NEGATIVE_INFINITY;
  /** Size of the file after it was last written anew: lines longer than usual must not cause it again at once. */
  #compactBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> | undefined;

  constructor(parts: SnapshotWriterParts) {
    this.#parts = parts;
  }

  /** True while the file lacks lines that only writing it anew brings. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Takes one line; never fails and never waits. */
  record(line: string): void {
    if (this.#isClosed) return;
    const { snapshot, counters, calendarSeconds } = this.#parts;
    const whole = stamped(line, calendarSeconds());
    snapshot.apply(whole);
    if (isLeaveLine(line)) this.#needsSync = true;
    if (!this.#isBehind) this.#queue.push(whole);
    if (this.#queue.length > SNAPSHOT_QUEUE_LIMIT) {
      counters.add('snapshot-overflows');
      this.#fallBehind();
    }
    this.#arm();
  }

  /** The file lacks something: has it written anew. */
  rewrite(): void {
    this.#fallBehind();
    this.#arm();
  }

  /** Writes what is left, makes it durable and closes the file; gives up on a disk that hangs. Never rejects. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_LIMIT_MS);
    });
    await Promise.race([this.#finish(), limit]);
    clearTimeout(timer);
  }

  async #finish(): Promise<void> {
    await this.#work;
    this.#needsSync = true;
    await this.#step();
    await this.#parts.store
      .close()
      .catch((error: unknown) => this.#complain('Failed to close snapshot', error));
  }

  /** Sets the timer for the next write; an urgent one replaces a later one. */
  #arm(): void {
    if (this.#work !== undefined || this.#isClosed) return;
    if (this.#timer !== undefined && !this.#needsSync) return;
    const waitMs = this.#dueAt() - this.#parts.clock();
    if (waitMs === Number.POSITIVE_INFINITY) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(), Math.max(0, waitMs)).unref();
  }

  #dueAt(): Millis {
    if (this.#isBehind) return this.#rewriteFrom;
    if (this.#needsSync) return Number.NEGATIVE_INFINITY;
    return this.#queue.length === 0 ? Number.POSITIVE_INFINITY : this.#flushedAt + FLUSH_MS;
  }

  #run(): void {
    this.#timer = undefined;
    this.#work = this.#step().finally(() => {
      this.#work = undefined;
      this.#arm();
    });
  }

  /** One visit to the disk. Never rejects. */
  async #step(): Promise<void> {
    try {
      if (this.#isBehind) await this.#mend();
      else await this.#append();
      if (!this.#needsSync || this.#isBehind) return;
      this.#needsSync = false;
      await this.#parts.store.sync();
    } catch (error) {
      this.#complain('Failed to update snapshot', error);
      this.#fallBehind();
    }
  }

  async #append(): Promise<void> {
    const { store, snapshot } = this.#parts;
    this.#flushedAt = this.#parts.clock();
    if (this.#queue.length === 0) return;
    await store.append(bytesOf(this.#queue.splice(0)));
    this.#parts.counters.metrics?.sample('serf.snapshot.appendLine', this.#parts.clock() - this.#flushedAt);
    const isOver = isOutgrown(store.size, snapshot.aliveCount) && store.size > 2 * this.#compactBytes;
    if (!isOver || this.#flushedAt < this.#rewriteFrom) return;
    try {
      await this.#compact();
    } catch (error) {
      this.#rewriteFrom = this.#flushedAt + RETRY_MS;
      this.#complain('Failed to compact snapshot', error);
    }
  }

  /** Writes the file anew after an error. */
  async #mend(): Promise<void> {
    this.#log('INFO', 'Attempting compaction to recover from error...');
    // From here on lines are queued again: they come after the ones about to be written.
    this.#isBehind = false;
    this.#rewriteFrom = this.#parts.clock() + RETRY_MS;
    try {
      await this.#compact();
      this.#log('INFO', 'Finished compaction, successfully recovered from error state');
    } catch (error) {
      this.#complain('Compaction failed, will reattempt after 30s', error);
      this.#fallBehind();
    }
  }

  /** What is in the queue by now is in the snapshot too, and need not be written again. */
  async #compact(): Promise<void> {
    const { store, snapshot, counters, calendarSeconds } = this.#parts;
    snapshot.forgetFailedBefore(calendarSeconds() - SNAPSHOT_FAILED_SECONDS);
    const startedAt = this.#parts.clock();
    const bytes = bytesOf(snapshot.lines());
    const included = this.#queue.length;
    await store.replace(bytes);
    counters.metrics?.sample('serf.snapshot.compact', this.#parts.clock() - startedAt);
    this.#queue.splice(0, included);
    this.#compactBytes = bytes.length;
    counters.add('snapshot-compactions');
  }

  #fallBehind(): void {
    this.#isBehind = true;
    this.#queue = [];
  }

  #complain(message: string, error: unknown): void {
    this.#parts.counters.add('snapshot-errors');
    this.#log('ERR', message, messageOf(error));
  }

  #log(level: TraceLevel, message: string, why?: string): void {
    const text = why === undefined ? message : `${message}: ${why}`;
    this.#parts.trace?.note({ level, source: 'serf', message, text });
  }
}

function bytesOf(lines: readonly string[]): Uint8Array {
  return lines.length === 0 ? new Uint8Array(0) : bytesOfText(`${lines.join('\n')}\n`);
}
