import { CodedError } from '../base/errors.ts';

/** A managed block: the lines between two markers, in a file whose other lines belong to somebody else. */
export interface BlockSpec {
  /** The whole line above, without its line end. */
  readonly begin: string;
  /** The whole line below. */
  readonly end: string;
}

/** A file split at its block. Everything is bytes, one character each, so that what is not ours stays as it is. */
export interface SplitFile {
  readonly before: string;
  /** What stands between the markers; undefined when the file has none yet. */
  readonly inside: string | undefined;
  readonly after: string;
}

/**
 * Splits a file at its markers. Blanks behind a marker are overlooked.
 *
 * @param path for messages
 * @throws CodedError `ERR_RENDER_BLOCK` when a marker is missing, stands there twice or in the wrong order
 */
export function splitAtBlock(path: string, text: string, { begin, end }: BlockSpec): SplitFile {
  const begins: Line[] = [];
  const ends: Line[] = [];
  for (const line of linesOf(text)) {
    const shown = line.text.trimEnd();
    if (shown === begin) begins.push(line);
    else if (shown === end) ends.push(line);
  }
  const [first] = begins;
  const [last] = ends;
  if (first === undefined && last === undefined) {
    // A block needs a line of its own also where the file's last line has no end.
    const before = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    return { before, inside: undefined, after: '' };
  }
  const fault = faultOf(begins, ends);
  if (fault !== undefined) {
    const where = [...begins, ...ends].map(({ number }) => number).sort((a, b) => a - b);
    throw new CodedError(
      'ERR_RENDER_BLOCK',
      `${path}: ${fault} (line ${where.join(', ')}); '${begin}' and '${end}' must each stand there once, in this order: mend the file by hand`,
    );
  }
  return {
    before: text.slice(0, first?.at ?? 0),
    inside: text.slice(first?.next ?? 0, last?.at ?? 0),
    after: text.slice(last?.next ?? 0),
  };
}

/** The file with `inside` between its markers; lines outside keep every byte. */
export function joinBlock({ before, after }: SplitFile, inside: string, { begin, end }: BlockSpec): string {
  const body = inside === '' || inside.endsWith('\n') ? inside : `${inside}\n`;
  return `${before}${begin}\n${body}${end}\n${after}`;
}

/**
 * Refuses what would make the file unreadable as a block the next time.
 *
 * @throws CodedError `ERR_RENDER_BLOCK`
 */
export function refuseMarkersInside(inside: string, { begin, end }: BlockSpec): void {
  for (const { text } of linesOf(inside)) {
    const shown = text.trimEnd();
    if (shown !== begin && shown !== end) continue;
    throw new CodedError(
      'ERR_RENDER_BLOCK',
      `the template makes a line that is a marker of the block: ${shown}`,
    );
  }
}

/** Every word of lines outside the block, in lower case, without comments. */
export function foreignWords({ before, after }: SplitFile, comment: string): ReadonlySet<string> {
  const words = new Set<string>();
  for (const { text } of linesOf(before + after)) {
    const at = comment === '' ? -1 : text.indexOf(comment);
    for (const word of (at < 0 ? text : text.slice(0, at)).split(/\s+/)) words.add(word.toLowerCase());
  }
  return words;
}

function faultOf(begins: readonly Line[], ends: readonly Line[]): string | undefined {
  if (begins.length === 0) return 'the end of the block stands there without its beginning';
  if (ends.length === 0) return 'the block is not ended';
  if (begins.length > 1 || ends.length > 1) return 'a marker stands there more than once';
  return (begins[0]?.at ?? 0) < (ends[0]?.at ?? 0) ? undefined : 'the block ends before it begins';
}

interface Line {
  readonly text: string;
  /** Where it begins, where the next one does, and its number from 1. */
  readonly at: number;
  readonly next: number;
  readonly number: number;
}

function* linesOf(text: string): Generator<Line> {
  let number = 1;
  for (let at = 0; at < text.length; number += 1) {
    const end = text.indexOf('\n', at);
    const next = end < 0 ? text.length : end + 1;
    yield { text: text.slice(at, end < 0 ? text.length : end), at, next, number };
    at = next;
  }
}
