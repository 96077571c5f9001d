/** How a column of a table is aligned. */
export type Alignment = 'left' | 'right';

/** A Markdown table: a head, one line per row; bars in cells are escaped. Columns beyond `aligned` are right-aligned. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  aligned: readonly Alignment[] = ['left'],
): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  const rule = head.map((_, i) => ((aligned[i] ?? 'right') === 'right' ? '---:' : '---'));
  return [line(head), `| ${rule.join(' | ')} |`, ...rows.map(line), ''].join('\n');
}
