import { describe, expect, test } from 'vitest';
import { memberSelection, selectEvent } from '../../../src/handlers/selection.ts';
import { select } from '../../../src/policy/view.ts';
import { member, query, user } from '../events/samples.ts';

const ANY = [{ type: '*' }] as const;
const tagged = (name: string, tags: Record<string, string>, status: 'alive' | 'failed' = 'alive') => ({
  ...member(name),
  tags: new Map(Object.entries(tags)),
  status,
});

const web = tagged('web-1', { role: 'web' });
const database = tagged('db-1', { role: 'db' });
const joined = { type: 'member-join', members: [web, database] } as const;

describe('the members of a handler', () => {
  test('narrow a member event down, and one without any does not concern the handler', () => {
    const selection = memberSelection({ tags: new Map([['role', 'web']]) });
    expect(selectEvent(ANY, selection, joined, 'me')).toEqual({ type: 'member-join', members: [web] });
    expect(selectEvent(ANY, selection, { ...joined, members: [database] }, 'me')).toBeUndefined();
  });

  test('are matched as a whole, alternatives included', () => {
    expect(selectEvent(ANY, memberSelection({ name: 'web' }), joined, 'me')).toBeUndefined();
    const both = selectEvent(ANY, memberSelection({ name: 'web-1|db-1' }), joined, 'me');
    expect(both).toBe(joined);
  });

  test('may be this node alone, or everybody else', () => {
    const only = selectEvent(ANY, memberSelection({ self: 'only' }), joined, 'web-1');
    expect(only).toEqual({ type: 'member-join', members: [web] });
    const others = selectEvent(ANY, memberSelection({ self: 'exclude' }), joined, 'web-1');
    expect(others).toEqual({ type: 'member-join', members: [database] });
  });

  test('do not concern user events and queries, which only pass the event filters', () => {
    const selection = memberSelection({ name: 'nobody' });
    expect(selectEvent(ANY, selection, user('u', 1), 'me')).toEqual(user('u', 1));
    expect(selectEvent([{ type: 'query', name: 'a' }], selection, query('b'), 'me')).toBeUndefined();
  });

  test('of a view are the living ones unless other statuses are asked for, by name', () => {
    const table = [web, tagged('a', {}, 'failed'), database];
    expect(select(table, memberSelection({}), 'me').members.map(({ name }) => name)).toEqual([
      'db-1',
      'web-1',
    ]);
    const failed = memberSelection({ statuses: ['failed', 'alive'] });
    expect(select(table, failed, 'me').members.map(({ name }) => name)).toEqual(['a', 'db-1', 'web-1']);
  });
});
