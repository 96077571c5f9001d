/** Chance as an argument: the core never reaches for ambient randomness. */
export interface Random {
  /** Uniform in [0, 1). */
  float(): number;
  /** Uniform integer in [0, bound); `bound` is a positive safe integer. */
  below(bound: number): number;
  /** Fresh bytes; a real host draws them from the operating system because nonces depend on them. */
  bytes(length: number): Uint8Array;
}

/** A reproducible generator (xoshiro128**, Blackman and Vigna 2018) seeded from one 32-bit number and a name. */
export function seededRandom(seed: number, name = ''): Random {
  let mix = seed >>> 0;
  for (let i = 0; i < name.length; i += 1) mix = Math.imul(mix ^ name.charCodeAt(i), 0x01000193) >>> 0;
  const splitmix = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b) >>> 0;
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35) >>> 0;
    return (z ^ (z >>> 16)) >>> 0;
  };
  let a = splitmix();
  let b = splitmix();
  let c = splitmix();
  let d = splitmix() | 1;
  const next = (): number => {
    const x = Math.imul(b, 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  const float = (): number => (next() * 0x200000 + (next() >>> 11)) / 0x20000000000000;
  return {
    float,
    below: (bound) => Math.floor(float() * bound),
    bytes: (length) => {
      const out = new Uint8Array(length);
      for (let i = 0; i < length; i += 1) out[i] = next() & 0xff;
      return out;
    },
  };
}

/** Shuffles in place (Fisher and Yates). */
export function shuffle<T>(items: T[], random: Random): void {
  for (let i = items.length - 1; i > 0; i -= 1) {
    const j = random.below(i + 1);
    const held = items[i] as T;
    items[i] = items[j] as T;
    items[j] = held;
  }
}
