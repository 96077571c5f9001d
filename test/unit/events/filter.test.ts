import { describe, expect, test } from 'vitest';
import type { ClusterEvent } from '../../../src/events/event.ts';
import { matches, matchesAny, parseEventFilter } from '../../../src/events/filter.ts';
import { member, query, user } from './samples.ts';

const join: ClusterEvent = { type: 'member-join', members: [member('a')] };

describe('parseEventFilter', () => {
  test.each([
    ['', [{ type: '*' }]],
    ['*', [{ type: '*' }]],
    ['member-join,member-reap', [{ type: 'member-join' }, { type: 'member-reap' }]],
    ['user', [{ type: 'user', name: '' }]],
    ['user:', [{ type: 'user', name: '' }]],
    [
      'user:a:b,query:tubez',
      [
        { type: 'user', name: 'a:b' },
        { type: 'query', name: 'tubez' },
      ],
    ],
  ])('reads %j', (text, filters) => {
    expect(parseEventFilter(text)).toEqual(filters);
  });

  test.each([
    ['foo', 'foo'],
    ['member-join,,user', ''],
    [' user', ' user'],
    ['User', 'User'],
    ['user,member', 'member'],
    ['member-join:a', 'member-join:a'],
    ['query,Query:x', 'Query:x'],
  ])('names the first bad entry of %j', (text, invalid) => {
    expect(parseEventFilter(text)).toEqual({ invalid });
  });
});

describe('matches', () => {
  test.each([
    ['*', join, true],
    ['*', query('load'), true],
    ['member-join', join, true],
    ['member-leave', join, false],
    ['user', user('deploy', 1), true],
    ['user', query('deploy'), false],
    ['user:deploy', user('deploy', 1), true],
    ['user:deploy', user('restart', 1), false],
    ['user:deploy', query('deploy'), false],
    ['query:', query('load'), true],
    ['query:load', query('load'), true],
    ['query:load', query('uptime'), false],
    ['member-leave,user:deploy', user('deploy', 1), true],
  ] as [string, ClusterEvent, boolean][])('%s on %o is %s', (text, event, expected) => {
    const filters = parseEventFilter(text);
    if ('invalid' in filters) throw new Error(filters.invalid);
    expect(matchesAny(filters, event)).toBe(expected);
    if (filters.length === 1) expect(filters.map((filter) => matches(filter, event))).toEqual([expected]);
  });
});
