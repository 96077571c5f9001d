import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BroadcastQueue } from '../../src/swim/broadcasts.ts';
import { Packer } from '../../src/swim/packer.ts';

/** memberlist's queue written for reading: one list, sorted before each use (memberlist.md 4.7). */
class PlainQueue {
  #entries: { bytes: Uint8Array; id: number; name: string | undefined; transmits: number }[] = [];
  #nextId = 1;
  readonly ended: number[];

  constructor(ended: number[]) {
    this.ended = ended;
  }

  get size(): number {
    return this.#entries.length;
  }

  enqueue(bytes: Uint8Array, name: string | undefined): void {
    const old = this.#entries.find((entry) => name !== undefined && entry.name === name);
    if (old !== undefined) this.#end(old);
    this.#entries.push({ bytes, id: this.#nextId, name, transmits: 0 });
    this.#nextId += 1;
  }

  fill(packer: Packer, limit: number): void {
    for (const entry of this.#ranked()) {
      if (entry.bytes.length > packer.freeForMessage) continue;
      packer.addMessage(entry.bytes);
      entry.transmits += 1;
      if (entry.transmits >= limit) this.#end(entry);
    }
    if (this.size === 0) this.#nextId = 1;
  }

  prune(keep: number): void {
    for (const entry of this.#ranked().reverse()) if (this.size > keep) this.#end(entry);
    if (this.size === 0) this.#nextId = 1;
  }

  #ranked() {
    return this.#entries.toSorted(
      (a, b) => a.transmits - b.transmits || b.bytes.length - a.bytes.length || b.id - a.id,
    );
  }

  #end(entry: { readonly bytes: Uint8Array }): void {
    this.#entries = this.#entries.filter((one) => one !== entry);
    this.ended.push(entry.bytes[0] as number);
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 12 }), name: fc.option(fc.nat(5)) }) },
  { weight: 4, arbitrary: fc.record({ budget: fc.nat(80), limit: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ keep: fc.nat(6) }) },
);

describe('the queue of broadcasts', () => {
  it('sends, keeps and ends what a sorted list would, in the same order', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 1, max: 9 }), (steps, maxParts) => {
        const ended: number[] = [];
        const queue = new BroadcastQueue();
        const plain = new PlainQueue([]);
        let tag = 0;
        for (const one of steps) {
          if ('add' in one) {
            tag = (tag + 1) % 256;
            const bytes = new Uint8Array(one.add).fill(tag);
            const name = one.name === null ? undefined : `n${one.name}`;
            const mark = tag;
            const finished = (): void => {
              ended.push(mark);
            };
            queue.enqueue(bytes, name === undefined ? { finished } : { name, finished });
            plain.enqueue(bytes, name);
          } else if ('keep' in one) {
            queue.prune(one.keep);
            plain.prune(one.keep);
          } else {
            const [sent, expected] = [new Packer(one.budget, maxParts), new Packer(one.budget, maxParts)];
            queue.fill(sent, one.limit, 'message');
            plain.fill(expected, one.limit);
            expect(sent.parts).toEqual(expected.parts);
          }
          expect(queue.size).toBe(plain.size);
          expect(ended).toEqual(plain.ended);
        }
      }),
      { numRuns: 400 },
    );
  });
});
