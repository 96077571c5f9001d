import { describe, expect, it } from 'vitest';
import { Counters } from '../../../src/base/counters.ts';
import { type Random, seededRandom } from '../../../src/base/random.ts';
import { CoordinateClient } from '../../../src/coordinates/client.ts';
import { COORDINATE_DEFAULTS, type CoordinateConfig } from '../../../src/coordinates/config.ts';
import {
  applyForce,
  type Coordinate,
  distance,
  originCoordinate,
  rawDistance,
} from '../../../src/coordinates/coordinate.ts';

const ORIGIN = originCoordinate(COORDINATE_DEFAULTS);
const FLAT: CoordinateConfig = { ...COORDINATE_DEFAULTS, dimensionality: 3, heightMin: 0 };

function at(vec: readonly number[], more: Partial<Coordinate> = {}): Coordinate {
  return { vec, error: 1.5, adjustment: 0, height: 0, ...more };
}

function far(index: number, more: Partial<Coordinate> = {}): Coordinate {
  return { ...ORIGIN, vec: ORIGIN.vec.map((_, i) => (i === index ? 0.1 : 0)), ...more };
}

function fresh(random: Random = seededRandom(1), config: CoordinateConfig = COORDINATE_DEFAULTS) {
  const counters = new Counters();
  return { client: new CoordinateClient({ config, random, counters }), counters };
}

const fixed = (...floats: readonly number[]): Random => {
  const left = [...floats];
  return { ...seededRandom(1), float: () => left.shift() ?? Number.NaN };
};

describe('distance', () => {
  it('is that of the positions and both heights', () => {
    expect(rawDistance(at([0, 0.003], { height: 0.001 }), at([0.004, 0], { height: 0.002 }))).toBe(0.008);
  });

  it('counts adjustments while the sum stays above zero, which zero itself is not', () => {
    const near = at([0.001, 0, 0]);
    const here = at([0, 0, 0]);
    expect(distance(near, { ...here, adjustment: 0.0005 })).toBe(0.0015);
    expect(distance(near, { ...here, adjustment: -0.0005 })).toBe(0.0005);
    expect(distance(near, { ...here, adjustment: -0.001 })).toBe(0.001);
    expect(distance(near, { ...here, adjustment: -0.002 })).toBe(0.001);
  });

  it('is cut, not rounded, to whole nanoseconds', () => {
    expect(distance(at([0.0000000019]), at([0]))).toBe(1e-9);
    expect(distance(at([1.9999999999]), at([0]))).toBe(1.999999999);
  });

  it('of coordinates of different spaces is a mistake of the program', () => {
    expect(() => distance(at([0]), at([0, 0]))).toThrow('coordinates of one space');
  });
});

describe('a force', () => {
  const random = seededRandom(1);

  it('pushes away along the line, and pulls when negative', () => {
    expect(applyForce(FLAT, random, at([0, 0, 0]), 5, at([0, 0, -2])).vec).toEqual([0, 0, 5]);
    expect(applyForce(FLAT, random, at([0, 0, 1]), -0.25, at([0, 0, 0])).vec).toEqual([0, 0, 0.75]);
  });

  it('changes the height in proportion, never below the least', () => {
    const config = { ...FLAT, heightMin: 0.01 };
    const other = at([0, 0, 1], { height: 0.01 });
    expect(applyForce(config, random, at([0, 0, 0], { height: 0.01 }), 0.5, other).height).toBe(0.02);
    expect(applyForce(config, random, at([0, 0, 0], { height: 0.01 }), -5, other).height).toBe(0.01);
  });

  it('between coinciding points goes anywhere and leaves the height alone', () => {
    const from = at([1, 1, 1], { height: 0.5 });
    const moved = applyForce(FLAT, fixed(0.5, 0.9, 0.2), from, 1, from);
    expect(moved.vec.map((value) => value.toFixed(3))).toEqual(['1.000', '1.800', '0.400']);
    expect(moved.height).toBe(0.5);
  });

  it('takes the first axis when chance finds no direction either', () => {
    const from = at([0, 0, 0]);
    expect(applyForce(FLAT, fixed(0.5, 0.5, 0.5), from, 2, from).vec).toEqual([2, 0, 0]);
  });
});

describe('an update', () => {
  it.each<[string, Coordinate, number, string]>([
    ['another dimension', at(new Array(16).fill(0)), 10, "dimensions aren't compatible"],
    ['an empty position', at([]), 10, "dimensions aren't compatible"],
    ['NaN in the position', far(7, { vec: [0, 0, 0, 0, 0, 0, 0, Number.NaN] }), 10, 'coordinate is invalid'],
    ['an infinite error', far(0, { error: Number.POSITIVE_INFINITY }), 10, 'coordinate is invalid'],
    ['a NaN adjustment', far(0, { adjustment: Number.NaN }), 10, 'coordinate is invalid'],
    ['an infinite height', far(0, { height: Number.NEGATIVE_INFINITY }), 10, 'coordinate is invalid'],
    ['a negative round trip', far(0), -1, rttText('-1ms')],
    ['eleven seconds', far(0), 11_000, rttText('11s')],
    ['a nanosecond too long', far(0), 10_000.000001, rttText('10.000000001s')],
    ['a round trip that is no number', far(0), Number.NaN, rttText('NaNs')],
  ])('with %s is refused, counted, and changes nothing', (_title, other, rttMs, why) => {
    const tried = fresh();
    const untouched = fresh();
    expect(tried.client.update('n', other, rttMs)).toBe(why);
    expect(tried.client.coordinate).toEqual(ORIGIN);
    expect(tried.counters.get('serf.coordinate.rejected')).toBe(1);
    for (const { client } of [tried, untouched]) client.update('n', far(0), 20);
    expect(tried.client.coordinate).toEqual(untouched.client.coordinate);
  });

  it('checks the dimension before the numbers, and the numbers before the round trip', () => {
    const { client } = fresh();
    expect(client.update('n', at([Number.NaN]), -1)).toBe("dimensions aren't compatible");
    expect(client.update('n', far(0, { error: Number.NaN }), -1)).toBe('coordinate is invalid');
  });

  it('takes zero and ten seconds; zero is counted', () => {
    const { client, counters } = fresh();
    expect(client.update('n', far(0), 10_000)).toBeUndefined();
    expect(counters.get('serf.coordinate.zero-rtt')).toBe(0);
    expect(client.update('n', far(0), 0)).toBeUndefined();
    expect(counters.get('serf.coordinate.zero-rtt')).toBe(1);
    expect(counters.get('serf.coordinate.rejected')).toBe(0);
  });

  it('moves towards where the distance would be the one measured', () => {
    const { client } = fresh();
    const before = distance(client.coordinate, far(0));
    client.update('n', far(0), 300);
    expect(distance(client.coordinate, far(0))).toBeGreaterThan(before);
    client.forget('n');
    const between = client.coordinate.vec[0]!;
    client.update('n', far(0), 1);
    expect(client.coordinate.vec[0]).toBeGreaterThan(between);
  });

  it('out of the origin, from the origin, goes where chance says', () => {
    const vecs = [1, 2].map((seed) => {
      const { client } = fresh(seededRandom(seed));
      client.update('n', ORIGIN, 50);
      return client.coordinate.vec;
    });
    expect(vecs[0]).not.toEqual(vecs[1]);
    for (const vec of vecs) expect(vec.every((value) => value !== 0)).toBe(true);
  });

  it('takes the median of the last three round trips of a node, the larger of two', () => {
    const seen = (rtts: readonly number[]): Coordinate => {
      const { client } = fresh();
      for (const rtt of rtts) client.update('n', far(0), rtt);
      return client.coordinate;
    };
    const effective = (rtts: readonly number[]): Coordinate => {
      const { client } = fresh();
      for (const [i, rtt] of rtts.entries()) client.update(`n${i}`, far(0), rtt);
      return client.coordinate;
    };
    expect(seen([10, 40, 20, 900])).toEqual(effective([10, 40, 20, 40]));
    expect(seen([40, 10])).toEqual(effective([40, 40]));
  });

  it('starts the filter of a forgotten node anew', () => {
    const { client } = fresh();
    const other = fresh().client;
    client.update('n', far(0), 10);
    client.forget('n');
    other.update('m', far(0), 10);
    for (const one of [client, other]) one.update('n', far(0), 500);
    expect(client.coordinate).toEqual(other.coordinate);
  });

  it('averages the shortfall over the whole window from the first sample on', () => {
    const { client } = fresh(seededRandom(1), { ...COORDINATE_DEFAULTS, gravityRho: 1e9 });
    client.update('n', far(0), 300);
    const shortfall = 0.3 - rawDistance(client.coordinate, far(0));
    expect(client.coordinate.adjustment).toBeCloseTo(shortfall / 40, 12);
  });

  it('that leaves the finite numbers starts again at the origin, is counted, and spoils no later one', () => {
    const { client } = fresh();
    expect(client.update('n', far(0, { vec: new Array(8).fill(1e300) }), 10)).toBeUndefined();
    expect(client.coordinate).toEqual(ORIGIN);
    expect(client.resets).toBe(1);
    expect(client.update('n', far(0), 10)).toBeUndefined();
    expect(client.resets).toBe(1);
    expect(client.coordinate).not.toEqual(ORIGIN);
  });
});

function rttText(given: string): string {
  return `round trip time not in valid range, duration ${given} is not a positive value less than 10s`;
}
