import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineReader } from '../../src/serf/line-reader.ts';
import { SNAPSHOT_LINE_BYTES, Snapshot, snapshotLine, stamped } from '../../src/serf/snapshot.ts';

const name = fc.oneof(
  fc.constantFrom('a', 'b', 'c d', ' ', '# x', 'alive: a'),
  fc.string({ unit: 'binary', maxLength: 12 }),
);
const address = fc.record({
  ip: fc.oneof(fc.ipV4(), fc.constantFrom('::1', 'fd00::12')),
  port: fc.integer({ min: 1, max: 65_535 }),
});
const time = fc.maxSafeNat();

/** A line as a node records it; names that make no line give none. */
const recorded: fc.Arbitrary<string | undefined> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(name, address).map(([who, where]) => snapshotLine.alive(who, where)) },
  { weight: 2, arbitrary: name.map((who) => snapshotLine.notAlive(who)) },
  {
    weight: 2,
    arbitrary: fc.tuple(name, address, fc.nat()).map(([who, where, seconds]) => {
      const line = snapshotLine.failed(who, where);
      return line === undefined ? undefined : stamped(line, seconds);
    }),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('member' as const, 'event' as const, 'query' as const), time)
      .map(([clock, at]) => snapshotLine.clock(clock, at)),
  },
  { weight: 1, arbitrary: fc.constant(snapshotLine.leave()) },
);
const lines = fc.array(recorded, { maxLength: 40 }).map((all) => all.filter((line) => line !== undefined));

/** Everything a replay says. */
function stateOf(content: Uint8Array | readonly string[], rejoin: boolean): unknown {
  const snapshot = new Snapshot(rejoin);
  if (content instanceof Uint8Array) {
    new LineReader(SNAPSHOT_LINE_BYTES, (line) => snapshot.apply(line)).push(content);
  } else for (const line of content) snapshot.apply(line);
  const { alive, failed, lastTimes } = snapshot;
  return { alive: [...alive].sort((a, b) => (a.name < b.name ? -1 : 1)), failed, lastTimes };
}

function fileOf(content: readonly string[]): Buffer {
  return Buffer.from(content.map((line) => `${line}\n`).join(''));
}

describe('a snapshot', () => {
  it('cut off anywhere says what it said at some earlier moment', () => {
    fc.assert(
      fc.property(
        lines,
        fc.boolean(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (content, rejoin, share) => {
          const file = fileOf(content);
          const cut = file.subarray(0, Math.floor(file.length * share));
          const wholeLines = cut.filter((byte) => byte === 0x0a).length;
          expect(stateOf(cut, rejoin)).toEqual(stateOf(content.slice(0, wholeLines), rejoin));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('says the same after a compaction, whatever is appended then', () => {
    fc.assert(
      fc.property(lines, lines, fc.boolean(), (before, after, rejoin) => {
        const snapshot = new Snapshot(rejoin);
        for (const line of before) snapshot.apply(line);
        const compacted = fileOf([...snapshot.lines(), ...after]);
        expect(stateOf(compacted, rejoin)).toEqual(stateOf(fileOf([...before, ...after]), rejoin));
      }),
      { numRuns: 500 },
    );
  });

  it('of any bytes, in pieces of any size, is read without an error and the same way', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      lines.map((content) => new Uint8Array(fileOf(content))),
    );
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 64 }), (content, size) => {
        const whole: string[] = [];
        const pieces: string[] = [];
        new LineReader(100, (line) => whole.push(line)).push(content);
        const reader = new LineReader(100, (line) => pieces.push(line));
        for (let at = 0; at < content.length; at += size) reader.push(content.subarray(at, at + size));
        expect(pieces).toEqual(whole);
        const snapshot = new Snapshot(false);
        for (const line of pieces) snapshot.apply(line);
        expect(reader.wholeBytes).toBe(content.lastIndexOf(0x0a) + 1);
      }),
      { numRuns: 500 },
    );
  });
});
