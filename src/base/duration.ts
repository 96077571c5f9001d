import { CodedError } from './errors.ts';

/** Durations in Go's spelling (`300ms`, `1m30s`, `1.5h`), the one Serf's flags and files use; our unit is milliseconds. */

const UNIT_MS = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
} as const satisfies Record<string, number>;

/** Go counts nanoseconds in a signed 64-bit integer. */
const LARGEST_MS = 2 ** 63 / 1e6;

const PART = /^(\d+\.?\d*|\.\d+)([^\d.]*)/;

/**
 * Milliseconds, fractional and possibly negative. Throws `ERR_DURATION` with Go's own text: `time: missing unit in
 * duration "5"`, `time: unknown unit "x" in duration "5x"`, `time: invalid duration "x"`.
 */
export function parseDuration(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  let rest = text.replace(/^[+-]/, '');
  if (rest === '0') return 0;
  if (rest === '') throw invalid(text);
  let total = 0;
  while (rest !== '') {
    const part = PART.exec(rest);
    if (part === null) throw invalid(text);
    const unit = part[2] as string;
    if (unit === '') throw bad(`time: missing unit in duration ${JSON.stringify(text)}`);
    if (!Object.hasOwn(UNIT_MS, unit)) {
      throw bad(`time: unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}`);
    }
    total += Number(part[1]) * UNIT_MS[unit as keyof typeof UNIT_MS];
    rest = rest.slice(part[0].length);
  }
  if (total >= LARGEST_MS) throw invalid(text);
  return sign * total;
}

/** Go's spelling of a duration: `30s`, `1m30s`, `24h0m0s`, `1.5ms`, `0s`. */
export function formatDuration(ms: number): string {
  const sign = ms < 0 ? '-' : '';
  const size = Math.abs(ms);
  if (size === 0) return '0s';
  if (size < 1e-3) return `${sign}${trimmed(size * 1e6, 0)}ns`;
  if (size < 1) return `${sign}${trimmed(size * 1e3, 3)}µs`;
  if (size < 1000) return `${sign}${trimmed(size, 6)}ms`;
  const hours = Math.floor(size / UNIT_MS.h);
  const minutes = Math.floor((size % UNIT_MS.h) / UNIT_MS.m);
  const seconds = `${trimmed((size % UNIT_MS.m) / 1000, 9)}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}

function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

function invalid(text: string): CodedError {
  return bad(`time: invalid duration ${JSON.stringify(text)}`);
}

function bad(message: string): CodedError {
  return new CodedError('ERR_DURATION', message);
}
