import { describe, expect, it } from 'vitest';
import { drawMembers } from '../../../src/cli/members-screen.ts';
import { membersTable } from '../../../src/cli/members-table.ts';
import { wantsColours } from '../../../src/cli/screen.ts';
import { cells, clip, palette, printable, printableLines } from '../../../src/cli/style.ts';
import { member, run } from './fake-context.ts';

const PLAIN = palette(false);
const tags = (words: Record<string, string>) => new Map(Object.entries(words));
const MEMBERS = [
  member('a', { tags: tags({ role: 'web', rack: '7' }) }),
  member('日本', { status: 'failed', tags: tags({ note: 'x'.repeat(30) }) }),
];
const client = { membersFiltered: async () => MEMBERS };
const terminal = { interactive: true, size: () => ({ columns: 60, rows: 24 }) };

describe('the list of members on a terminal', () => {
  it('has a heading, aligned columns and a summary', async () => {
    expect((await run(['members'], { client, screen: terminal })).stdout.split('\n')).toEqual([
      'NAME  ADDRESS         STATUS  TAGS',
      'a     127.0.0.1:7946  alive   rack=7 role=web',
      `日本  127.0.0.1:7946  failed  note=${'x'.repeat(30)}`,
      '',
      '2 members: 1 alive, 1 failed',
      '',
    ]);
  });

  it('is coloured where that is wanted', async () => {
    const { stdout } = await run(['members'], { client, screen: { ...terminal, colours: true } });
    expect(stdout).toContain('\u001b[32malive \u001b[39m');
    expect(stdout).toContain('\u001b[31mfailed\u001b[39m');
  });

  it('keeps tags within its width, below where there is no room beside', () => {
    const many = [member('n', { tags: tags({ a: '1'.repeat(20), b: '2'.repeat(20), c: '3' }) })];
    const lines = (width: number) =>
      membersTable(many, { paint: PLAIN, width, detailed: false, clip: false }).slice(1);
    expect(lines(60)).toEqual([
      `n     127.0.0.1:7946  alive   a=${'1'.repeat(20)}`,
      `${' '.repeat(30)}b=${'2'.repeat(20)} c=3`,
    ]);
    expect(lines(40)).toEqual([
      'n     127.0.0.1:7946  alive ',
      `    a=${'1'.repeat(20)}`,
      `    b=${'2'.repeat(20)} c=3`,
    ]);
  });

  it('shows control characters of names and tags instead of obeying them', async () => {
    const hostile = [member('a\u001b[2J', { tags: tags({ x: 'y\r\nz\u202e' }) })];
    const { stdout } = await run(['members'], {
      client: { membersFiltered: async () => hostile },
      screen: terminal,
    });
    expect(stdout).toContain('a\\x1b[2J');
    expect(stdout).toContain('x=y\\x0d\\x0az\\u202e');
    expect(stdout).not.toContain('\u001b');
  });

  it('says that nobody fits', async () => {
    const none = { membersFiltered: async () => [] };
    expect((await run(['members'], { client: none, screen: terminal })).stdout).toBe('0 members\n');
  });
});

describe('the live list', () => {
  const size = { columns: 40, rows: 8 };
  const many = Array.from({ length: 9 }, (_, i) =>
    member(`n${i}`, i === 8 ? { status: 'failed' } : { tags: tags({ note: 'y'.repeat(50) }) }),
  );

  it('fits the terminal, those that need attention first', () => {
    const lines = drawMembers({ members: many, lost: undefined, since: new Map() }, false, size, false);
    expect(lines.length).toBeLessThanOrEqual(size.rows);
    expect(lines.filter((line) => cells(line) > size.columns)).toEqual([]);
    expect(lines[3]).toMatch(/^n8 .* failed /);
    expect(lines).toContain('… 7 more');
  });

  it('tells that the agent is lost and keeps the last list', () => {
    const state = { members: many.slice(0, 1), lost: 'connection\nrefused', since: new Map() };
    const lines = drawMembers(state, false, { columns: 80, rows: 24 }, false);
    expect(lines.at(-1)).toBe(' Lost the agent, trying again: connection\\x0arefused ');
    expect(lines.join('\n')).toContain('n0');
  });
});

describe('what a terminal shows', () => {
  it.each([
    ['abc', 3],
    ['日本', 4],
    ['e\u0301', 1],
    ['👍', 2],
    ['', 0],
  ])('%j takes %i cells', (text, width) => expect(cells(text)).toBe(width));

  it.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdef', 4, 'abc…'],
    ['日本語', 4, '日…'],
    ['abc', 0, ''],
  ])('%j in %i cells is %j', (text, width, shown) => expect(clip(text, width)).toBe(shown));

  it('an answer keeps its lines and tabs, a name nothing', () => {
    expect(printableLines('a\tb\nc\u0007')).toBe('a\tb\nc\\x07');
    expect(printable('a\tb\udc80')).toBe('a\\x09b\ufffd');
  });

  it.each([
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ FORCE_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '0' }, true, false],
    [{ TERM: 'dumb' }, true, false],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, false, true],
  ])('%j on a terminal: %s gives colours: %s', (env, isTTY, colours) => {
    expect(wantsColours(env, { isTTY })).toBe(colours);
  });
});
