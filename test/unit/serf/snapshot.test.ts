import { describe, expect, it } from 'vitest';
import { LineReader } from '../../../src/serf/line-reader.ts';
import {
  isOutgrown,
  SNAPSHOT_FAILED_LIMIT,
  SNAPSHOT_LINE_BYTES,
  SNAPSHOT_NODES_LIMIT,
  Snapshot,
  snapshotLine,
  stamped,
} from '../../../src/serf/snapshot.ts';

const at = (host: number) => ({ ip: `10.0.0.${host}`, port: 7946 });

function replayed(lines: readonly string[], rejoin = false) {
  const snapshot = new Snapshot(rejoin);
  const remarks = lines.flatMap((line) => snapshot.apply(line)?.text ?? []);
  return { snapshot, remarks };
}

const names = (nodes: readonly { readonly name: string }[]) => nodes.map(({ name }) => name);

describe('replaying a snapshot', () => {
  it('not-alive removes what alive added, and a later address wins', () => {
    const { snapshot } = replayed([
      'alive: a 10.0.0.1:7946',
      'alive: b 10.0.0.2:7946',
      'alive: a 10.0.0.3:5000',
      'not-alive: b',
      'not-alive: never-seen',
    ]);
    expect(snapshot.alive).toEqual([{ name: 'a', address: { ip: '10.0.0.3', port: 5000 } }]);
  });

  it('the address follows the last space, for names may hold some; IPv6 is in brackets', () => {
    const { snapshot } = replayed(['alive: a b  c 10.0.0.1:7946', 'alive: v6 [::1]:7946', 'not-alive: v6']);
    expect(snapshot.alive).toEqual([{ name: 'a b  c', address: at(1) }]);
    expect(replayed(['alive: v6 [fd00::1]:80']).snapshot.alive[0]?.address).toEqual({
      ip: 'fd00::1',
      port: 80,
    });
  });

  it('the last line of a clock counts, not the largest', () => {
    const { snapshot } = replayed(['clock: 100', 'event-clock: 42', 'query-clock: 50', 'clock: 7']);
    expect(snapshot.lastTimes).toEqual({ member: 7, event: 42, query: 50 });
  });

  it('a leave forgets nodes and clocks; what follows it counts again', () => {
    const { snapshot } = replayed([
      'alive: a 10.0.0.1:7946',
      '# failed: f 10.0.0.9:7946 1000',
      'clock: 100',
      'event-clock: 42',
      'leave',
      'clock: 101',
    ]);
    expect([snapshot.alive, snapshot.failed]).toEqual([[], []]);
    expect(snapshot.lastTimes).toEqual({ member: 101, event: 0, query: 0 });
  });

  it('with rejoin after leave a leave forgets nothing, and says so', () => {
    const lines = ['alive: a 10.0.0.1:7946', 'clock: 100', 'event-clock: 42', 'query-clock: 50', 'leave'];
    const { snapshot, remarks } = replayed(lines, true);
    expect(names(snapshot.alive)).toEqual(['a']);
    expect(snapshot.lastTimes).toEqual({ member: 100, event: 42, query: 50 });
    expect(remarks).toEqual(['Ignoring previous leave in snapshot']);
  });

  it('comments and coordinates of old versions are passed over in silence', () => {
    const { snapshot, remarks } = replayed([
      '# alive: a 10.0.0.1:1',
      '#',
      'coordinate: {"Vec":[0]}',
      '# failed: half',
    ]);
    expect(remarks).toEqual([]);
    expect([snapshot.alive, snapshot.failed]).toEqual([[], []]);
  });

  it.each([
    ['bogus', 'Unrecognized snapshot line: bogus'],
    ['', 'Unrecognized snapshot line: '],
    ['leave now', 'Unrecognized snapshot line: leave now'],
    ['alive: q', 'Failed to parse address: alive: q'],
    ['alive: q 10.0.0.1', 'Failed to parse address: alive: q 10.0.0.1'],
    ['alive: q 10.0.0.1:0', 'Failed to parse address: alive: q 10.0.0.1:0'],
    ['alive: q 10.0.0.1:65536', 'Failed to parse address: alive: q 10.0.0.1:65536'],
    ['alive: q evil.example:80', 'Failed to parse address: alive: q evil.example:80'],
    ['clock: x', 'Failed to convert clock time: strconv.ParseUint: parsing "x": invalid syntax'],
    ['clock: -1', 'Failed to convert clock time: strconv.ParseUint: parsing "-1": invalid syntax'],
    [
      'event-clock: 1.5',
      'Failed to convert event clock time: strconv.ParseUint: parsing "1.5": invalid syntax',
    ],
    ['query-clock: ', 'Failed to convert query clock time: strconv.ParseUint: parsing "": invalid syntax'],
    [
      'clock: 18446744073709551616',
      'Failed to convert clock time: strconv.ParseUint: parsing "18446744073709551616": value out of range',
    ],
    [
      'event-clock: 9007199254740992',
      'Failed to convert event clock time: strconv.ParseUint: parsing "9007199254740992": value out of range',
    ],
  ])('%j is skipped with a warning', (line, warning) => {
    const { snapshot, remarks } = replayed(['clock: 5', line]);
    expect(remarks).toEqual([warning]);
    expect([snapshot.alive, snapshot.lastTimes.member]).toEqual([[], 5]);
  });

  it('takes the largest time there is', () => {
    expect(replayed(['clock: 9007199254740991']).snapshot.lastTimes.member).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('ignores new nodes beyond the limit, and still takes changes of known ones', () => {
    const snapshot = new Snapshot(false);
    for (let i = 0; i < SNAPSHOT_NODES_LIMIT; i += 1) snapshot.apply(`alive: n${i} 10.0.0.1:7946`);
    expect(snapshot.apply('alive: more 10.0.0.1:7946')?.text).toContain('Too many nodes');
    expect(snapshot.apply('alive: n0 10.0.0.2:7946')).toBeUndefined();
    expect(snapshot.aliveCount).toBe(SNAPSHOT_NODES_LIMIT);
  });
});

describe('members that failed', () => {
  it('are remembered, the last one first, until they return or leave', () => {
    const failed = (name: string, host: number) => stamped(snapshotLine.failed(name, at(host)) ?? '', 1000.7);
    expect(failed('x y', 1)).toBe('# failed: x y 10.0.0.1:7946 1000');
    const lines = [
      failed('x y', 1),
      failed('back', 2),
      failed('gone', 3),
      failed('last', 4),
      failed('x y', 5),
    ];
    const { snapshot } = replayed([...lines, 'alive: back 10.0.0.2:7946', 'not-alive: gone']);
    expect(snapshot.failed).toEqual([
      { name: 'x y', address: at(5) },
      { name: 'last', address: at(4) },
    ]);
  });

  it('are forgotten when they failed too long ago', () => {
    const { snapshot } = replayed(['# failed: old 10.0.0.1:1 99', '# failed: new 10.0.0.2:1 100']);
    snapshot.forgetFailedBefore(100);
    expect(names(snapshot.failed)).toEqual(['new']);
  });

  it('give way to newer ones beyond the limit', () => {
    const lines = Array.from(
      { length: SNAPSHOT_FAILED_LIMIT + 2 },
      (_, i) => `# failed: n${i} 10.0.0.1:1 ${i}`,
    );
    const { snapshot } = replayed(lines);
    expect(snapshot.failed).toHaveLength(SNAPSHOT_FAILED_LIMIT);
    expect(names(snapshot.failed).slice(-1)).toEqual(['n2']);
  });
});

describe('compaction', () => {
  it('keeps nodes and every clock, zeros included', () => {
    const { snapshot } = replayed([
      'alive: a 10.0.0.1:7946',
      'alive: v6 [::1]:1',
      'clock: 3',
      'bogus',
      'event-clock: 9',
    ]);
    expect(snapshot.lines()).toEqual([
      'alive: a 10.0.0.1:7946',
      'alive: v6 [::1]:1',
      'clock: 3',
      'event-clock: 9',
      'query-clock: 0',
    ]);
  });

  it('does not turn a node that has left into one that rejoins', () => {
    const { snapshot } = replayed(['alive: a 10.0.0.1:7946', 'clock: 3', 'leave', 'clock: 4'], true);
    expect(names(snapshot.alive)).toEqual(['a']);
    const again = replayed(snapshot.lines());
    expect(again.snapshot.alive).toEqual([]);
    expect(again.snapshot.lastTimes.member).toBe(4);
    expect(names(replayed(snapshot.lines(), true).snapshot.alive)).toEqual(['a']);
  });

  it.each([
    [131_072, 0, false],
    [131_073, 0, true],
    [131_073, 512, true],
    [256_000, 1_000, false],
    [256_001, 1_000, true],
  ])('%i bytes for %i nodes: %s', (bytes, nodes, outgrown) => {
    expect(isOutgrown(bytes, nodes)).toBe(outgrown);
  });
});

describe('lines', () => {
  it('are not made of names that would break them', () => {
    for (const name of ['a\nleave', 'a\0b', 'x'.repeat(SNAPSHOT_LINE_BYTES)]) {
      expect(snapshotLine.alive(name, at(1))).toBeUndefined();
      expect(snapshotLine.notAlive(name)).toBeUndefined();
      expect(snapshotLine.failed(name, at(1))).toBeUndefined();
    }
    expect(snapshotLine.alive('x'.repeat(1_000), at(1))).toBeDefined();
  });
});

describe('reading lines', () => {
  function read(...chunks: readonly string[]) {
    const lines: string[] = [];
    const reader = new LineReader(8, (line) => lines.push(line));
    for (const chunk of chunks) reader.push(Buffer.from(chunk, 'latin1'));
    return { lines, reader };
  }

  it('leaves out a last line without its newline, and knows where it begins', () => {
    const { lines, reader } = read('one\ntw', 'o\n', '\nthr', 'ee');
    expect(lines).toEqual(['one', 'two', '']);
    expect(reader.wholeBytes).toBe(9);
  });

  it('ignores NUL bytes', () => {
    expect(read('\0\0o\0ne\n\0\n').lines).toEqual(['one', '']);
  });

  it('leaves out lines that are too long, whole, and goes on with the next', () => {
    const { lines, reader } = read('1234567\n', '12345678\n1234', '5678', '9012345678\nnext\n');
    expect(lines).toEqual(['1234567', 'next']);
    expect(reader.tooLong).toBe(2);
    expect(reader.wholeBytes).toBe(8 + 9 + 19 + 5);
  });

  it('keeps names that are not UTF-8 apart', () => {
    expect(new Set(read('\xff\n', '\xfe\n').lines).size).toBe(2);
  });
});
