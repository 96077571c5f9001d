import { describe, expect, it } from 'vitest';
import { TraceHash } from '../../../src/sim/trace-hash.ts';

function digestOf(take: (hash: TraceHash) => void): string {
  const hash = new TraceHash();
  take(hash);
  return hash.digest;
}

const ofBytes = (...parts: readonly (readonly number[])[]): string =>
  digestOf((hash) => {
    for (const part of parts) hash.bytes(Uint8Array.from(part));
  });

describe('the digest of a run', () => {
  it('tells any changed bit of any byte', () => {
    const bytes = [1, 2, 3, 4, 5, 6, 7];
    const seen = new Set([ofBytes(bytes)]);
    for (let at = 0; at < bytes.length; at += 1)
      for (let bit = 0; bit < 8; bit += 1)
        seen.add(ofBytes(bytes.map((byte, i) => (i === at ? byte ^ (1 << bit) : byte))));
    expect(seen.size).toBe(1 + 8 * bytes.length);
  });

  it('tells how many bytes there are, and where one lot ends and the next begins', () => {
    const zeros = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((length) => ofBytes(new Array<number>(length).fill(0)));
    expect(new Set(zeros).size).toBe(zeros.length);
    expect(ofBytes([1, 2, 3], [4])).not.toBe(ofBytes([1, 2], [3, 4]));
  });

  it('tells the order of what happened, and numbers to their last bit', () => {
    const both = (first: number, second: number): string =>
      digestOf((hash) => {
        hash.word(first);
        hash.word(second);
      });
    expect(both(1, 2)).not.toBe(both(2, 1));
    expect(digestOf((hash) => hash.number(0.1 + 0.2))).not.toBe(digestOf((hash) => hash.number(0.3)));
    expect(digestOf((hash) => hash.text('ab'))).not.toBe(digestOf((hash) => hash.text('ba')));
  });

  it('of a view is that of the same bytes alone', () => {
    const inside = Uint8Array.of(9, 1, 2, 3, 4, 5, 9).subarray(1, 6);
    expect(digestOf((hash) => hash.bytes(inside))).toBe(ofBytes([1, 2, 3, 4, 5]));
  });
});
