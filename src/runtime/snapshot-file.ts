import { Counters } from '../base/counters.ts';
import { CodedError, messageOf } from '../base/errors.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Trace } from '../base/trace.ts';
import { LineReader } from '../serf/line-reader.ts';
import {
  type PreviousNode,
  SNAPSHOT_FAILED_SECONDS,
  SNAPSHOT_LINE_BYTES,
  Snapshot,
} from '../serf/snapshot.ts';
import { type StartSettings, startSettingsOf } from '../serf/snapshot-start.ts';
import { SnapshotDisk } from './snapshot-disk.ts';
import { SnapshotWriter } from './snapshot-writer.ts';
import { systemClock } from './system.ts';

/** Remarks about lines that are told one by one; a file of garbage has one for each. */
const REMARK_LIMIT = 8;
/** Enough of a line to recognise it. */
const REMARK_CHARS = 200;

const MILLIS_PER_SECOND = 1_000;

/** Where a node keeps what lets a later run of it rejoin the cluster. */
export interface SnapshotOptions {
  /** A file of Serf's snapshot format; made when missing, its folder must be writable. */
  readonly path: string;
  /** Rejoin also after a leave; default false. */
  readonly rejoinAfterLeave?: boolean | undefined;
}

interface OpenedFile {
  readonly disk: SnapshotDisk;
  readonly snapshot: Snapshot;
  readonly trace: Trace | undefined;
  readonly metrics: Metrics | undefined;
  readonly isMended: boolean;
}

/** A snapshot file that has been read and is being written. */
export class SnapshotFile {
  readonly startSettings: StartSettings;
  readonly #snapshot: Snapshot;
  readonly #writer: SnapshotWriter;
  readonly #counters: Counters;

  /**
   * Opens and replays the file. What it holds never stops a node from starting; rejects with ERR_SNAPSHOT when it cannot
   * be opened or read.
   */
  static async open(options: SnapshotOptions, trace?: Trace, metrics?: Metrics): Promise<SnapshotFile> {
    const disk = await SnapshotDisk.open(options.path);
    const snapshot = new Snapshot(options.rejoinAfterLeave === true);
    try {
      const isMended = await replay(disk, snapshot, trace);
      return new SnapshotFile({ disk, snapshot, trace, metrics, isMended });
    } catch (error) {
      await disk.close();
      throw new CodedError('ERR_SNAPSHOT', `Failed to setup snapshot: ${messageOf(error)}`, { cause: error });
    }
  }

  private constructor({ disk, snapshot, trace, metrics, isMended }: OpenedFile) {
    this.#snapshot = snapshot;
    this.#counters = new Counters(metrics);
    snapshot.forgetFailedBefore(calendarSeconds() - SNAPSHOT_FAILED_SECONDS);
    this.startSettings = startSettingsOf(snapshot);
    this.#writer = new SnapshotWriter({
      store: disk,
      snapshot,
      counters: this.#counters,
      trace,
      clock: systemClock,
      calendarSeconds,
    });
    if (!isMended) this.#writer.rewrite();
  }

  /** Members that are alive and then those that have failed, as far as they are remembered. */
  get remembered(): readonly PreviousNode[] {
    return [...this.#snapshot.alive, ...this.#snapshot.failed];
  }

  /** `snapshot-errors`, `-overflows`, `-compactions`, and `-behind`: 1 while the file lacks something. */
  get counters(): ReadonlyMap<string, number> {
    return new Map([...this.#counters.values, ['snapshot-behind', this.#writer.isBehind ? 1 : 0]]);
  }

  /** Takes one line; never fails and never waits for the disk. */
  record(line: string): void {
    this.#writer.record(line);
  }

  /** Writes what is left and closes the file. Never rejects. */
  close(): Promise<void> {
    return this.#writer.close();
  }
}

/**
 * Reads every line into `snapshot`. An unfinished last line is cut off, for the next one would be appended to it; false
 * when that failed.
 */
async function replay(disk: SnapshotDisk, snapshot: Snapshot, trace: Trace | undefined): Promise<boolean> {
  let remarks = 0;
  const reader = new LineReader(SNAPSHOT_LINE_BYTES, (line) => {
    const remark = snapshot.apply(line);
    if (remark === undefined) return;
    remarks += 1;
    if (remarks > REMARK_LIMIT) return;
    const { level, message, text } = remark;
    trace?.note({ level, source: 'serf', message, text: text.slice(0, REMARK_CHARS) });
  });
  const skipped = await disk.read((chunk) => reader.push(chunk));
  const ignored = Math.max(0, remarks - REMARK_LIMIT) + reader.tooLong;
  if (ignored > 0) warn(trace, 'More snapshot lines ignored', `${ignored}`);
  if (skipped > 0) warn(trace, 'Snapshot is too large, its beginning is ignored', `${skipped} bytes`);
  const whole = skipped + reader.wholeBytes;
  if (whole === disk.size) return true;
  try {
    await disk.truncate(whole);
    return true;
  } catch (error) {
    warn(trace, 'Failed to remove the unfinished last line of the snapshot', messageOf(error));
    return false;
  }
}

function warn(trace: Trace | undefined, message: string, detail: string): void {
  trace?.note({ level: 'WARN', source: 'serf', message, text: `${message}: ${detail}` });
}

function calendarSeconds(): number {
  return Date.now() / MILLIS_PER_SECOND;
}
