import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashName, hashNameBytes, isAsciiName } from '../../src/base/name-hash.ts';
import { NamedRows } from '../../src/base/named-rows.ts';

interface Item {
  readonly name: string;
  readonly value: number;
}

/** Few names, so that they come and go and come back. */
const step = fc.record({ name: fc.integer({ min: 0, max: 60 }), remove: fc.boolean(), value: fc.nat() });

describe('NamedRows', () => {
  it('is a map by name whose rows stay where they are', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(step, { maxLength: 400 }), (seed, steps) => {
        const rows = new NamedRows<Item>(seed);
        const model = new Map<string, { item: Item; row: number }>();
        for (const { name: number, remove, value } of steps) {
          const item = { name: `member-${number}`, value };
          const known = model.get(item.name);
          if (known === undefined) {
            const row = rows.add(item);
            expect([...model.values()].some((other) => other.row === row)).toBe(false);
            expect(row).toBeLessThan(rows.capacity);
            model.set(item.name, { item, row });
          } else if (remove) {
            rows.remove(known.row);
            model.delete(item.name);
          } else {
            rows.replace(known.row, item);
            model.set(item.name, { item, row: known.row });
          }
          expect(rows.size).toBe(model.size);
        }
        for (let i = 0; i <= 61; i += 1) {
          const known = model.get(`member-${i}`);
          expect(rows.find(`member-${i}`)).toBe(known?.row ?? -1);
          if (known !== undefined) expect(rows.at(known.row)).toBe(known.item);
        }
        const used = [...Array(rows.top).keys()].filter((row) => rows.at(row) !== undefined);
        expect(used).toEqual([...model.values()].map(({ row }) => row).sort((a, b) => a - b));
      }),
      { numRuns: 60 },
    );
  });

  it('finds everybody however many there are, and after room was made for more', () => {
    const rows = new NamedRows<Item>(7);
    for (let i = 0; i < 3000; i += 1) rows.add({ name: `n${i}`, value: i });
    rows.reserve(9000);
    expect(rows.capacity).toBe(9000);
    for (let i = 0; i < 3000; i += 1) expect(rows.at(rows.find(`n${i}`))?.value).toBe(i);
    expect(rows.find('n3000')).toBe(-1);
  });
});

describe('a hash of a name', () => {
  it('is the same for its text and for its ASCII bytes, and only ASCII bytes are a name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), fc.integer(), (name, seed) => {
        const bytes = Buffer.from(`<${name}>`, 'utf8');
        const ascii = /^[\0-\x7f]*$/.test(name);
        if (ascii) expect(hashNameBytes(bytes, 1, bytes.length - 1, seed)).toBe(hashName(name, seed));
        expect(isAsciiName(name, bytes, 1, bytes.length - 1)).toBe(ascii);
        expect(isAsciiName(`${name}x`, bytes, 1, bytes.length - 1)).toBe(false);
      }),
    );
  });
});
