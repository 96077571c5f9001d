import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Counters } from '../../src/base/counters.ts';
import { WireError } from '../../src/base/errors.ts';
import { seededRandom } from '../../src/base/random.ts';
import { CoordinateClient } from '../../src/coordinates/client.ts';
import { COORDINATE_DEFAULTS } from '../../src/coordinates/config.ts';
import { type Coordinate, distance, isFiniteCoordinate } from '../../src/coordinates/coordinate.ts';
import { decodePingPayload, encodePingPayload } from '../../src/serf/ping-payload.ts';

const anyDouble = fc.double();
const anyCoordinate: fc.Arbitrary<Coordinate> = fc.record({
  vec: fc.oneof(
    { weight: 9, arbitrary: fc.array(anyDouble, { minLength: 8, maxLength: 8 }) },
    { weight: 1, arbitrary: fc.array(anyDouble, { maxLength: 20 }) },
  ),
  error: anyDouble,
  adjustment: anyDouble,
  height: anyDouble,
});

const seconds = (min: number, max: number): fc.Arbitrary<number> => fc.double({ min, max, noNaN: true });
/** What an honest node may say. */
const honest: fc.Arbitrary<Coordinate> = fc.record({
  vec: fc.array(seconds(-2, 2), { minLength: 8, maxLength: 8 }),
  error: seconds(0, 1.5),
  adjustment: seconds(-1, 1),
  height: seconds(1e-5, 1),
});

function fresh(): CoordinateClient {
  return new CoordinateClient({
    config: COORDINATE_DEFAULTS,
    random: seededRandom(1),
    counters: new Counters(),
  });
}

const updates = (other: fc.Arbitrary<Coordinate>, rttMs: fc.Arbitrary<number>) =>
  fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), other, rttMs), { maxLength: 40 });

describe('coordinates', () => {
  it('whatever peers say, ours stays finite and in its space', () => {
    fc.assert(
      fc.property(updates(anyCoordinate, fc.oneof(anyDouble, seconds(0, 10_000))), (steps) => {
        const client = fresh();
        for (const [node, other, rttMs] of steps) {
          const before = client.coordinate;
          const refused = client.update(node, other, rttMs);
          if (refused !== undefined) expect(client.coordinate).toBe(before);
          expect(isFiniteCoordinate(client.coordinate)).toBe(true);
          expect(client.coordinate.vec).toHaveLength(8);
        }
      }),
    );
  });

  it('among honest peers the error stays within its bounds, the height above its least, without a reset', () => {
    fc.assert(
      fc.property(updates(honest, seconds(0, 10_000)), (steps) => {
        const client = fresh();
        for (const [node, other, rttMs] of steps) {
          expect(client.update(node, other, rttMs)).toBeUndefined();
          expect(client.coordinate.error).toBeGreaterThanOrEqual(0);
          expect(client.coordinate.error).toBeLessThanOrEqual(1.5);
          expect(client.coordinate.height).toBeGreaterThanOrEqual(COORDINATE_DEFAULTS.heightMin);
        }
        expect(client.resets).toBe(0);
      }),
    );
  });

  it('a distance is the same both ways, positive, and a whole number of nanoseconds', () => {
    fc.assert(
      fc.property(honest, honest, (a, b) => {
        const there = distance(a, b);
        // The terms are added in another order, which may cost the last nanosecond.
        expect(Math.abs(there - distance(b, a))).toBeLessThanOrEqual(1.5e-9);
        expect(there).toBeGreaterThanOrEqual(0);
        expect(Math.abs(there * 1e9 - Math.round(there * 1e9))).toBeLessThan(1e-5);
      }),
    );
  });

  it('survive the wire to the last bit', () => {
    fc.assert(
      fc.property(anyCoordinate, (coordinate) => {
        expect(decodePingPayload(encodePingPayload(coordinate))).toEqual(coordinate);
      }),
    );
  });

  it('any payload is a coordinate or a WireError', () => {
    const cut = fc
      .tuple(anyCoordinate, fc.nat(200), fc.nat(255))
      .map(([coordinate, at, byte]) =>
        encodePingPayload(coordinate).map((old, i) => (i === at ? byte : old)),
      );
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 200 }), cut), (bytes) => {
        try {
          expect(Array.isArray(decodePingPayload(bytes).vec)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });
});
