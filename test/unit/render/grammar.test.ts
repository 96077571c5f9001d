import { describe, expect, it } from 'vitest';
import { fieldRules, GRAMMARS, misfit } from '../../../src/render/grammar.ts';
import { member } from '../policy/samples.ts';

type Row = readonly [grammar: keyof typeof GRAMMARS, good: readonly string[], bad: readonly string[]];

const ROWS: readonly Row[] = [
  [
    'hostname',
    ['web-1', 'a', 'db.example.net', '1a', `${'x'.repeat(63)}.net`],
    [
      '',
      '-a',
      'a-',
      'a..b',
      'a_b',
      'a b',
      'a\nb',
      '10.0.0.1',
      'x.1',
      'localhost',
      'LocalHost4',
      'a.localhost',
      'ip6-loopback',
      'x'.repeat(64),
      'ä',
    ],
  ],
  [
    'ip',
    ['10.0.0.1', 'fd00::1', '::1'],
    ['', '0.0.0.0', '::', '10.0.0', '10.0.0.1/8', '10.0.0.1 ', 'fe80::1%eth0'],
  ],
  ['ipv4', ['10.0.0.1'], ['fd00::1', '1.2.3.4.5', '']],
  ['ipv6', ['fd00::1'], ['10.0.0.1', '[fd00::1]', '']],
  ['port', ['1', '80', '65535'], ['', '0', '080', '65536', '80 ', '-1', '8e1', '80\n']],
  ['integer', ['0', '42'], ['', '-1', '042', '1.5', '1e9', '9'.repeat(16)]],
  ['word', ['a_B-9'], ['', 'a b', 'a.b', 'ä', "a'b", '$(x)']],
  ['name', ['a.b:c-d_e', '9'], ['', '.a', '-a', ':a', 'a b', 'a;b', '{{ x }}']],
  ['path', ['/', '/a', '/a/b.c/'], ['', 'a', '/a/../b', '/..', '/a b', '//', '/a\n']],
  [
    'line',
    ['anything at all', "it's {{ x }}"],
    ['', 'a\nb', 'a\rb', 'a\u0000', 'a\u2028b', 'a\tb', 'a\u009bb'],
  ],
];

describe('a grammar', () => {
  it.each(ROWS)('%s takes what it is for, and nothing else', (grammar, good, bad) => {
    const { test } = GRAMMARS[grammar];
    expect([good.filter((text) => !test(text)), bad.filter(test)]).toEqual([[], []]);
  });
});

describe('the rules of fields', () => {
  const rules = (fields: Record<string, string>) => fieldRules(new Map(Object.entries(fields)));

  it('say why a member stays out', () => {
    const subject = rules({ name: 'hostname', 'tags.port': 'port', 'tags.zone?': '/[a-z]+/' });
    expect(misfit(subject, member('a', 'alive', { port: '80' }))).toBeUndefined();
    expect(misfit(subject, member('a', 'alive', { port: '80', zone: 'eu' }))).toBeUndefined();
    expect(misfit(subject, member('a'))).toBe('it has no tags.port');
    expect(misfit(subject, member('a b', 'alive', { port: '80' }))).toContain('name is "a b"');
    expect(misfit(subject, member('a', 'alive', { port: '80', zone: 'eu\n' }))).toBe(
      'tags.zone is "eu\\n", which is not what matches /[a-z]+/',
    );
  });

  it('hold for addresses that a member does not have', () => {
    expect(misfit(rules({ addr: 'ip' }), { ...member('a'), addr: new Uint8Array(0) })).toContain(
      'addr is ""',
    );
  });

  it.each([
    [{ adress: 'ip' }, "'adress' is no field"],
    [{ 'tags.': 'port' }, 'is no field'],
    [{ addr: 'ipx' }, "'ipx' of 'addr' is no grammar"],
    [{ name: '/(/' }, 'no regular expression'],
  ])('are refused when they make no sense: %j', (fields, expected) => {
    expect(() => rules(fields as unknown as Record<string, string>)).toThrow(expected);
  });
});
