import { describe, expect, it } from 'vitest';
import { Counters } from '../../../src/base/counters.ts';
import { seededRandom } from '../../../src/base/random.ts';
import { CoordinateClient } from '../../../src/coordinates/client.ts';
import { COORDINATE_DEFAULTS } from '../../../src/coordinates/config.ts';
import { type Coordinate, distance } from '../../../src/coordinates/coordinate.ts';

/** What Serf's own client made of five round trips to one node, to the last bit (serf.md 17.6). */
const GOLDEN = [
  [
    30, -0.00033414696580844484, -0.00023390287606591141, 1.2468174624999999, 9.3543817541663377e-5,
    1.7017085303838856e-5, 26451791,
  ],
  [
    42, -0.0014351505968178743, -0.0010046054177725119, 1.090391898053211, 0.00041714854636956125,
    4.0138157351787491e-5, 29572958,
  ],
  [
    25, -0.0014641973498170401, -0.001024938144871928, 0.90593530988791948, 0.00043890813706463368,
    4.0748134943648185e-5, 29668523,
  ],
  [
    500, -0.0022525121627848315, -0.0015767585139493819, 0.80729453318252065, 0.00071059156642904668,
    5.7302738846272712e-5, 31943252,
  ],
  [
    31, -0.0021947232238151556, -0.0015363062566706087, 0.6873597162763273, 0.00071094592573460967,
    5.6089164811612035e-5, 31796769,
  ],
] as const;

const OTHER: Coordinate = {
  vec: [0.01, -0.02, 0.003, 0, 0.004, 0.005, -0.006, 0.007],
  error: 0.5,
  adjustment: 0.0001,
  height: 0.0002,
};

describe('the golden run', () => {
  it('is reproduced bit for bit', () => {
    const client = new CoordinateClient({
      config: COORDINATE_DEFAULTS,
      random: seededRandom(1),
      counters: new Counters(),
    });
    const rows = GOLDEN.map(([rttMs]) => {
      expect(client.update('n1', OTHER, rttMs)).toBeUndefined();
      const { vec, error, adjustment, height } = client.coordinate;
      const nanos = Math.round(distance(client.coordinate, OTHER) * 1e9);
      return [rttMs, vec[0], vec[7], error, adjustment, height, nanos];
    });
    expect(rows).toEqual(GOLDEN);
    expect(client.coordinate.vec[3]).toBe(0);
  });
});
