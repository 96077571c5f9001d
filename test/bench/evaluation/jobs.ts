import { type Curve, type CurveResult, runCurve } from './curves.ts';
import {
  type Cyclic,
  type Deaths,
  type FalsePositives,
  type Latencies,
  runCyclic,
  runDeaths,
} from './lifeguard.ts';

/** Everything one process does in one go; the same job gives the same result wherever it runs. */
export type Job = Cyclic | Deaths | Curve;
export type Result = FalsePositives | Latencies | CurveResult;

/** A job with what it gave. */
export interface Done {
  readonly job: Job;
  readonly result: Result;
  /** What it cost, for people; no part of the result. */
  readonly cpuSeconds: number;
}

/** Does a job in this process. */
export function run(job: Job): Result {
  switch (job.kind) {
    case 'cyclic':
      return runCyclic(job);
    case 'deaths':
      return runDeaths(job);
    case 'curve':
      return runCurve(job);
  }
}

/** Names a job: equal for equal jobs. */
export function keyOf(job: Job): string {
  return Object.entries(job)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}
