import { Counters } from '../../src/base/counters.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { CoordinateClient } from '../../src/coordinates/client.ts';
import { COORDINATE_DEFAULTS, type CoordinateConfig } from '../../src/coordinates/config.ts';
import { type Coordinate, distance, originCoordinate } from '../../src/coordinates/coordinate.ts';

/** The networks on which Serf measures its coordinates, and what it demands there. Times are milliseconds. */

/** True round trips between nodes, by row and column. */
export type Truth = readonly (readonly number[])[];

type Point = readonly [x: number, y: number];

/** Mean and largest relative error over all pairs. */
export interface Errors {
  readonly mean: number;
  readonly max: number;
}

export interface Topology {
  readonly name: string;
  readonly layout: string;
  readonly config: CoordinateConfig;
  readonly truth: (random: Random) => Truth;
  /** What the tests of Serf 0.9.4 and of its newest version allow after 1,000 cycles. */
  readonly limits: { readonly serf094: Errors; readonly newest: Errors };
  /** What the client of Serf 0.9.4 itself reaches when its tests run with seeds 1 to 100: the median of each. */
  readonly serfsMedian: Errors;
  /** Of these 100 runs, how many stay within the limits; its own tests run seed 1 alone. */
  readonly serfWithin: { readonly serf094: number; readonly newest: number };
}

const CYCLES = 1_000;
const CIRCLE_RADIUS_MS = 100;
const IN_A_PLANE: CoordinateConfig = { ...COORDINATE_DEFAULTS, dimensionality: 2 };

export const TOPOLOGIES: readonly Topology[] = [
  {
    name: 'line',
    layout: '10 nodes, 10 ms apart',
    config: COORDINATE_DEFAULTS,
    truth: () => truthOf(10, (a, b) => (b - a) * 10),
    limits: { serf094: { mean: 0.0018, max: 0.0092 }, newest: { mean: 0.0031, max: 0.013 } },
    serfsMedian: { mean: 0.002166, max: 0.011074 },
    serfWithin: { serf094: 32, newest: 63 },
  },
  {
    name: 'grid',
    layout: '25 nodes, 10 ms apart',
    config: COORDINATE_DEFAULTS,
    truth: () => truthOf(25, (a, b) => 10 * apart([a % 5, row(a)], [b % 5, row(b)])),
    limits: { serf094: { mean: 0.0015, max: 0.022 }, newest: { mean: 0.0016, max: 0.023 } },
    serfsMedian: { mean: 0.001556, max: 0.01215 },
    serfWithin: { serf094: 44, newest: 55 },
  },
  {
    name: 'split',
    layout: '25 nodes on two sides, 1 ms within, 11 ms across',
    config: COORDINATE_DEFAULTS,
    truth: () => truthOf(25, (a, b) => (a <= 12 === b <= 12 ? 1 : 11)),
    limits: { serf094: { mean: 0.00006, max: 0.00048 }, newest: { mean: 0.00006, max: 0.00048 } },
    serfsMedian: { mean: 0.000056, max: 0.000362 },
    serfWithin: { serf094: 80, newest: 80 },
  },
  {
    name: 'height',
    layout: '24 nodes on a circle of 100 ms, one 200 ms from each, 2-d',
    config: IN_A_PLANE,
    truth: () =>
      truthOf(25, (a, b) => CIRCLE_RADIUS_MS * (a === 0 ? 2 : apart(onCircle(a / 25), onCircle(b / 25)))),
    limits: { serf094: { mean: 0.0025, max: 0.064 }, newest: { mean: 0.0028, max: 0.064 } },
    serfsMedian: { mean: 0.003226, max: 0.057501 },
    serfWithin: { serf094: 12, newest: 25 },
  },
  {
    name: 'random',
    layout: '25 nodes, 100 ms ± 10 ms, normal',
    config: COORDINATE_DEFAULTS,
    truth: (random) => truthOf(25, () => 100 + 10 * normal(random)),
    limits: { serf094: { mean: 0.075, max: 0.33 }, newest: { mean: 0.075, max: 0.33 } },
    serfsMedian: { mean: 0.050017, max: 0.254742 },
    serfWithin: { serf094: 87, newest: 87 },
  },
];

/** Drift: what Serf's test allows of the distance before, and what its client reaches over the same 100 seeds. */
export const DRIFT = { limit: 0.8, serfsMedian: 0.7766, serfsWorst: 0.8291, serfWithin: 98 } as const;

/** A settled network. */
export interface Run {
  readonly clients: readonly CoordinateClient[];
  readonly errors: Errors;
}

/** Runs a topology from nothing; the seed decides who measures whom, and directions out of the origin. */
export function settle(topology: Topology, seed: number): Run {
  return settleWith(topology, topology.truth(seededRandom(seed, 'truth')), seededRandom(seed, 'run'));
}

/** The same with draws of the caller's. */
export function settleWith(topology: Topology, truth: Truth, random: Random): Run {
  const clients = truth.map(() => newClient(topology.config, random));
  simulate(clients, truth, CYCLES, random);
  return { clients, errors: evaluate(clients, truth) };
}

/** Each node's height as a share of the circle's radius: the centre first. */
export function heightShares({ clients }: Run): { readonly centre: number; readonly others: number } {
  const [centre = 0, ...others] = clients.map(
    (client) => (client.coordinate.height * 1e3) / CIRCLE_RADIUS_MS,
  );
  return { centre, others: Math.max(...others) };
}

/** The middle one, or the next larger. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** In every cycle each node measures one other picked at random, or nobody when it picks itself. */
function simulate(clients: readonly CoordinateClient[], truth: Truth, cycles: number, random: Random): void {
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    for (const [a, client] of clients.entries()) {
      const b = random.below(clients.length);
      if (b !== a) client.update(`n${b}`, clients[b]!.coordinate, truth[a]![b]!);
    }
  }
}

function evaluate(clients: readonly CoordinateClient[], truth: Truth): Errors {
  const errors = clients.flatMap((client, a) =>
    clients.slice(a + 1).map((other, offset) => {
      const actual = truth[a]![a + 1 + offset]! / 1_000;
      return Math.abs(distance(client.coordinate, other.coordinate) - actual) / actual;
    }),
  );
  return { mean: errors.reduce((sum, error) => sum + error, 0) / errors.length, max: Math.max(...errors) };
}

function newClient(config: CoordinateConfig, random: Random, start?: Coordinate): CoordinateClient {
  const parts = { config, random, counters: new Counters() };
  return new CoordinateClient(start === undefined ? parts : { ...parts, start });
}

/** Four nodes that want to be a square of 500 ms, put into a corner away from the origin: far off before gravity. */
export function drift(seed: number): { readonly before: number; readonly after: number } {
  const random = seededRandom(seed, 'drift');
  return driftWith(random, random);
}

/** The same with draws of the caller's: for the time before, and after. */
export function driftWith(first: Random, then: Random): { readonly before: number; readonly after: number } {
  const side = 500;
  const truth = truthOf(4, (a, b) => (a === 0 && b === 2 ? side * Math.SQRT2 : side));
  const corners = [
    [0, 0],
    [0, side],
    [side, side],
    [side, side],
  ].map((corner) => corner.map((ms) => ms / 1_000));
  const clients = corners.map((vec) =>
    newClient(IN_A_PLANE, first, { ...originCoordinate(IN_A_PLANE), vec }),
  );
  simulate(clients, truth, CYCLES, first);
  const before = offCentre(clients);
  simulate(clients, truth, 10 * CYCLES, then);
  return { before, after: offCentre(clients) };
}

/** How far the middle of the box around all nodes is from the origin, in seconds. */
function offCentre(clients: readonly CoordinateClient[]): number {
  const middle = [0, 1].map((axis) => {
    const values = clients.map((client) => client.coordinate.vec[axis]!);
    return (Math.min(...values) + Math.max(...values)) / 2;
  });
  return Math.hypot(...middle);
}

/** A symmetric matrix of `rtt(a, b)` for a < b, cut to whole nanoseconds. */
export function truthOf(nodes: number, rtt: (a: number, b: number) => number): Truth {
  const truth = Array.from({ length: nodes }, () => new Array<number>(nodes).fill(0));
  for (let a = 0; a < nodes; a += 1) {
    for (let b = a + 1; b < nodes; b += 1) {
      const ms = Math.trunc(rtt(a, b) * 1e6) / 1e6;
      truth[a]![b] = ms;
      truth[b]![a] = ms;
    }
  }
  return truth;
}

function row(node: number): number {
  return Math.floor(node / 5);
}

/** A point of the circle of radius 1 around the origin. */
function onCircle(turns: number): Point {
  return [Math.cos(2 * Math.PI * turns), Math.sin(2 * Math.PI * turns)];
}

function apart([x1, y1]: Point, [x2, y2]: Point): number {
  return Math.sqrt((x2 - x1) * (x2 - x1) + (y2 - y1) * (y2 - y1));
}

/** Standard normal, by Box and Muller. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float());
}
