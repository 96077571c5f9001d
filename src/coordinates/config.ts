/** What the update rule depends on; every member of a cluster must agree on it (serf.md 17.1). */
export interface CoordinateConfig {
  /** Components of a position, height not counted. */
  readonly dimensionality: number;
  /** Error of a fresh coordinate, and the largest one. */
  readonly vivaldiErrorMax: number;
  /** Largest weight of one sample in the error estimate. */
  readonly vivaldiCE: number;
  /** Largest weight of one sample in a move. */
  readonly vivaldiCC: number;
  /** Samples the adjustment is averaged over. */
  readonly adjustmentWindowSize: number;
  /** Seconds; the smallest height. */
  readonly heightMin: number;
  /** Round trips per member that the median is taken of. */
  readonly latencyFilterSize: number;
  /** Scale, in seconds, of the pull towards the origin: the larger, the weaker. */
  readonly gravityRho: number;
}

/** Serf's own values. */
export const COORDINATE_DEFAULTS = {
  dimensionality: 8,
  vivaldiErrorMax: 1.5,
  vivaldiCE: 0.25,
  vivaldiCC: 0.25,
  adjustmentWindowSize: 20,
  heightMin: 10e-6,
  latencyFilterSize: 3,
  gravityRho: 150,
} as const satisfies CoordinateConfig;

/** Shorter lengths have no direction, and nothing is divided by less. */
export const ZERO_THRESHOLD = 1e-6;

/** Longer round trips say more about a stalled node than about the network. */
export const MAX_RTT_MS = 10_000;
