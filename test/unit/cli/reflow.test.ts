import { describe, expect, it } from 'vitest';
import { reflowed } from '../../../src/cli/reflow.ts';

const PAGE = `# A heading that is longer than the terminal

A paragraph that was broken
at another width than this.

    code that is longer than the terminal

- an item that goes on
  in a second line
- another

| a table | is no text |
\`\`\`
fenced code stays as it is too
\`\`\``;

describe('a page on a terminal', () => {
  it('has its paragraphs and items broken at words, and nothing else', () => {
    expect(reflowed(PAGE, 20)).toBe(`# A heading that is longer than the terminal

A paragraph that was
broken at another
width than this.

    code that is longer than the terminal

- an item that goes
  on in a second
  line
- another

| a table | is no text |
\`\`\`
fenced code stays as it is too
\`\`\``);
  });

  it('breaks no word, however narrow the terminal', () => {
    expect(reflowed('- incomprehensibilities of it', 7)).toBe('- incomprehensibilities\n  of it');
  });

  it('loses no word of any page', () => {
    const words = (text: string) => text.split(/\s+/);
    expect(words(reflowed(PAGE, 33))).toEqual(words(PAGE));
  });
});
