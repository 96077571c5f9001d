import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Counters } from '../../../src/base/counters.ts';
import type { LineStore } from '../../../src/runtime/snapshot-disk.ts';
import { SNAPSHOT_QUEUE_LIMIT, SnapshotWriter } from '../../../src/runtime/snapshot-writer.ts';
import { SNAPSHOT_FAILED_SECONDS, Snapshot } from '../../../src/serf/snapshot.ts';

const FULL = new Error('write /s: no space left on device');

/** A file in memory that can be full, and slow. */
function store() {
  const state = {
    text: '',
    calls: [] as string[],
    isFull: false,
    cannotReplace: false,
    /** A call waits for this before it returns. */
    until: Promise.resolve(),
  };
  const doing = async (call: string, fails: boolean): Promise<void> => {
    state.calls.push(call);
    await state.until;
    if (fails) throw FULL;
  };
  const lines: LineStore = {
    get size() {
      return Buffer.byteLength(state.text);
    },
    async append(bytes) {
      const text = Buffer.from(bytes).toString();
      await doing('append', state.isFull);
      state.text += text;
    },
    async replace(bytes) {
      const text = Buffer.from(bytes).toString();
      await doing('replace', state.isFull || state.cannotReplace);
      state.text = text;
    },
    sync: () => doing('sync', state.isFull),
    close: () => doing('close', false),
  };
  return { state, lines };
}

function start(rejoinAfterLeave = false) {
  const { state, lines } = store();
  const log: string[] = [];
  const counters = new Counters();
  const snapshot = new Snapshot(rejoinAfterLeave);
  const writer = new SnapshotWriter({
    store: lines,
    snapshot,
    counters,
    trace: { note: ({ level, text }) => void log.push(`${level} ${text}`) },
    clock: () => Date.now(),
    calendarSeconds: () => 1_000_000 + Date.now() / 1_000,
  });
  const written = (): string[] => state.text.split('\n').slice(0, -1);
  return { state, log, counters, snapshot, writer, written };
}

const alive = (i: number): string => `alive: n${i} 10.0.0.1:7946`;
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('writing a snapshot', () => {
  it('writes the first line at once, then at most every 500 ms, and lets none wait longer', async () => {
    const { state, writer, written } = start();
    writer.record(alive(1));
    await pass(0);
    expect(written()).toEqual([alive(1)]);
    writer.record(alive(2));
    writer.record(alive(3));
    await pass(499);
    expect(state.calls).toEqual(['append']);
    await pass(1);
    expect(written()).toEqual([1, 2, 3].map(alive));
    expect(state.calls).toEqual(['append', 'append']);
    await pass(10_000);
    expect(state.calls).toHaveLength(2);
  });

  it('makes a leave durable at once', async () => {
    const { state, writer, written } = start();
    writer.record(alive(1));
    await pass(0);
    writer.record('leave');
    await pass(0);
    expect(written()).toEqual([alive(1), 'leave']);
    expect(state.calls).toEqual(['append', 'append', 'sync']);
  });

  it('gives comments of failed members the time', async () => {
    const { writer, written } = start();
    await pass(2_500);
    writer.record('# failed: x 10.0.0.9:7946');
    await pass(0);
    expect(written()).toEqual(['# failed: x 10.0.0.9:7946 1000002']);
  });

  it('at the end writes what is left, syncs and closes, and takes nothing more', async () => {
    const { state, writer, written } = start();
    writer.record(alive(1));
    await pass(0);
    writer.record(alive(2));
    await writer.close();
    await writer.close();
    writer.record(alive(3));
    await pass(60_000);
    expect(written()).toEqual([alive(1), alive(2)]);
    expect(state.calls).toEqual(['append', 'append', 'sync', 'close']);
  });

  it('a disk that hangs does not hold up the end of the node', async () => {
    const { state, writer } = start();
    state.until = new Promise(() => undefined);
    writer.record(alive(1));
    await pass(0);
    let isClosed = false;
    void writer.close().then(() => {
      isClosed = true;
    });
    await pass(999);
    expect(isClosed).toBe(false);
    await pass(1);
    expect(isClosed).toBe(true);
  });
});

describe('a slow disk', () => {
  it('holds up nobody: 3000 lines pass while it sleeps, and none is lost', async () => {
    const { state, writer, written, counters, snapshot } = start();
    let wake: () => void = () => undefined;
    state.until = new Promise((resolve) => {
      wake = resolve;
    });
    writer.record(alive(0));
    await pass(0);
    for (let i = 1; i <= 3_000; i += 1) writer.record(alive(i));
    writer.record('not-alive: n7');
    await pass(60_000);
    expect(state.calls).toEqual(['append']);
    expect(counters.get('snapshot-overflows')).toBe(1);
    wake();
    await pass(0);
    expect(state.calls).toEqual(['append', 'replace']);
    expect(written()).toEqual(snapshot.lines());
    expect(written()).toHaveLength(3_000 + 3);
  });

  it('writes lines that wait in the order they came, once', async () => {
    const { state, writer, written } = start();
    let wake: () => void = () => undefined;
    state.until = new Promise((resolve) => {
      wake = resolve;
    });
    const count = SNAPSHOT_QUEUE_LIMIT;
    for (let i = 0; i < count; i += 1) writer.record(alive(i));
    await pass(0);
    writer.record('clock: 9');
    wake();
    await pass(500);
    expect(written()).toEqual([...Array.from({ length: count }, (_, i) => alive(i)), 'clock: 9']);
  });
});

describe('a full disk', () => {
  it('costs a log line and a try every 30 seconds; what was missed is written when there is room', async () => {
    const { state, writer, written, log, counters, snapshot } = start();
    writer.record(alive(1));
    await pass(0);
    state.isFull = true;
    writer.record(alive(2));
    await pass(501);
    expect(log).toEqual([
      'ERR Failed to update snapshot: write /s: no space left on device',
      'INFO Attempting compaction to recover from error...',
      'ERR Compaction failed, will reattempt after 30s: write /s: no space left on device',
    ]);
    for (let i = 3; i < 100; i += 1) {
      writer.record(alive(i));
      await pass(290);
    }
    expect(state.calls).toEqual(['append', 'append', 'replace']);
    await pass(30_000);
    expect(state.calls.slice(3)).toEqual(['replace']);
    expect(counters.get('snapshot-errors')).toBe(3);

    state.isFull = false;
    writer.record('not-alive: n3');
    await pass(30_000);
    expect(log.at(-1)).toBe('INFO Finished compaction, successfully recovered from error state');
    expect(written()).toEqual(snapshot.lines());
    writer.record(alive(200));
    await pass(500);
    expect(written().at(-1)).toBe(alive(200));
  });

  it('a leave is durable once there is room, at the latest at the end', async () => {
    const { state, writer, written } = start(true);
    state.isFull = true;
    writer.record(alive(1));
    await pass(0);
    writer.record('leave');
    await pass(1_000);
    expect(written()).toEqual([]);
    state.isFull = false;
    await writer.close();
    expect(written().slice(0, 2)).toEqual([alive(1), 'leave']);
    expect(state.calls.slice(-3)).toEqual(['replace', 'sync', 'close']);
  });

  it('an end that cannot write is an end all the same', async () => {
    const { state, writer, log } = start();
    state.isFull = true;
    writer.record(alive(1));
    await writer.close();
    expect(state.calls.at(-1)).toBe('close');
    expect(log.some((line) => line.startsWith('ERR'))).toBe(true);
  });
});

describe('compaction', () => {
  /** Clock lines of more than 128 KiB, a few at a time. */
  async function outgrow(writer: SnapshotWriter, from = 0): Promise<void> {
    for (let i = 0; i < 12_000; i += 1) {
      writer.record(`clock: ${from + i}`);
      if (i % 1_000 === 999) await pass(500);
    }
    await pass(500);
  }

  it('happens when the file has outgrown its content, and keeps nodes and clocks', async () => {
    const { state, writer, written, counters } = start();
    writer.record(alive(1));
    writer.record('event-clock: 1023');
    writer.record('query-clock: 1023');
    await outgrow(writer, 1_000);
    expect(counters.get('snapshot-compactions')).toBe(1);
    const compacted = written().slice(0, 4);
    expect(compacted[0]).toBe(alive(1));
    expect(compacted.slice(2)).toEqual(['event-clock: 1023', 'query-clock: 1023']);
    expect(Buffer.byteLength(state.text)).toBeLessThan(131_072);
    expect(written().at(-1)).toBe('clock: 12999');
  });

  it('that fails leaves the file as it is, is tried again after 30 seconds, and lines go on being appended', async () => {
    const { state, writer, written, log } = start();
    state.cannotReplace = true;
    await outgrow(writer, 10_000);
    const tries = (): number => state.calls.filter((call) => call === 'replace').length;
    expect(tries()).toBe(1);
    expect(log).toEqual(['ERR Failed to compact snapshot: write /s: no space left on device']);
    expect(written()).toHaveLength(12_000);
    writer.record(alive(5));
    await pass(30_000);
    expect(written().at(-1)).toBe(alive(5));
    state.cannotReplace = false;
    writer.record(alive(6));
    await pass(500);
    expect(tries()).toBe(2);
    expect(written()).toEqual([alive(5), alive(6), 'clock: 21999', 'event-clock: 0', 'query-clock: 0']);
  });

  it('does not come again at once because the lines are longer than usual', async () => {
    const { state, writer } = start();
    const long = (i: number): string => `alive: ${'x'.repeat(900)}${i} 10.0.0.1:7946`;
    for (let i = 0; i < 300; i += 1) writer.record(long(i));
    await pass(500);
    for (let i = 0; i < 20; i += 1) {
      writer.record(`clock: ${i}`);
      await pass(500);
    }
    expect(state.calls.filter((call) => call === 'replace')).toHaveLength(1);
  });

  it('forgets members that failed more than a week ago', async () => {
    const { writer, written } = start();
    writer.record('# failed: x 10.0.0.9:7946');
    await pass(SNAPSHOT_FAILED_SECONDS * 1_000 + 1_000);
    writer.rewrite();
    await pass(0);
    expect(written()).toEqual(['clock: 0', 'event-clock: 0', 'query-clock: 0']);
  });
});
