import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeBriefly, encodeWith } from '../../src/wire/msgpack.ts';

describe('brief results', () => {
  it('are what lasting ones are, and none touches another', () => {
    const sizes = fc.array(fc.oneof(fc.nat({ max: 200 }), fc.nat({ max: 20_000 })), { maxLength: 200 });
    fc.assert(
      fc.property(sizes, (lengths) => {
        const texts = lengths.map((length, i) => String.fromCharCode(97 + (i % 26)).repeat(length));
        const brief = texts.map((text) => encodeBriefly((to) => to.text(text)));
        expect(brief.map((bytes) => Buffer.from(bytes).toString('latin1'))).toEqual(
          texts.map((text) => Buffer.from(encodeWith((to) => to.text(text))).toString('latin1')),
        );
      }),
      { numRuns: 50 },
    );
  });
});
