import { describe, expect, it } from 'vitest';
import type { ConfigLayer } from '../../../../src/agent/config/layer.ts';
import { defaultValues, mergeLayers } from '../../../../src/agent/config/merge.ts';
import { CONFIG_KEYS, type ConfigKey, specOf } from '../../../../src/agent/config/table.ts';

function layer(at: string, values: Partial<Record<ConfigKey, unknown>>): ConfigLayer {
  return Object.entries(values).map(([key, value]) => ({
    key: key as ConfigKey,
    value: value as never,
    origin: { source: 'file' as const, at },
  }));
}

const merged = (...values: Partial<Record<ConfigKey, unknown>>[]) =>
  mergeLayers(values.map((value, index) => layer(String(index), value))).values;

describe('merging', () => {
  it('without sources gives the defaults of the table', () => {
    expect(mergeLayers([]).values).toEqual(defaultValues());
    expect(defaultValues()).toMatchObject({
      bind: '0.0.0.0',
      rpc_addr: '127.0.0.1:7373',
      protocol: 5,
      log_level: 'INFO',
      profile: 'lan',
      retry_interval: 30_000,
      reconnect_timeout: 86_400_000,
      broadcast_timeout: 5_000,
      user_event_size_limit: 512,
      handler_timeout: 300_000,
    });
  });

  it.each<[string, Partial<Record<ConfigKey, unknown>>[], Partial<Record<ConfigKey, unknown>>]>([
    ['a later text wins', [{ bind: 'a' }, { bind: 'b' }], { bind: 'b' }],
    ['an empty text does not', [{ bind: 'a' }, { bind: '' }], { bind: 'a' }],
    ['a later number wins', [{ query_size_limit: 1 }, { query_size_limit: 2 }], { query_size_limit: 2 }],
    ['a zero does not', [{ query_size_limit: 7 }, { query_size_limit: 0 }], { query_size_limit: 7 }],
    ['a protocol of -1 is ignored', [{ protocol: 4 }, { protocol: -1 }], { protocol: 4 }],
    [
      'true can never be switched off',
      [{ replay_on_join: true }, { replay_on_join: false }],
      { replay_on_join: true },
    ],
    [
      'compression follows the last source',
      [{ enable_compression: false }, { enable_compression: true }],
      { enable_compression: true },
    ],
    [
      'no handler timeout can be asked for',
      [{ handler_timeout: 5 }, { handler_timeout: 0 }],
      { handler_timeout: 0 },
    ],
    [
      'lists are joined, earlier first',
      [{ retry_join: ['a'] }, { retry_join: ['b', 'a'] }],
      { retry_join: ['a', 'b', 'a'] },
    ],
    [
      'tags are joined, the later value wins',
      [
        {
          tags: new Map([
            ['a', '1'],
            ['b', '1'],
          ]),
        },
        { tags: new Map([['b', '2']]) },
      ],
      {
        tags: new Map([
          ['a', '1'],
          ['b', '2'],
        ]),
      },
    ],
  ])('%s', (_rule, sources, expected) => {
    expect(merged(...sources)).toMatchObject(expected);
  });

  it('keeps where each value came from, all places for keys that collect', () => {
    const { origins } = mergeLayers([
      layer('one', { bind: 'a', start_join: ['x'], node_name: 'n' }),
      layer('two', { bind: 'b', start_join: ['y'], node_name: '' }),
    ]);
    expect(origins.get('bind')).toEqual([{ source: 'file', at: 'two' }]);
    expect(origins.get('node_name')).toEqual([{ source: 'file', at: 'one' }]);
    expect(origins.get('start_join')?.map((origin) => origin.at)).toEqual(['one', 'two']);
    expect(origins.get('profile')).toEqual([{ source: 'default', at: '' }]);
  });
});

describe('the table', () => {
  it('spells keys in lower case, so that files may use any', () => {
    for (const key of CONFIG_KEYS) expect(key).toBe(key.toLowerCase());
  });

  it('has a merge rule that fits the type of every key', () => {
    const fitting = {
      string: ['non-empty'],
      bool: ['true', 'last'],
      int: ['non-zero', 'positive'],
      duration: ['non-zero', 'last'],
      strings: ['append'],
      map: ['merge'],
      blocks: ['merge'],
    };
    for (const key of CONFIG_KEYS) expect(fitting[specOf(key).type], key).toContain(specOf(key).merge);
  });

  it('documents every key in one sentence', () => {
    for (const key of CONFIG_KEYS) expect(specOf(key).doc, key).toMatch(/^[A-Z].*\.$/);
  });
});
