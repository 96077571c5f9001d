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

/** A coordinate that is moved in place, for whoever owns it. */
export interface MovingCoordinate {
  readonly vec: number[];
  error: number;
  adjustment: number;
  height: number;
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
  for (let i = 0; i < vec.length; i += 1) if (!Number.isFinite(at(vec, i))) return false;
  return Number.isFinite(error) && Number.isFinite(adjustment) && Number.isFinite(height);
}

/** True when the two lie in the same space; only then have they a distance. */
export function isCompatible(a: Coordinate, b: Coordinate): boolean {
  return a.vec.length === b.vec.length;
}

/** Seconds between two places, without their adjustments. The caller has made sure that they are compatible. */
export function rawDistance(a: Coordinate, b: Coordinate): number {
  assert(a.vec.length === b.vec.length, 'coordinates of one space');
  let sum = 0;
  for (let i = 0; i < a.vec.length; i += 1) {
    const apart = at(a.vec, i) - at(b.vec, i);
    sum += apart * apart;
  }
  return Math.sqrt(sum) + a.height + b.height;
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
  const moved = { ...from, vec: [...from.vec] };
  push(config, random, moved, force, other);
  return moved;
}

/** Moves `own` in place as `applyForce` says. */
export function push(
  config: CoordinateConfig,
  random: Random,
  own: MovingCoordinate,
  force: number,
  other: Coordinate,
): void {
  const length = turnTo(own.vec, other.vec, random);
  for (let i = 0; i < own.vec.length; i += 1) own.vec[i] = at(own.vec, i) + at(unit, i) * force;
  if (length <= ZERO_THRESHOLD) return;
  const height = ((own.height + other.height) * force) / length + own.height;
  own.height = Math.max(height, config.heightMin);
}

/** The direction found last, for the one caller that asks for it at once. */
const unit: number[] = [];

/** Sets `unit` to the direction from `b` to `a` and returns the length before; for points that coincide any, and 0. */
function turnTo(a: readonly number[], b: readonly number[], random: Random): number {
  assert(a.length === b.length, 'coordinates of one space');
  unit.length = a.length;
  for (let i = 0; i < a.length; i += 1) unit[i] = at(a, i) - at(b, i);
  const length = magnitude(unit);
  if (length > ZERO_THRESHOLD) {
    scale(unit, 1 / length);
    return length;
  }
  for (let i = 0; i < a.length; i += 1) unit[i] = random.float() - 0.5;
  const size = magnitude(unit);
  if (size > ZERO_THRESHOLD) scale(unit, 1 / size);
  else for (let i = 0; i < a.length; i += 1) unit[i] = i === 0 ? 1 : 0;
  return 0;
}

function scale(vec: number[], factor: number): void {
  for (let i = 0; i < vec.length; i += 1) vec[i] = at(vec, i) * factor;
}

function magnitude(vec: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < vec.length; i += 1) sum += at(vec, i) * at(vec, i);
  return Math.sqrt(sum);
}

function at(vec: readonly number[], i: number): number {
  return vec[i] as number;
}
