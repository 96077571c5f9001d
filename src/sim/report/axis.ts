import { log2, log10 } from '../../base/math.ts';

/** How values are laid out along an axis. */
export type ScaleName = 'linear' | 'log2' | 'log10';

/** One axis of a chart. Without limits it spans its values, a linear one from 0. */
export interface Axis {
  readonly label: string;
  /** Default linear. A logarithmic axis has no place for values of 0 and below; such points are left out. */
  readonly scale?: ScaleName;
  readonly min?: number;
  readonly max?: number;
  /** Text of a tick; default the number with a thin space between thousands. */
  readonly format?: (value: number) => string;
}

/** An axis with its limits decided. */
export interface Scale {
  readonly ticks: readonly number[];
  readonly format: (value: number) => string;
  /** True where a value has a place, inside the limits or out. */
  has(value: number): boolean;
  /** 0 at the lower limit, 1 at the upper. */
  at(value: number): number;
}

const TICKS_WANTED = 6;
const DECADES_MAX = 12;

/** Lays out an axis for these values. */
export function scaleOf(axis: Axis, values: readonly number[]): Scale {
  const format = axis.format ?? plainNumber;
  const kind = axis.scale ?? 'linear';
  if (kind === 'linear') return linearScale(axis, values, format);
  const measure = kind === 'log2' ? log2 : log10;
  const usable = values.filter((value) => value > 0);
  const low = axis.min ?? Math.min(...usable, Number.MAX_VALUE);
  const high = axis.max ?? Math.max(...usable, 0);
  const [from, to] = high > 0 && low <= high ? [low, high] : [1, 10];
  const base = kind === 'log2' ? 2 : 10;
  const ticks = powers(base, from, to);
  const start = measure(Math.min(from, ticks[0] ?? from));
  const span = Math.max(measure(Math.max(to, ticks.at(-1) ?? to)) - start, 1e-9);
  return {
    ticks,
    format,
    has: (value) => value > 0 && Number.isFinite(value),
    at: (value) => (measure(value) - start) / span,
  };
}

/** A number as people write it: 12, 1 234, 0.05. */
export function plainNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const text = size >= 100 || Number.isInteger(value) ? String(Math.round(value)) : trimmed(value, size);
  return text.replace(/^(-?\d+)(?=\.|$)/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, '\u2009'));
}

function trimmed(value: number, size: number): string {
  return String(Number(size >= 1 ? value.toFixed(2) : value.toPrecision(2)));
}

function linearScale(axis: Axis, values: readonly number[], format: Scale['format']): Scale {
  const usable = values.filter((value) => Number.isFinite(value));
  const low = axis.min ?? Math.min(0, ...usable);
  const high = axis.max ?? Math.max(low, ...usable);
  const step = stepFor((high - low) / TICKS_WANTED);
  const from = axis.min ?? Math.floor(low / step) * step;
  const to = axis.max ?? Math.max(Math.ceil(high / step) * step, from + step);
  const ticks: number[] = [];
  for (let i = Math.ceil(from / step); i * step <= to + step / 1e6; i += 1) {
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return {
    ticks,
    format,
    has: (value) => Number.isFinite(value),
    at: (value) => (value - from) / (to - from),
  };
}

/** 1, 2 or 5 times a power of ten, at least `rough`. */
function stepFor(rough: number): number {
  if (!(rough > 0)) return 1;
  let power = 1;
  while (power > rough) power /= 10;
  while (power * 10 <= rough) power *= 10;
  return power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
}

/** Powers of `base` from the last at or below `low` to the first at or above `high`, thinned to a readable few. */
function powers(base: number, low: number, high: number): number[] {
  let at = 1;
  while (at > low) at /= base;
  while (at * base <= low) at *= base;
  const all = [at];
  while (at < high) {
    at *= base;
    all.push(at);
  }
  const every = Math.ceil(all.length / DECADES_MAX);
  return all.filter((_, i) => i % every === 0 || i === all.length - 1);
}
