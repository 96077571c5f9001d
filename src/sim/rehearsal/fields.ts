import { parseDuration } from '../../base/duration.ts';
import { CodedError, messageOf } from '../../base/errors.ts';
import type { Millis } from '../../base/machine.ts';
import { nearest } from '../../base/nearest.ts';
import { TIME_MAX } from './plan.ts';

/** Reading plans that people write: every mistake is one line that names its place. */

/** @throws never returns: CodedError `ERR_SCENARIO` */
export function mistake(place: string, what: string): never {
  throw new CodedError('ERR_SCENARIO', place === '' ? what : `${place}: ${what}`);
}

/** An object of these keys and no others. */
export function objectOf(
  value: unknown,
  place: string,
  keys: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return mistake(place, `must be an object in braces, not ${shown(value)}`);
  }
  for (const key of Object.keys(value)) {
    if (keys.includes(key)) continue;
    const near = nearest(key, keys);
    const hint = near === undefined ? `the keys here are ${keys.join(', ')}` : `did you mean "${near}"?`;
    return mistake(place, `unknown key ${JSON.stringify(key)}; ${hint}`);
  }
  return value as Readonly<Record<string, unknown>>;
}

export function listOf(value: unknown, place: string, most: number): readonly unknown[] {
  if (!Array.isArray(value)) return mistake(place, `must be a list in brackets, not ${shown(value)}`);
  if (value.length > most) return mistake(place, `has ${value.length} entries; at most ${most} are allowed`);
  return value as readonly unknown[];
}

/** A whole number within limits, also as text. */
export function countOf(value: unknown, place: string, least: number, most: number): number {
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most) {
    return number;
  }
  return mistake(place, `must be a whole number from ${least} to ${most}, not ${shown(value)}`);
}

/** A share of 1: `"5%"` or 0.05. */
export function shareOf(value: unknown, place: string): number {
  const percent = typeof value === 'string' ? /^(\d+(?:\.\d+)?)%$/.exec(value)?.[1] : undefined;
  const plain = typeof value === 'string' && /^\d*\.?\d+$/.test(value) ? Number(value) : value;
  const share = percent === undefined ? plain : Number(percent) / 100;
  if (typeof share !== 'number' || !(share >= 0 && share <= 1)) {
    return mistake(place, `must be a share such as "5%" or 0.05, not ${shown(value)}`);
  }
  return share;
}

/** A time in Go's spelling, at most a day. */
export function timeOf(value: unknown, place: string): Millis {
  if (typeof value !== 'string') return mistake(place, `must be a time such as "10s", not ${shown(value)}`);
  const ms = durationOf(value, place);
  if (ms < 0 || ms > TIME_MAX) return mistake(place, `must lie between 0s and 24h, not ${shown(value)}`);
  return ms;
}

function durationOf(text: string, place: string): Millis {
  try {
    return parseDuration(text);
  } catch (error) {
    return mistake(place, messageOf(error).replace(/^time: /, ''));
  }
}

export function textOf(value: unknown, place: string): string {
  return typeof value === 'string' ? value : mistake(place, `must be a text in quotes, not ${shown(value)}`);
}

export function flagOf(value: unknown, place: string): boolean {
  return typeof value === 'boolean' ? value : mistake(place, `must be true or false, not ${shown(value)}`);
}

/** One of a few words. */
export function choiceOf<T extends string>(value: unknown, place: string, words: readonly T[]): T {
  const found = words.find((word) => word === value);
  return found ?? mistake(place, `must be one of ${words.join(', ')}, not ${shown(value)}`);
}

const SHOWN_LENGTH = 40;

/** A value as the message quotes it. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH)}…`;
}
