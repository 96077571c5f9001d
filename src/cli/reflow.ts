import { cells } from './style.ts';

/** Lines longer than this are tiring to read, however wide the terminal is. */
const WIDEST = 100;

/** A page of Markdown for a terminal: paragraphs and items broken anew at words; code, tables and headings as they are. */
export function reflowed(page: string, columns: number): string {
  const width = Math.min(columns, WIDEST);
  const lines: string[] = [];
  let open: { readonly indent: string; text: string } | undefined;
  const close = (): void => {
    if (open !== undefined) lines.push(...wrapped(open.text, open.indent, width));
    open = undefined;
  };
  let inFence = false;
  for (const line of page.split('\n')) {
    const isFence = line.startsWith('```');
    const [, dash = '', words = ''] = /^(\s*[-*] |\s*)(.*)$/.exec(line) ?? [];
    const isItem = dash.trim() !== '';
    // An indented line goes on with an item, and is code anywhere else.
    const isCode = !isItem && /^ {4}/.test(line) && (open === undefined || open.indent === '');
    if (isFence || inFence || isCode || words === '' || /^[#|]/.test(line)) {
      close();
      lines.push(line);
    } else if (open === undefined || isItem) {
      close();
      open = { indent: ' '.repeat(dash.length), text: dash + words };
    } else {
      open.text += ` ${words}`;
    }
    if (isFence) inFence = !inFence;
  }
  close();
  return lines.join('\n');
}

function wrapped(text: string, indent: string, width: number): string[] {
  const lines: string[] = [];
  const [, start = '', rest = ''] = /^(\s*(?:[-*] )?)(.*)$/s.exec(text) ?? [];
  let line = start;
  for (const word of rest.split(' ')) {
    const isFirst = line.trim() === '' || line === start;
    if (!isFirst && cells(line) + 1 + cells(word) > width) {
      lines.push(line);
      line = indent + word;
    } else line += isFirst ? word : ` ${word}`;
  }
  return [...lines, line];
}
