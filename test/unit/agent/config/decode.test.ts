import { describe, expect, it } from 'vitest';
import { decodeConfig } from '../../../../src/agent/config/decode.ts';
import { CONFIG_KEYS, specOf } from '../../../../src/agent/config/table.ts';

const decode = (text: string) => decodeConfig('c.json', text);

function failure(text: string): string {
  try {
    decode(text);
  } catch (error) {
    return (error as Error).message;
  }
  return 'no error';
}

describe('a configuration file', () => {
  it('holds every key of the table in its JSON type', () => {
    const sample = {
      string: 'x',
      bool: true,
      int: 7,
      duration: '1m',
      strings: ['a', 'b'],
      map: { k: 'v' },
      blocks: {},
    };
    const decoded = { ...sample, duration: 60_000, map: new Map([['k', 'v']]), blocks: new Map() };
    for (const key of CONFIG_KEYS) {
      const { type } = specOf(key);
      // Their fields differ from key to key.
      if (type === 'blocks') continue;
      const [group, inner] = key.split('.');
      const object =
        inner === undefined ? { [key]: sample[type] } : { [String(group)]: { [inner]: sample[type] } };
      expect(decode(JSON.stringify(object)).map(({ key: found, value }) => [found, value])).toEqual([
        [key, decoded[type]],
      ]);
    }
  });

  it('matches keys in any case and says where they stood', () => {
    expect(decode('{\n\n "Node_NAME": "n"}')).toEqual([
      {
        key: 'node_name',
        value: 'n',
        origin: {
          source: 'file',
          at: 'c.json:3',
          place: { path: 'c.json', line: 3, column: 2, length: 11 },
        },
      },
    ]);
  });

  it('may start with a byte order mark, and what follows the object is ignored', () => {
    expect(decode('\ufeff{"bind":"b"} trailing')).toHaveLength(1);
  });

  it('takes null inside a list or map as an empty text, as Go does', () => {
    const entries = decode('{"tags":{"a":null},"start_join":[null,"x"]}');
    expect(entries.map(({ value }) => value)).toEqual([new Map([['a', '']]), ['', 'x']]);
  });

  it('may be null, hold null and empty durations: all as good as absent', () => {
    expect(decode('null')).toEqual([]);
    expect(decode('{"node_name":null,"handler_timeout":""}')).toEqual([]);
  });

  it.each([
    [
      '{"bogus":1,"aaa":2}',
      "Error decoding 'c.json': 1 error(s) decoding:\n\n* '' has invalid keys: aaa, bogus\n" +
        "    c.json:1: unknown key 'bogus'\n    c.json:1: unknown key 'aaa'",
    ],
    [
      '{\n\n"nodename":"x"}',
      "Error decoding 'c.json': 1 error(s) decoding:\n\n* '' has invalid keys: nodename\n" +
        "    c.json:3: unknown key 'nodename', did you mean 'node_name'?",
    ],
    [
      '{"node_name":5,"bind":true}',
      "Error decoding 'c.json': 2 error(s) decoding:\n\n" +
        "* 'bind' expected type 'string', got unconvertible type 'bool', value: 'true' (c.json:1)\n" +
        "* 'node_name' expected type 'string', got unconvertible type 'float64', value: '5' (c.json:1)",
    ],
  ])('%j is refused with the text of Serf, the place and a suggestion', (text, expected) => {
    expect(failure(text)).toBe(expected);
  });

  it.each([
    ['{"tags":"x"}', "* 'tags' expected a map, got 'string'"],
    ['{"tags":{"a":1}}', "* 'tags[a]' expected type 'string', got unconvertible type 'float64', value: '1'"],
    ['{"start_join":"a"}', "* 'start_join': source data must be an array or slice, got string"],
    [
      '{"start_join":["a",1]}',
      "* 'start_join[1]' expected type 'string', got unconvertible type 'float64', value: '1'",
    ],
    ['{"protocol":"5"}', "* 'protocol' expected type 'int', got unconvertible type 'string', value: '5'"],
    ['{"protocol":4.5}', "* 'protocol' expected type 'int', got unconvertible type 'float64', value: '4.5'"],
    [
      '{"leave_on_terminate":"yes"}',
      "* 'leave_on_terminate' expected type 'bool', got unconvertible type 'string', value: 'yes'",
    ],
    [
      '{"retry_interval":5}',
      "* 'retry_interval' expected type 'string', got unconvertible type 'float64', value: '5'",
    ],
    [
      '{"role":{"a":1}}',
      "* 'role' expected type 'string', got unconvertible type 'map[string]interface {}', value: 'map[a:1]'",
    ],
    [
      '{"role":["a"]}',
      "* 'role' expected type 'string', got unconvertible type '[]interface {}', value: '[a]'",
    ],
  ])('%j is a mistake of type', (text, expected) => {
    expect(failure(text)).toBe(`Error decoding 'c.json': 1 error(s) decoding:\n\n${expected} (c.json:1)`);
  });

  it.each([
    ['[1]', "'' expected a map, got 'slice' (c.json:1:1)\n\n    1 | [1]\n      | ^"],
    ['', 'EOF (c.json:1:1)'],
    ['{"a":', 'unexpected EOF (c.json:1:6)\n\n    1 | {"a":\n      |      ^'],
    [
      '{x}',
      "invalid character 'x' looking for beginning of object key string (c.json:1:2)\n\n    1 | {x}\n      |  ^",
    ],
    ['{"a" 1}', 'invalid character \'1\' after object key (c.json:1:6)\n\n    1 | {"a" 1}\n      |      ^'],
    [
      '{"a":1 "bc"}',
      'invalid character \'"\' after object key:value pair (c.json:1:8)\n\n    1 | {"a":1 "bc"}\n      |        ^^^^',
    ],
    [
      '{"a":[1 2]}',
      'invalid character \'2\' after array element (c.json:1:9)\n\n    1 | {"a":[1 2]}\n      |         ^',
    ],
    [
      '{\n"a":tru}',
      'invalid character \'t\' looking for beginning of value (c.json:2:5)\n\n    1 | {\n    2 | "a":tru}\n      |     ^^^',
    ],
    ['{"a\nb":1}', 'invalid or unfinished string (c.json:1:2)\n\n    1 | {"a\n      |  ^^'],
    ['{"retry_interval":"5"}', 'time: missing unit in duration "5" (\'retry_interval\' at c.json:1)'],
  ])('%j cannot be read, and the text says where', (text, expected) => {
    expect(failure(text)).toBe(`Error decoding 'c.json': ${expected}`);
  });

  it('never shows the value of a secret, not even one of the wrong type', () => {
    expect(failure('{"encrypt_key":123456,"rpc_auth":["hunter2"]}')).not.toMatch(/123456|hunter2/);
  });

  it('that nests without end is refused, not followed', () => {
    expect(failure(`{"a":${'['.repeat(100_000)}`)).toContain('exceeded max depth');
  });
});
