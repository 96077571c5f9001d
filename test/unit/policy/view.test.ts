import { describe, expect, it } from 'vitest';
import {
  changeBetween,
  fingerprint,
  isUnchanged,
  select,
  type ViewFilter,
} from '../../../src/policy/view.ts';
import { member, members } from './samples.ts';

const names = (found: readonly { readonly name: string }[]) => found.map(({ name }) => name);

describe('a view', () => {
  const all = [
    member('b', 'alive', { role: 'web' }),
    member('a', 'alive', { role: 'db' }),
    member('me', 'alive', { role: 'web' }),
    member('c', 'failed', { role: 'web' }),
    member('B', 'left', { role: 'web' }),
  ];
  const rows: readonly (readonly [string, Partial<ViewFilter>, string])[] = [
    [
      'lists the statuses it names, sorted by code unit',
      { statuses: new Set(['alive', 'left']) },
      'B a b me',
    ],
    ['filters by name', { name: (name) => name === 'b' }, 'b'],
    ['filters by tag', { tags: new Map([['role', (value: string) => value === 'web']]) }, 'b me'],
    [
      'asks with an empty text for a tag that is not there',
      { tags: new Map([['x', (v: string) => v === '']]) },
      'a b me',
    ],
    ['lists only this node', { self: 'only' }, 'me'],
    ['lists everybody else', { self: 'except' }, 'a b'],
  ];
  it.each(rows)('%s', (_title, filter, expected) => {
    const whole: ViewFilter = { statuses: new Set(['alive']), tags: new Map(), self: 'any', ...filter };
    expect(names(select(all, whole, 'me').members).join(' ')).toBe(expected);
  });

  it('reports whom it leaves out, and nobody that the filter would not list anyway', () => {
    const filter: ViewFilter = {
      statuses: new Set(['alive']),
      tags: new Map(),
      self: 'any',
      refuse: ({ name }) => (name === 'b' || name === 'c' ? 'not a host name' : undefined),
    };
    const { members: listed, leftOut } = select(all, filter, 'me');
    expect(names(listed)).toEqual(['a', 'me']);
    expect(leftOut).toEqual([{ name: 'b', why: 'not a host name' }]);
  });
});

describe('a change', () => {
  it('names who came, went and is different', () => {
    const change = changeBetween(members('a b c'), [...members('b d'), member('c', 'alive', { x: '1' })]);
    expect([names(change.added), names(change.removed), names(change.changed)]).toEqual([
      ['d'],
      ['a'],
      ['c'],
    ]);
    expect(isUnchanged(change)).toBe(false);
  });

  it('is none when only the order of tags differs', () => {
    const before = member('a', 'alive', { x: '1', y: '2' });
    const after = member('a', 'alive', { y: '2', x: '1' });
    expect(fingerprint(after)).toBe(fingerprint(before));
    expect(isUnchanged(changeBetween([before], [after]))).toBe(true);
  });

  it.each([
    ['status', member('a', 'failed')],
    ['address', member('a', 'alive', {}, [10, 0, 0, 2])],
    ['a tag', member('a', 'alive', { x: '' })],
    ['port', { ...member('a'), port: 1 }],
  ])('is one when %s differs', (_what, after) => {
    expect(names(changeBetween([member('a')], [after]).changed)).toEqual(['a']);
  });
});
