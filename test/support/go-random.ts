import { readFileSync } from 'node:fs';
import { type Random, seededRandom } from '../../src/base/random.ts';

/** Words before the generator repeats its rule: each is the sum of the ones 607 and 273 before it. */
const LAG = 607;
const SHORT_LAG = 273;
const HEX_PER_WORD = 16;

const RECORDED: {
  readonly words: readonly string[];
  readonly split: readonly number[];
  readonly drift: number;
} = JSON.parse(readFileSync(new URL('../vectors/data/go-random.json', import.meta.url), 'utf8'));

/** What Serf's own client reaches with this generator: mean and largest error, and the share of the drift. */
export const SERFS_FIGURES = { split: RECORDED.split, drift: RECORDED.drift } as const;

/** Go's generator as `rand.Seed(1)` leaves it: the draws of Serf's own coordinate tests. */
export function goRandom(): Random {
  const hex = RECORDED.words.join('');
  const words = Array.from({ length: LAG }, (_, i) =>
    BigInt(`0x${hex.slice(HEX_PER_WORD * i, HEX_PER_WORD * (i + 1))}`),
  );
  let drawn = 0;
  const word = (): bigint => {
    const at = drawn % LAG;
    if (drawn >= LAG) words[at] = BigInt.asUintN(64, words[at]! + words[(at + LAG - SHORT_LAG) % LAG]!);
    drawn += 1;
    return words[at]!;
  };
  return {
    ...seededRandom(1),
    // 31 bits; those of the last, incomplete multiple of the bound are drawn again.
    below(bound) {
      const limit = 2 ** 31 - (2 ** 31 % bound);
      let value = limit;
      while (value >= limit) value = Number(BigInt.asUintN(31, word() >> 32n));
      return value % bound;
    },
    float() {
      let value = 1;
      while (value === 1) value = Number(BigInt.asUintN(63, word())) / 2 ** 63;
      return value;
    },
  };
}
