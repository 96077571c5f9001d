import { bytesOfText } from '../base/bytes.ts';
import type { Millis } from '../base/machine.ts';
import type { Random } from '../base/random.ts';
import { LineReader } from '../serf/line-reader.ts';
import {
  isLeaveLine,
  isOutgrown,
  SNAPSHOT_FAILED_SECONDS,
  SNAPSHOT_LINE_BYTES,
  Snapshot,
  stamped,
} from '../serf/snapshot.ts';
import { type StartSettings, startSettingsOf } from '../serf/snapshot-start.ts';

/** Lines reach the disk within this time, as the real writer promises; a crash loses the ones that have not. */
const FLUSH_MS = 500;
/** Unix time at the world's beginning; any date does. */
const EPOCH_SECONDS = 1_700_000_000;

/** What is left of a disk after a crash. */
export type DiskFate = 'kept' | 'lost' | 'torn';

/** The snapshot file of one node: lines that were written, lines that still wait, and what they add up to. */
export class VirtualDisk {
  readonly #rejoinAfterLeave: boolean;
  #lines: string[] = [];
  #bytes = 0;
  #waiting: { readonly at: Millis; readonly line: string }[] = [];
  #snapshot: Snapshot;
  /** The unfinished last line; what a boot cuts off. */
  #torn = '';

  constructor(rejoinAfterLeave: boolean) {
    this.#rejoinAfterLeave = rejoinAfterLeave;
    this.#snapshot = new Snapshot(rejoinAfterLeave);
  }

  /** The lines a restart after a crash at this world instant would read. */
  lines(now: Millis): readonly string[] {
    this.#write(now - FLUSH_MS);
    return this.#lines;
  }

  /** Takes a line from the machine at a world instant. */
  record(now: Millis, line: string): void {
    this.#waiting.push({ at: now, line: stamped(line, EPOCH_SECONDS + now / 1000) });
    if (isLeaveLine(line)) this.#write(Number.POSITIVE_INFINITY);
    else this.#write(now - FLUSH_MS);
  }

  /** The process ends in good order: everything is written. */
  close(): void {
    this.#write(Number.POSITIVE_INFINITY);
  }

  /** The process dies. `random` says where a torn line ends. */
  crash(now: Millis, fate: DiskFate, random: Random): void {
    this.#write(now - FLUSH_MS);
    this.#waiting = [];
    if (fate === 'lost') {
      this.#lines = [];
      this.#bytes = 0;
    }
    const last = fate === 'torn' ? this.#lines.pop() : undefined;
    if (last === undefined) return;
    this.#bytes -= last.length + 1;
    this.#torn = last.slice(0, random.below(last.length));
  }

  /** Reads the file as the real host does; an unfinished last line is cut off. */
  boot(now: Millis): StartSettings {
    this.#snapshot = new Snapshot(this.#rejoinAfterLeave);
    const reader = new LineReader(SNAPSHOT_LINE_BYTES, (line) => void this.#snapshot.apply(line));
    reader.push(bytesOfText(this.#lines.map((line) => `${line}\n`).join('') + this.#torn));
    this.#torn = '';
    this.#snapshot.forgetFailedBefore(EPOCH_SECONDS + now / 1000 - SNAPSHOT_FAILED_SECONDS);
    return startSettingsOf(this.#snapshot);
  }

  #write(upTo: Millis): void {
    let written = 0;
    for (const { at, line } of this.#waiting) {
      if (at > upTo) break;
      written += 1;
      this.#lines.push(line);
      this.#bytes += line.length + 1;
      this.#snapshot.apply(line);
    }
    if (written === 0) return;
    this.#waiting.splice(0, written);
    if (!isOutgrown(this.#bytes, this.#snapshot.aliveCount)) return;
    this.#lines = this.#snapshot.lines();
    this.#bytes = this.#lines.reduce((sum, line) => sum + line.length + 1, 0);
  }
}
