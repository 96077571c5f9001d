import type { Millis } from '../base/machine.ts';
import type { TraceRecord } from '../base/trace.ts';

/** Lines of one kind let through per window. Who asks for debugging wants many, but not a full disk. */
const LINES_PER_WINDOW = { TRACE: 1000, DEBUG: 1000, WARN: 20, ERR: 20 } as const;
const WINDOW_MS = 10_000;

/** How many lines of one kind were held back, once their window is over. */
export interface Suppressed {
  readonly record: TraceRecord;
  readonly count: number;
}

interface Kind {
  readonly record: TraceRecord;
  since: Millis;
  lines: number;
  suppressed: number;
}

/**
 * Keeps hostile or broken peers from filling the disk: complaints of one kind are counted instead of written once
 * there are many of them. What members do (INFO) is always written, however many they are.
 */
export class LogFlood {
  readonly #kinds = new Map<string, Kind>();
  #suppressing = 0;

  /** True when the record should be written. */
  admits(now: Millis, record: TraceRecord): boolean {
    const { level, source, message, text } = record;
    if (level === 'INFO') return true;
    // A record without `text` has its details in `message`, so only its source tells its kind.
    const key = text === undefined ? `${level} ${source}` : `${level} ${source} ${message}`;
    let kind = this.#kinds.get(key);
    if (kind === undefined) {
      kind = { record, since: now, lines: 0, suppressed: 0 };
      this.#kinds.set(key, kind);
    }
    if (kind.suppressed === 0 && now - kind.since >= WINDOW_MS) {
      kind.since = now;
      kind.lines = 0;
    }
    kind.lines += 1;
    if (kind.lines <= LINES_PER_WINDOW[level]) return true;
    if (kind.suppressed === 0) this.#suppressing += 1;
    kind.suppressed += 1;
    return false;
  }

  /** Takes the counts whose window is over. */
  takeSuppressed(now: Millis): readonly Suppressed[] {
    if (this.#suppressing === 0) return [];
    const over: Suppressed[] = [];
    for (const kind of this.#kinds.values()) {
      if (kind.suppressed === 0 || now - kind.since < WINDOW_MS) continue;
      over.push({ record: kind.record, count: kind.suppressed });
      kind.since = now;
      kind.lines = 0;
      kind.suppressed = 0;
      this.#suppressing -= 1;
    }
    return over;
  }
}
