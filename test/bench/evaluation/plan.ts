import { ARMS } from './arms.ts';
import type { Curve } from './curves.ts';
import type { Job } from './jobs.ts';
import type { Cyclic, Deaths } from './lifeguard.ts';

/** What is run: sizes, grids and seeds. The seeds are fixed, so that the same plan gives the same figures. */
export interface Plan {
  readonly members: number;
  readonly c: readonly number[];
  readonly d: readonly number[];
  readonly i: readonly number[];
  readonly forMs: number;
  readonly deathBatches: number;
  readonly deathJobs: number;
  /** Cluster sizes, with how many members stop and how many events spread in each. */
  readonly sizes: readonly (readonly [members: number, stops: number, events: number])[];
  readonly losses: readonly number[];
}

export const FULL: Plan = {
  members: 128,
  c: [1, 8, 32],
  d: [128, 2_048, 8_192, 32_768],
  i: [1, 256, 16_384],
  forMs: 60_000,
  deathBatches: 8,
  deathJobs: 8,
  sizes: [
    [8, 200, 40],
    [16, 200, 40],
    [32, 200, 40],
    [64, 200, 40],
    [128, 200, 40],
    [256, 100, 20],
    [512, 60, 20],
    [1_024, 30, 10],
    [2_048, 20, 10],
  ],
  losses: [0.05, 0.2],
};

/** A minute or two: whether everything still works, not figures to publish. */
export const QUICK: Plan = {
  ...FULL,
  members: 32,
  c: [8],
  d: [16_384],
  i: [256],
  forMs: 30_000,
  deathBatches: 2,
  deathJobs: 1,
  sizes: [
    [8, 30, 10],
    [16, 30, 10],
    [32, 30, 10],
  ],
  losses: [0.2],
};

/** Members that die at once in the measurement of latencies. */
export const DEATHS_AT_ONCE = 16;
/** The cluster size in which loss is tried. */
export const LOSSY_MEMBERS = 64;

/**
 * The jobs of a plan. Cells of all arms stand together, and what is dear stands last, so that a run that is cut short has
 * much to tell.
 */
export function jobsOf(plan: Plan): Job[] {
  const curves = curvesOf(plan);
  const small = curves.filter(({ members }) => members <= 256);
  const large = curves.filter(({ members }) => members > 256);
  return [...small, ...deathsOf(plan), ...stoppedOf(plan), ...cyclicOf(plan), ...large];
}

function cyclicOf({ members, c, d, i, forMs }: Plan): Cyclic[] {
  const cells = d.flatMap((dMs) => i.flatMap((iMs) => c.map((count) => ({ c: count, d: dMs, i: iMs }))));
  // The longest stops first: they tell the most.
  return cells.reverse().flatMap((cell, place) =>
    ARMS.map(
      (arm): Cyclic => ({
        kind: 'cyclic',
        arm: arm.id,
        members,
        ...cell,
        blocks: true,
        forMs,
        seed: 1 + place,
      }),
    ),
  );
}

/** The worst corner of the grid once more, with processes that stop whole, timers and all. */
function stoppedOf({ members, c, d, i, forMs }: Plan): Cyclic[] {
  const corner = { c: Math.max(...c), d: Math.max(...d), i: Math.min(...i) };
  return ARMS.map((arm): Cyclic => {
    return { kind: 'cyclic', arm: arm.id, members, ...corner, blocks: false, forMs, seed: 1 };
  });
}

function deathsOf({ members, deathBatches: batches, deathJobs }: Plan): Deaths[] {
  const c = Math.min(DEATHS_AT_ONCE, members / 4);
  return Array.from({ length: deathJobs }, (_, i) => 1_000 + 100 * i).flatMap((seed) =>
    ARMS.map((arm): Deaths => ({ kind: 'deaths', arm: arm.id, members, c, batches, seed })),
  );
}

function curvesOf({ sizes, losses }: Plan): Curve[] {
  const lossless = sizes.map(([members, stops, events]): Curve => {
    return { kind: 'curve', members, loss: 0, stops, events, seed: members };
  });
  const lossy = losses.map((loss): Curve => {
    return { kind: 'curve', members: LOSSY_MEMBERS, loss, stops: 0, events: 40, seed: LOSSY_MEMBERS };
  });
  return [...lossless, ...lossy];
}
