import { fstatSync } from 'node:fs';

/** Where standard output is systemd's journal, lines say how severe they are in front; the journal takes that off. */

/** pino's levels as those of the journal. */
const PRIORITIES: ReadonlyMap<number, number> = new Map([
  [10, 7],
  [20, 7],
  [30, 6],
  [40, 4],
  [50, 3],
]);

/** A line of this level for the journal, `<4>` in front of a warning; it takes each newline for the end of an entry. */
export function journalLine(pinoLevel: number, line: string): string {
  const priority = `<${PRIORITIES.get(pinoLevel) ?? 6}>`;
  return `${priority}${line.replaceAll('\n', `\n${priority}`)}`;
}

/**
 * True where standard output is the journal itself: the variable is inherited by everything below a service, so it is
 * the file that counts.
 *
 * @param stream `JOURNAL_STREAM`, the file's device and inode
 */
export function isJournal(stream: string | undefined, descriptor = 1): boolean {
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(descriptor);
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
