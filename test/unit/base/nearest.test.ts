import { describe, expect, it } from 'vitest';
import { nearest } from '../../../src/base/nearest.ts';

const WORDS = ['event', 'force-leave', 'info', 'join', 'keygen', 'keys', 'leave', 'members', 'tags'];

describe('the nearest word', () => {
  it.each([
    ['membrs', 'members'],
    ['memebrs', 'members'],
    ['mem', 'members'],
    ['jion', 'join'],
    ['evnt', 'event'],
    ['forceleave', 'force-leave'],
    ['tag', 'tags'],
  ])('to %s is %s', (word, expected) => {
    expect(nearest(word, WORDS)).toBe(expected);
  });

  it.each(['xyzzy', '', 'm', 'restart', 'x'.repeat(10_000)])('to %j does not exist', (word) => {
    expect(nearest(word, WORDS)).toBeUndefined();
  });
});
