import { describe, expect, it } from 'vitest';
import { excerpt, placeAt, placeText } from '../../../../src/agent/config/fault.ts';

const at = (text: string, needle: string) => placeAt('c.json', text, text.indexOf(needle));

describe('a place in a file', () => {
  it('counts lines and characters from 1 and covers one token', () => {
    const text = '{\n  "größe": "ä😀x",\r\n  "b": truth }';
    expect(at(text, '"größe"')).toEqual({ path: 'c.json', line: 2, column: 3, length: 7 });
    expect(at(text, 'x",')).toMatchObject({ line: 2, column: 15 });
    expect(at(text, 'truth')).toEqual({ path: 'c.json', line: 3, column: 8, length: 5 });
    expect(placeText(at(text, '}'))).toBe('c.json:3:14');
  });

  it('may be the end of a file, empty or not', () => {
    expect(placeAt('c.json', '', 0)).toMatchObject({ line: 1, column: 1, length: 1 });
    expect(placeAt('c.json', 'a\n', 2)).toMatchObject({ line: 2, column: 1, length: 1 });
  });
});

describe('an excerpt', () => {
  it('shows the lines before and points below what is meant', () => {
    const text = '{\n\n\n\n\n\n\n  "a": 1,\n  "b": 2,\n  "nodename": 3\n}';
    expect(excerpt(text, at(text, '"nodename"'))).toEqual([
      ' 8 |   "a": 1,',
      ' 9 |   "b": 2,',
      '10 |   "nodename": 3',
      '   |   ^^^^^^^^^^',
    ]);
  });

  it('cuts long lines around the place', () => {
    const text = `{"a": "${'x'.repeat(500)}", "nodename": 1, "b": "${'y'.repeat(500)}"}`;
    const [line, pointer] = excerpt(text, at(text, '"nodename"'), 40);
    expect([...(line ?? '')].length).toBeLessThanOrEqual(44);
    const column = (pointer ?? '').indexOf('^');
    expect((line ?? '').slice(column, column + 10)).toBe('"nodename"');
  });

  it('shows no secret and no control character', () => {
    const text =
      '{"encrypt_key": "hunter2hunter2", "rpc_auth":\n"hunter2", "keyring_file": "/k",\u001b[2J "x" 1}';
    const shown = excerpt(text, at(text, '"x"')).join('\n');
    expect(shown).not.toContain('hunter2');
    expect(shown).toContain('"keyring_file": "/k",·[2J "x"');
    expect(excerpt('{"rpc_auth": "hunter2', at('{"rpc_auth": "hunter2', '"h')).join()).not.toContain(
      'hunter',
    );
  });
});
