import { describe, expect, it } from 'vitest';
import { markdownTable } from '../../../../src/sim/report/markdown.ts';

describe('a Markdown table', () => {
  it('has names to the left and figures to the right', () => {
    expect(markdownTable(['arm', 'FP'], [['SWIM', '12']])).toBe(
      '| arm | FP |\n| --- | ---: |\n| SWIM | 12 |\n',
    );
  });

  it('keeps bars and line ends inside their cell', () => {
    expect(markdownTable(['a'], [['x|y\nz']])).toContain('| x\\|y z |');
  });
});
