import type { TraceLevel } from '../base/trace.ts';

/** Go's layout `2006/01/02 15:04:05`, in local time. */
export function logTime(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}/${two(date.getMonth() + 1)}/${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `2026/11/20 20:17:46 [INFO] agent: text` (agent.md 11). */
export function logLine(time: string, level: TraceLevel, source: string, text: string): string {
  return `${time} [${level}] ${source}: ${visible(text)}`;
}

/** Characters shown of a text that quotes a peer: a name can have sixty thousand, and 512 lines are kept for monitors. */
export const QUOTING_LINE_CHARS = 2048;

/** Text as one line: what a peer sends must not look like a line of ours, nor fill the log. */
export function oneLine(text: string): string {
  const shown = text.length > QUOTING_LINE_CHARS ? `${text.slice(0, QUOTING_LINE_CHARS)}…` : text;
  return shown.replaceAll('\r', '\\r').replaceAll('\n', '\\n');
}

/** C0 and C1 controls but tab and newline: they could rewrite an operator's terminal. */
const CONTROLS = /(?![\t\n])\p{Cc}/gu;

function visible(text: string): string {
  const shown = text.replace(CONTROLS, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return shown.endsWith('\n') ? shown.slice(0, -1) : shown;
}
