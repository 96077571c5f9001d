import { assert } from '../base/assert.ts';
import type { Random } from '../base/random.ts';
import { type CoordinateConfig, ZERO_THRESHOLD } from './config.ts';

/**
 * A place in round-trip space (Vivaldi with height, adjustment and gravity, as in Serf). Never changed in place.
 * The arithmetic follows Serf's operation by operation, so that both give the same bits (serf.md 17.4).
 */
export interface Coordinate {
  /** Position, in seconds. */
  readonly vec: readonly number[];
  /** Confidence: 0 is certain; no unit. */
  readonly error: number;
  /** Seconds added to every estimate, to make up for what positions cannot express. */
  readonly adjustment: number;
  /** Seconds every path of this node has in common: its access link. */
  readonly height: number;
}

/** Where a node is that has measured nothing yet. */
export function originCoordinate(config: CoordinateConfig): Coordinate {
  return {
    vec: new Array<number>(config.dimensionality).fill(0),
    error: config.vivaldiErrorMax,
    adjustment: 0,
    height: config.heightMin,
  };
}

/** True when every number is finite. */
export function isFiniteCoordinate(coordinate: Coordinate): boolean {
  const { vec, error, adjustment, height } = coordinate;
  return (
    vec.every(Number.isFinite) &&
    Number.isFinite(error) &&
    Number.isFinite(adjustment) &&
    Number.isFinite(height)
  );
}

/** True when the two lie in the same space; only then have they a distance. */
export function isCompatible(a: Coordinate, b: Coordinate): boolean {
  return a.vec.length === b.vec.length;
}

/** Seconds between two places, without their adjustments. The caller has made sure that they are compatible. */
export function rawDistance(a: Coordinate, b: Coordinate): number {
  return magnitude(difference(a.vec, b.vec)) + a.height + b.height;
}

/**
 * The estimated round trip between two nodes: seconds, cut to whole nanoseconds (serf.md 17.3). Adjustments count only
 * while the sum stays positive. The caller has made sure that the two are compatible.
 */
export function distance(a: Coordinate, b: Coordinate): number {
  const raw = rawDistance(a, b);
  const adjusted = raw + a.adjustment + b.adjustment;
  return secondsOfNanos(Math.trunc((adjusted > 0 ? adjusted : raw) * 1e9));
}

/** Seconds of a whole number of nanoseconds, rounded as Go rounds them: seconds and the rest apart. */
export function secondsOfNanos(nanos: number): number {
  const rest = nanos % 1e9;
  return (nanos - rest) / 1e9 + rest / 1e9;
}

/** `from` moved by `force` seconds away from `other`, or towards it when negative; heights give way in proportion. */
export function applyForce(
  config: CoordinateConfig,
  random: Random,
  from: Coordinate,
  force: number,
  other: Coordinate,
): Coordinate {
  const { unit, length } = direction(from.vec, other.vec, random);
  const vec = from.vec.map((value, i) => value + at(unit, i) * force);
  if (length <= ZERO_THRESHOLD) return { ...from, vec };
  const height = ((from.height + other.height) * force) / length + from.height;
  return { ...from, vec, height: Math.max(height, config.heightMin) };
}

/** The unit vector from `b` to `a` and its length before; for points that coincide any direction, and 0. */
function direction(
  a: readonly number[],
  b: readonly number[],
  random: Random,
): { readonly unit: readonly number[]; readonly length: number } {
  const apart = difference(a, b);
  const length = magnitude(apart);
  if (length > ZERO_THRESHOLD) return { unit: scaled(apart, 1 / length), length };
  const anywhere = a.map(() => random.float() - 0.5);
  const size = magnitude(anywhere);
  if (size > ZERO_THRESHOLD) return { unit: scaled(anywhere, 1 / size), length: 0 };
  return { unit: a.map((_, i) => (i === 0 ? 1 : 0)), length: 0 };
}

function difference(a: readonly number[], b: readonly number[]): number[] {
  assert(a.length === b.length, 'coordinates of one space');
  return a.map((value, i) => value - at(b, i));
}

function scaled(vec: readonly number[], factor: number): number[] {
  return vec.map((value) => value * factor);
}

function magnitude(vec: readonly number[]): number {
  let sum = 0;
  for (const value of vec) sum += value * value;
  return Math.sqrt(sum);
}

function at(vec: readonly number[], i: number): number {
  return vec[i] as number;
}
