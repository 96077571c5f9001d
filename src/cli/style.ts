/** Colours and what a terminal shows of a text. */

/** Paints a text, or leaves it as it is where there are no colours. */
export type Paint = (text: string) => string;

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
  reverse: [7, 27],
} as const satisfies Record<string, readonly [on: number, off: number]>;

export type Palette = { readonly [K in keyof typeof CODES]: Paint };

/** The paints of a screen with or without colours. */
export function palette(colours: boolean): Palette {
  const paints = Object.entries(CODES).map(([name, [on, off]]) => {
    const paint: Paint = (text) => (colours && text !== '' ? `\u001b[${on}m${text}\u001b[${off}m` : text);
    return [name, paint];
  });
  return Object.fromEntries(paints) as Palette;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not reach a terminal
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const LONE = /\p{Surrogate}/gu;

/** A peer's text made safe to show: control and direction characters as escapes, so that no name or tag moves the cursor. */
export function printable(text: string): string {
  return text.replace(LONE, '\ufffd').replace(CONTROLS, escaped);
}

/** The same for an answer of several lines: newlines and tabs stay. */
export function printableLines(text: string): string {
  return text
    .replace(LONE, '\ufffd')
    .replace(CONTROLS, (found) => (/[\n\t]/.test(found) ? found : escaped(found)));
}

function escaped(found: string): string {
  const code = found.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
}

/** Scripts and symbols that fill two cells (Unicode East Asian Width W and F, and emoji). */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;
const COMBINING = /\p{Mn}|\p{Me}|[\u200b-\u200d]|[\ufe00-\ufe0f]/u;

/** The cells that printable text takes on a terminal. */
export function cells(text: string): number {
  let count = 0;
  for (const character of text) count += cellsOf(character);
  return count;
}

function cellsOf(character: string): number {
  if (character < '\u0300') return 1;
  if (COMBINING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** `text` filled up with blanks to `width` cells. */
export function fill(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - cells(text)));
}

/** `text` in at most `width` cells, the end cut off with an ellipsis. */
export function clip(text: string, width: number): string {
  if (cells(text) <= width) return text;
  let out = '';
  let used = 0;
  for (const character of text) {
    used += cellsOf(character);
    if (used > width - 1) break;
    out += character;
  }
  return width < 1 ? '' : `${out}…`;
}
