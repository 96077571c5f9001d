import { describe, expect, it } from 'vitest';
import { textOfBytes } from '../../../src/base/bytes.ts';
import { columns, goJson } from '../../../src/cli/format.ts';

describe('columns', () => {
  it('pads all cells but the last to the widest, two blanks apart', () => {
    expect(
      columns([
        ['a', '127.0.0.1:7946', 'alive', 'role=web'],
        ['longer', '10.0.0.1:1', 'failed', ''],
      ]),
    ).toBe('a       127.0.0.1:7946  alive   role=web\nlonger  10.0.0.1:1      failed  ');
  });

  it('counts characters, not bytes or UTF-16 units', () => {
    expect(
      columns([
        ['größe', 'x'],
        ['😀', 'x'],
        ['abcdef', 'x'],
      ]),
    ).toBe('größe   x\n😀       x\nabcdef  x');
  });

  it('counts each byte that is not UTF-8 as one character', () => {
    const name = textOfBytes(Uint8Array.of(0xff, 0xfe));
    expect(
      columns([
        [name, 'x'],
        ['abc', 'x'],
      ]),
    ).toBe(`${name}   x\nabc  x`);
  });

  it('trims cells', () => {
    expect(
      columns([
        [' a ', ' b '],
        ['ccc', 'd'],
      ]),
    ).toBe('a    b\nccc  d');
  });

  it('does not pad a cell that ends a shorter row', () => {
    expect(columns([['a'], ['bbb', 'c']])).toBe('a\nbbb  c');
  });

  it('of nothing are nothing', () => {
    expect(columns([])).toBe('');
  });
});

describe('JSON is laid out as Go lays it out', () => {
  it('indents by two, keeps object order and sorts maps by bytes', () => {
    const map = new Map([
      ['ｚ', 1],
      ['😀', 2],
      ['b', 3],
      ['B', 4],
    ]);
    expect(goJson({ z: [1, true, null], a: map })).toBe(
      '{\n  "z": [\n    1,\n    true,\n    null\n  ],\n  "a": {\n    "B": 4,\n    "b": 3,\n    "ｚ": 1,\n    "😀": 2\n  }\n}',
    );
  });

  it('writes empty maps and lists on one line', () => {
    expect(goJson({ tags: new Map(), list: [] })).toBe('{\n  "tags": {},\n  "list": []\n}');
  });

  it.each([
    ['<a href="x">&', '"\\u003ca href=\\"x\\"\\u003e\\u0026"'],
    ['\n\r\t\\', '"\\n\\r\\t\\\\"'],
    ['\u0000\u0007\u001f', '"\\u0000\\u0007\\u001f"'],
    ['\u2028\u2029', '"\\u2028\\u2029"'],
    ['größe 😀 \u007f', '"größe 😀 \u007f"'],
    [textOfBytes(Uint8Array.of(0x61, 0xff, 0xc0)), '"a\\ufffd\\ufffd"'],
  ])('escapes %j as %s', (text, expected) => {
    expect(goJson(text)).toBe(expected);
  });
});
