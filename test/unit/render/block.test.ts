import { describe, expect, it } from 'vitest';
import {
  type BlockSpec,
  foreignWords,
  joinBlock,
  refuseMarkersInside,
  splitAtBlock,
} from '../../../src/render/block.ts';

const SPEC: BlockSpec = { begin: '# BEGIN x', end: '# END x' };
const replace = (text: string, inside: string) => joinBlock(splitAtBlock('f', text, SPEC), inside, SPEC);

describe('a managed block', () => {
  it.each([
    ['is added to the end of a file', 'a\n', 'a\n# BEGIN x\nnew\n# END x\n'],
    ['is added after a line without an end', 'a', 'a\n# BEGIN x\nnew\n# END x\n'],
    ['is all of an empty file', '', '# BEGIN x\nnew\n# END x\n'],
    ['is replaced where it is', 'a\n# BEGIN x\nold\n# END x\nb\n', 'a\n# BEGIN x\nnew\n# END x\nb\n'],
    [
      'is found with blanks behind its markers',
      '# BEGIN x \nold\n# END x\r\nb',
      '# BEGIN x\nnew\n# END x\nb',
    ],
    ['is found without a last line end', '# BEGIN x\n# END x', '# BEGIN x\nnew\n# END x\n'],
    [
      'is not mistaken for lines that look alike',
      '# BEGIN xy\n # BEGIN x\n',
      '# BEGIN xy\n # BEGIN x\n# BEGIN x\nnew\n# END x\n',
    ],
    [
      'leaves every other byte alone',
      '\xe9\0\r\n\n# BEGIN x\n# END x\n\t \n\xff',
      '\xe9\0\r\n\n# BEGIN x\nnew\n# END x\n\t \n\xff',
    ],
  ])('%s', (_title, before, after) => {
    expect(replace(before, 'new')).toBe(after);
    expect(replace(after, 'new\n')).toBe(after);
  });

  it.each([
    ['twice', '# BEGIN x\n# END x\n# BEGIN x\n# END x\n', 'more than once (line 1, 2, 3, 4)'],
    ['one in another', '# BEGIN x\n# BEGIN x\n# END x\n', 'more than once'],
    ['without an end', 'a\n# BEGIN x\n', 'not ended (line 2)'],
    ['without a beginning', '# END x\n', 'without its beginning'],
    ['in the wrong order', '# END x\n# BEGIN x\n', 'ends before it begins'],
  ])('is refused when it is there %s', (_title, text, expected) => {
    expect(() => splitAtBlock('/etc/f', text, SPEC)).toThrow(expected);
    expect(() => splitAtBlock('/etc/f', text, SPEC)).toThrow(/^\/etc\/f: .* mend the file by hand$/);
  });

  it('never holds its own markers', () => {
    expect(() => refuseMarkersInside('a\n# END x\n', SPEC)).toThrow('marker of the block: # END x');
    expect(() => refuseMarkersInside('a # END x\n', SPEC)).not.toThrow();
  });

  it('knows the words outside it, without comments and case', () => {
    const split = splitAtBlock('f', '1.2.3.4 Gate gw # db\n# BEGIN x\nweb\n# END x\nlast', SPEC);
    const words = foreignWords(split, '#');
    expect(['gate', 'gw', 'last', 'db', 'web'].map((word) => words.has(word))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(foreignWords(split, '').has('db')).toBe(true);
  });
});
