import { describe, expect, it } from 'vitest';
import type { MemberInfo } from '../../../src/events/event.ts';
import { compileTemplate, LONGEST_TEMPLATE } from '../../../src/render/template.ts';
import { templateValues } from '../../../src/render/values.ts';
import { member } from '../policy/samples.ts';
import { host } from './samples.ts';

const V6 = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
const MEMBERS = [
  host('a', 10, { role: 'web', port: '80' }),
  host('b', 9, { role: 'db' }),
  member('c', 'alive', { role: 'web', port: '81' }, V6),
];

function rendered(text: string, members: readonly MemberInfo[] = MEMBERS): string {
  const vars = new Map([['domain', 'example.net']]);
  return compileTemplate('test', text).render(templateValues({ self: host('a', 10), members, vars }));
}

/** A loop over a filtered list that prints names. */
const names = (filter: string) =>
  rendered(`{% assign list = members | ${filter} %}{% for m in list %}{{ m.name }}{% endfor %}`);

describe('a template', () => {
  it.each([
    [
      'values',
      '{{ self.name }} {{ self.addr }} {{ self.family }} {{ vars.domain }}',
      'a 10.0.0.10 4 example.net',
    ],
    ['who it runs on', '{% for m in members %}{% if m.self %}{{ m.name }}{% endif %}{% endfor %}', 'a'],
    [
      'an address as URLs write it',
      '{% for m in members %}{{ m.host }} {% endfor %}',
      '10.0.0.10 10.0.0.9 [fd00::7] ',
    ],
    ['no escaping', '{{ "<a & b>" }}', '<a & b>'],
    [
      'a missing tag as nothing',
      '[{{ members[1].tags.port }}]{% if members[1].tags.port %}x{% endif %}',
      '[]',
    ],
    [
      'a tag named like a method',
      '[{{ self.tags.constructor }}{{ self.tags.toString }}{{ self.tags.__proto__ }}]',
      '[]',
    ],
    ['lines that hold a tag as no lines', 'a\n  {% if true %}  \nb\n{% endif %}\nc\n', 'a\nb\nc\n'],
    ['lines that hold more as they are', 'a {% if true %} b {% endif %} c\n', 'a  b  c\n'],
    ['raw parts untouched', '{% raw %}{{ x }}{% endraw %}', '{{ x }}'],
  ])('shows %s', (_what, text, expected) => {
    expect(rendered(text)).toBe(expected);
  });

  it.each([
    [
      'with_port',
      '{{ self.addr | with_port: 80 }} {{ members[2].addr | with_port: "81" }}',
      '10.0.0.10:80 [fd00::7]:81',
    ],
    [
      'bracket',
      '{{ "fd00::7" | bracket }} {{ "10.0.0.7" | bracket }} {{ "[::1]" | bracket }}',
      '[fd00::7] 10.0.0.7 [::1]',
    ],
    ['shell_quote', `{{ "it's $(x)" | shell_quote }}`, `'it'\\''s $(x)'`],
    ['quote', '{{ self.name | quote }}', '"a"'],
    ['identifier', '{{ "web 1/é" | identifier }}', 'web_1__'],
  ])('has the filter %s', (_what, text, expected) => {
    expect(rendered(text)).toBe(expected);
  });

  it.each([
    ['sort_by_addr', 'bac'],
    ['ipv4', 'ab'],
    ['ipv6', 'c'],
    ['sort_by_tag: "role"', 'bac'],
    ['with_tag: "port"', 'ac'],
    ['with_tag: "role", "web"', 'ac'],
  ])('lists members by %s', (filter, expected) => {
    expect(names(filter)).toBe(expected);
  });

  it('groups members by a tag, in order of its value', () => {
    const loop =
      '{% for g in groups %}{{ g.name }}={% for m in g.items %}{{ m.name }}{% endfor %} {% endfor %}';
    expect(rendered(`{% assign groups = members | group_by_tag: "role" %}${loop}`)).toBe('db=b web=ac ');
  });

  it('never reads a value as a template', () => {
    const hostile = '{{ vars.domain }}{% include "/etc/passwd" %}';
    expect(rendered('{{ members[0].tags.x }}', [host('a', 1, { x: hostile })])).toBe(hostile);
  });

  it.each([
    [
      'a name that is not there',
      '{{ members[0].adress }}',
      'undefined variable: members.0.adress, line:1, col:4',
    ],
    ['a variable that is not there', '{{ vars.port }}', 'undefined variable: vars.port'],
    ['what objects inherit', '{{ self.constructor }}', 'undefined variable'],
    ['what lists inherit', '{{ members.map }}', 'undefined variable'],
    ['what everything inherits', '{{ __proto__ }}{{ constructor }}', 'undefined variable'],
    ['a file', '{% include "/etc/passwd" %}', 'tag "include" not found'],
    ['another file', '{% render "/etc/passwd" %}', 'tag "render" not found'],
    ['a layout', '{% layout "/etc/passwd" %}', 'tag "layout" not found'],
    ['the clock', '{{ "now" | date: "%s" }}', 'undefined filter: date'],
    ['chance', '{{ members | sample }}', 'undefined filter: sample'],
    ['an unknown filter', '{{ self.name | upper }}', 'undefined filter: upper'],
    ['a filter that a loop would overlook', 'x\n{% for m in members | sort_by_addr %}{% endfor %}', 'line:2'],
    ['a filter on the wrong thing', '{{ "x" | sort_by_addr }}', 'takes a list of members'],
    ['an unfinished tag', '{% if true %}', 'not closed'],
    ['a loop without end', '{% for i in (1..1000000000) %}{{ i }}{% endfor %}', 'limit exceeded'],
  ])('refuses %s', (_what, text, expected) => {
    expect(() => rendered(text)).toThrow(expected);
    expect(() => rendered(text)).toThrow(/^test: /);
  });

  it('refuses one that is longer than any template', () => {
    expect(() => compileTemplate('test', 'x'.repeat(LONGEST_TEMPLATE + 1))).toThrow('longer than');
  });
});
