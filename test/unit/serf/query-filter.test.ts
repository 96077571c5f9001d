import { describe, expect, it } from 'vitest';
import { Counters } from '../../../src/base/counters.ts';
import {
  encodeFilters,
  PATTERN_CACHE_LIMIT,
  PATTERN_LENGTH_LIMIT,
  QueryFilter,
} from '../../../src/serf/query-filter.ts';
import { bench } from '../../support/serf-parts.ts';

const TAGS = new Map([
  ['role', 'web-eu'],
  ['empty', ''],
]);

function matches(nodes: readonly string[], tags: Readonly<Record<string, string>>, self = 'me'): boolean {
  const filter = new QueryFilter(self, new Counters(), undefined);
  return filter.matches(encodeFilters(nodes, new Map(Object.entries(tags))), TAGS);
}

describe('query filters', () => {
  it('none lets everybody through', () => expect(matches([], {})).toBe(true));

  it.each([
    [['me'], true],
    [['other', 'me'], true],
    [['m'], false],
    [['ME'], false],
  ])('node filter %j is exact: %s', (nodes, passes) => expect(matches(nodes, {})).toBe(passes));

  it.each([
    ['role', 'web', true],
    ['role', '^web$', false],
    ['role', '^web-(eu|us)$', true],
    ['role', '(?i)WEB', true],
    ['role', 'eu\\z', true],
    ['role', '[[:alpha:]]+-', true],
    ['role', '(?P<zone>eu)', true],
    ['role', '\\pL', true],
    ['role', '(?=web)', false],
    ['role', '(w)\\1', false],
    ['role', '[', false],
    ['empty', '^$', true],
    ['missing', '^$', true],
    ['missing', '.+', false],
    ['role', `.${'x?'.repeat(PATTERN_LENGTH_LIMIT / 2 - 1)}`, true],
    ['role', `.${'x?'.repeat(PATTERN_LENGTH_LIMIT / 2)}`, false],
    ['role', '\\w{4,100}', false],
    ['role', '\\w{2,100}-', true],
    ['role', '(\\pL{1,30}){1,30}(\\pL{1,30}){1,30}(\\pL{1,30}){1,30}', false],
  ])('tag filter %s ~ %s in the dialect of Go: %s', (tag, expr, passes) => {
    expect(matches([], { [tag]: expr })).toBe(passes);
  });

  it('all must match', () => {
    expect(matches(['me'], { role: 'web', empty: '^$' })).toBe(true);
    expect(matches(['me'], { role: 'web', empty: 'x' })).toBe(false);
    expect(matches(['you'], { role: 'web' })).toBe(false);
  });

  it('are encoded with the node filter first, then one per tag', () => {
    const filters = encodeFilters(
      ['a'],
      new Map([
        ['role', 'x'],
        ['dc', 'y'],
      ]),
    );
    expect(filters.map((filter) => filter[0])).toEqual([0, 1, 1]);
  });

  it.each([
    ['empty', new Uint8Array(0), 'query has an empty filter'],
    ['of unknown kind', Uint8Array.of(2, 0x90), 'query has unrecognized filter type: 2'],
    ['node filter that is no list', Uint8Array.of(0, 0xc3), 'failed to decode filterNodeType: '],
    ['tag filter cut short', Uint8Array.of(1, 0x82, 0xa4), 'failed to decode filterTagType: '],
  ])('a filter that is %s does not match, is counted and warned of', (_what, bytes, text) => {
    const on = bench();
    const filter = new QueryFilter('me', on.counters, on.trace);
    expect(filter.matches([bytes], TAGS)).toBe(false);
    expect(on.texts()[0]).toMatch(text);
    expect(on.counters.get('drop:query-filter')).toBe(1);
  });

  it('an expression that cannot be compiled is counted every time and compiled once', () => {
    const on = bench();
    const filter = new QueryFilter('me', on.counters, on.trace);
    const bad = encodeFilters([], new Map([['role', '(']]));
    filter.matches(bad, TAGS);
    filter.matches(bad, TAGS);
    expect(on.counters.get('drop:query-filter')).toBe(2);
    expect(on.texts()).toHaveLength(1);
    for (let i = 0; i <= PATTERN_CACHE_LIMIT; i += 1)
      filter.matches(encodeFilters([], new Map([['role', `x${i}`]])), TAGS);
    filter.matches(bad, TAGS);
    expect(on.texts()).toHaveLength(2);
  });

  it('an expression that makes backtracking engines hang is answered quickly', () => {
    const filter = new QueryFilter('me', new Counters(), undefined);
    const hostile = encodeFilters([], new Map([['a', '^(a+)+$']]));
    const started = process.hrtime.bigint();
    expect(filter.matches(hostile, new Map([['a', `${'a'.repeat(500)}!`]]))).toBe(false);
    expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(1_000);
  });
});
