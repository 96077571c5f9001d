import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unifiedDiff } from '../../../src/render/diff.ts';

/** Applies a diff as `patch` would, trusting its line numbers. */
function patched(before: string, diff: string): string {
  const old = before.split('\n');
  const out: string[] = [];
  let at = 0;
  for (const line of diff.split('\n').slice(2)) {
    const head = /^@@ -(\d+)(?:,(\d+))? \+/.exec(line);
    if (head !== null) {
      const start = Number(head[1]) - (head[2] === '0' ? 0 : 1);
      out.push(...old.slice(at, start));
      at = start;
    } else if (line.startsWith('+')) out.push(line.slice(1));
    else {
      expect(old[at]).toBe(line.slice(1));
      if (line.startsWith(' ')) out.push(line.slice(1));
      at += 1;
    }
  }
  return [...out, ...old.slice(at)].join('\n');
}

describe('a unified diff', () => {
  it('is empty for equal texts, and names a file that is new', () => {
    expect(unifiedDiff('/f', 'a\n', 'a\n')).toBe('');
    expect(unifiedDiff('/f', undefined, 'a\n')).toBe('--- /dev/null\n+++ /f\n@@ -0,0 +1 @@\n+a');
  });

  it('shows three lines around a change, and far changes apart', () => {
    const lines = Array.from({ length: 30 }, (_, at) => `line ${at + 1}`);
    const after = lines.with(2, 'third').with(25, 'later');
    expect(unifiedDiff('/f', `${lines.join('\n')}\n`, `${after.join('\n')}\n`).split('\n')).toEqual([
      '--- /f',
      '+++ /f',
      '@@ -1,6 +1,6 @@',
      ' line 1',
      ' line 2',
      '-line 3',
      '+third',
      ' line 4',
      ' line 5',
      ' line 6',
      '@@ -23,7 +23,7 @@',
      ' line 23',
      ' line 24',
      ' line 25',
      '-line 26',
      '+later',
      ' line 27',
      ' line 28',
      ' line 29',
    ]);
  });

  it('tells a missing end of the last line', () => {
    expect(unifiedDiff('/f', 'a', 'a\n')).toContain('-a\n\\ No newline at end of file\n+a');
  });

  it('turns one text into the other', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 30 })
      .map((lines) => lines.map((line) => `${line}\n`).join(''));
    fc.assert(
      fc.property(text, text, (before, after) => {
        expect(before === after ? before : patched(before, unifiedDiff('/f', before, after))).toBe(after);
      }),
    );
  });

  it('shows two files that have little in common as one change, in no time', () => {
    const many = (word: string) => Array.from({ length: 20_000 }, (_, at) => `${word} ${at}\n`).join('');
    expect(unifiedDiff('/f', many('a'), many('b')).split('\n')).toHaveLength(40_003);
  });
});
