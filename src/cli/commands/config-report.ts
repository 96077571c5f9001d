import { excerpt, type Fault, placeText } from '../../agent/config/fault.ts';
import type { SourceFile } from '../../agent/config/file.ts';
import type { Environment } from '../command.ts';

/** How the `config` commands show mistakes and values to people. */

/** Colours of a text for a terminal; each function leaves its text as it is where there is none. */
export interface Paint {
  bad(text: string): string;
  good(text: string): string;
  warn(text: string): string;
  strong(text: string): string;
  faint(text: string): string;
}

interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const NARROW_COLUMNS = 80;
/** Lines of a file are shown at most this wide, however wide the terminal. */
const WIDEST_COLUMNS = 160;

/** Colours if `stream` is a terminal that has them and nobody refused them (NO_COLOR). */
export function paintFor(env: Environment, stream: Terminal): Paint {
  const refused = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  const coloured = stream.isTTY === true && !refused;
  const with_ = (code: number) => (text: string) => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text);
  return { bad: with_(31), good: with_(32), warn: with_(33), strong: with_(1), faint: with_(2) };
}

/** How many columns there are for a report. */
export function columnsOf(stream: Terminal): number {
  return Math.min(Math.max(stream.columns ?? NARROW_COLUMNS, NARROW_COLUMNS / 2), WIDEST_COLUMNS);
}

/** One mistake: where, what, and the lines of the file with a pointer. */
export function faultLines(
  fault: Fault,
  files: readonly SourceFile[],
  paint: Paint,
  width: number,
): string[] {
  const where = fault.place === undefined ? fault.source : placeText(fault.place);
  const head = where === undefined ? '' : `${paint.strong(where)}: `;
  const hint = fault.hint === undefined ? '' : `, ${fault.hint}`;
  const lines = [`${head}${paint.bad(fault.text)}${hint}`];
  const { place } = fault;
  const file = files.find(({ path }) => path === place?.path);
  if (place === undefined || file === undefined || file.text.trim() === '') return lines;
  const gutter = String(place.line).length + 5;
  const shown = excerpt(file.text, place, width - gutter);
  const pointer = shown.at(-1) ?? '';
  const source = shown.slice(0, -1).map((line) => `  ${paint.faint(line)}`);
  const caret = pointer.replace(/\^+$/, (carets) => paint.bad(carets));
  return [...lines, ...source, `  ${caret}`];
}

/** A fault for programs. */
export function faultRecord({
  code,
  text,
  hint,
  place,
  source,
}: Fault): Readonly<Record<string, string | number>> {
  return {
    code,
    text,
    ...(hint !== undefined && { hint }),
    ...(place !== undefined && { file: place.path, line: place.line, column: place.column }),
    ...(source !== undefined && { source }),
  };
}
