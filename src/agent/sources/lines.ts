/** Bytes of a file or a command's output that are taken as join addresses; more is a mistake, not a list of seeds. */
export const MAX_SOURCE_BYTES = 64 * 1024;

/** One join address a line; `#` starts a comment. */
export function linesOfSource(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
}
