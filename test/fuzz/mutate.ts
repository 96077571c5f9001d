import type { Random } from '../../src/base/random.ts';

/** Inputs are cut to this: everything interesting is smaller, and small inputs are quick. */
export const INPUT_MAX = 4096;

/** First bytes, lengths and numbers at which decoders change their mind. */
const EDGES = [
  0, 1, 7, 15, 16, 31, 32, 63, 64, 127, 128, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc4, 0xd9, 0xda, 0xdb,
  0xdc, 0xdd, 0xde, 0xdf, 0xe0, 254, 255,
];
const LONG_EDGES = [
  [0x7f, 0xff],
  [0xff, 0xff],
  [0, 0, 0, 0],
  [0x7f, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0xff],
  [0xcf, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0xdb, 0xff, 0xff, 0xff, 0xff],
  [0xdd, 0xff, 0xff, 0xff, 0xff],
  [0xdf, 0xff, 0xff, 0xff, 0xff],
];
const STACK_MAX = 6;

type Bytes = number[];
type Mutation = (bytes: Bytes, random: Random, other: Uint8Array) => void;

const at = (bytes: Bytes, random: Random): number => random.below(bytes.length + 1);
const slice = (bytes: ArrayLike<number>, random: Random, most: number): number[] => {
  const from = random.below(bytes.length + 1);
  return Array.prototype.slice.call(bytes, from, from + 1 + random.below(most));
};

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) => {
    const place = random.below(Math.max(1, bytes.length));
    bytes[place] = (bytes[place] ?? 0) ^ (1 << random.below(8));
  },
  (bytes, random) => {
    bytes[random.below(Math.max(1, bytes.length))] = random.below(256);
  },
  (bytes, random) => {
    bytes[random.below(Math.max(1, bytes.length))] = EDGES[random.below(EDGES.length)] ?? 0;
  },
  (bytes, random) => {
    const place = random.below(Math.max(1, bytes.length));
    bytes[place] = ((bytes[place] ?? 0) + (random.below(2) === 0 ? 1 : 255)) & 255;
  },
  (bytes, random) => {
    const edge = LONG_EDGES[random.below(LONG_EDGES.length)] ?? [];
    bytes.splice(at(bytes, random), random.below(2) === 0 ? edge.length : 0, ...edge);
  },
  (bytes, random) => void bytes.splice(at(bytes, random), 1 + random.below(16)),
  (bytes, random) => void bytes.splice(at(bytes, random), bytes.length),
  (bytes, random) => void bytes.splice(at(bytes, random), 0, ...random.bytes(1 + random.below(8))),
  (bytes, random) => void bytes.splice(at(bytes, random), 0, ...slice(bytes, random, 32)),
  (bytes, random, other) => void bytes.splice(at(bytes, random), 0, ...slice(other, random, 64)),
  (bytes, random, other) =>
    void bytes.splice(at(bytes, random), bytes.length, ...slice(other, random, INPUT_MAX)),
  (bytes, random) => {
    const again = slice(bytes, random, 8);
    const place = at(bytes, random);
    for (let i = 0; i < 1 + random.below(64); i += 1) bytes.splice(place, 0, ...again);
  },
];

/** `seed` changed in one or a few ways; `other` is what pieces are taken from. Neither is touched. */
export function mutate(seed: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  const bytes: Bytes = [...seed];
  const changes = 1 + random.below(STACK_MAX);
  for (let i = 0; i < changes; i += 1) {
    const mutation = MUTATIONS[random.below(MUTATIONS.length)];
    mutation?.(bytes, random, other);
  }
  return Uint8Array.from(bytes.slice(0, INPUT_MAX));
}
