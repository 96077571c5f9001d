import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../../src/base/random.ts';
import {
  DRIFT,
  drift,
  driftWith,
  heightShares,
  median,
  settle,
  settleWith,
  TOPOLOGIES,
  type Topology,
  truthOf,
} from '../../support/coordinate-space.ts';
import { goRandom, SERFS_FIGURES } from '../../support/go-random.ts';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
/** Medians of few runs scatter around those of a hundred. */
const SCATTER = 1.25;

/** Serf's own run: the draws of Go's generator with seed 1, and what came of it. */
const SERFS_RUN: {
  readonly figures: Readonly<Record<string, readonly [mean: number, max: number]>>;
  readonly centreHeight: number;
  readonly otherHeight: number;
  readonly draws: readonly string[];
  readonly fractions: Readonly<Record<string, number>>;
  readonly randomNs: readonly number[];
} = JSON.parse(readFileSync(new URL('../../vectors/data/coordinate-runs.json', import.meta.url), 'utf8'));

function serfsDraws(): Random {
  const draws = SERFS_RUN.draws.join('');
  let at = -1;
  const drawn = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error(`draw ${at} was not recorded`);
    return value;
  };
  return {
    ...seededRandom(1),
    below: (bound) => {
      at += 1;
      return Number(drawn(draws.slice(2 * at, 2 * at + 2) || undefined)) % bound;
    },
    float: () => {
      at += 1;
      return drawn(SERFS_RUN.fractions[at]);
    },
  };
}

function serfsTruth(topology: Topology): ReturnType<typeof truthOf> {
  if (topology.name !== 'random') return topology.truth(seededRandom(1));
  let at = -1;
  return truthOf(25, () => {
    at += 1;
    return SERFS_RUN.randomNs[at]! / 1e6;
  });
}

const named = (name: string): Topology => TOPOLOGIES.find((topology) => topology.name === name)!;

describe("the runs of Serf's own performance tests", () => {
  it.each(Object.keys(SERFS_RUN.figures))('%s ends with the same errors, within the limits', (name) => {
    const topology = named(name);
    const { errors } = settleWith(topology, serfsTruth(topology), serfsDraws());
    const [mean, max] = SERFS_RUN.figures[name]!;
    expect(errors.mean).toBeCloseTo(mean, 9);
    expect(errors.max).toBeCloseTo(max, 9);
    for (const limit of Object.values(topology.limits)) {
      expect(errors.mean).toBeLessThanOrEqual(limit.mean);
      expect(errors.max).toBeLessThanOrEqual(limit.max);
    }
  });

  it("split, which draws a direction whenever two nodes are at one place, ends as Serf's and within the limits", () => {
    const topology = named('split');
    const { errors } = settleWith(topology, topology.truth(seededRandom(1)), goRandom());
    expect([errors.mean, errors.max]).toEqual(SERFS_FIGURES.split);
    expect(errors.mean).toBeLessThanOrEqual(topology.limits.newest.mean);
    expect(errors.max).toBeLessThanOrEqual(topology.limits.newest.max);
  });

  it("drift ends as Serf's and within the limit", () => {
    // Where a direction is drawn depends on the run; without one, both generators would go on as one.
    const { before, after } = driftWith(goRandom(), goRandom());
    expect(after / before).toBeCloseTo(SERFS_FIGURES.drift, 12);
    expect(after / before).toBeLessThanOrEqual(0.8);
  });

  it('height: the centre rises above the circle, and the circle stays flat', () => {
    const topology = named('height');
    const { centre, others } = heightShares(settleWith(topology, serfsTruth(topology), serfsDraws()));
    expect(centre).toBeGreaterThanOrEqual(0.97);
    expect(others).toBeLessThanOrEqual(0.03);
    expect(centre).toBeCloseTo(SERFS_RUN.centreHeight / 0.1, 9);
    expect(others).toBeCloseTo(SERFS_RUN.otherHeight / 0.1, 9);
  });
});

describe(`over ${SEEDS.length} seeds of our own`, () => {
  it.each(TOPOLOGIES)("$name: the middle run is as good as Serf's middle run", (topology) => {
    const runs = SEEDS.map((seed) => settle(topology, seed));
    const mean = median(runs.map((run) => run.errors.mean));
    const max = median(runs.map((run) => run.errors.max));
    expect(mean).toBeLessThanOrEqual(topology.serfsMedian.mean * SCATTER);
    expect(max).toBeLessThanOrEqual(topology.serfsMedian.max * SCATTER);
    expect(mean).toBeLessThanOrEqual(topology.limits.newest.mean * SCATTER);
    expect(max).toBeLessThanOrEqual(topology.limits.newest.max);
    if (topology.name !== 'height') return;
    const heights = runs.map(heightShares);
    for (const { centre } of heights) expect(centre).toBeGreaterThanOrEqual(0.97);
    expect(median(heights.map(({ others }) => others))).toBeLessThanOrEqual(0.03);
  });

  it('drift: gravity pulls the centre back towards the origin', () => {
    const shares = SEEDS.map((seed) => drift(seed)).map(({ before, after }) => after / before);
    expect(median(shares)).toBeLessThanOrEqual(DRIFT.limit);
    // Serf's own client is over the limit in one run of fifty too.
    expect(Math.max(...shares)).toBeLessThanOrEqual(DRIFT.serfsWorst);
  });
});
