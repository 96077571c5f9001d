import type { MemberInfo, MemberStatus } from '../events/event.ts';
import { membersSummary, membersTable } from './members-table.ts';
import type { WatchState } from './members-watch.ts';
import type { Output } from './output.ts';
import type { Screen } from './screen.ts';
import { clip, palette, printable } from './style.ts';

/** A terminal that is redrawn in place, and the list of members on it. */

interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** The alternate screen, without cursor: what was on the terminal before comes back afterwards. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const RESTORE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/** What ends it from the keyboard: q, ctrl-C, ctrl-D, escape. */
const QUIT_KEYS = ['q', 'Q', '\u0003', '\u0004', '\u001b'];

/** Shows lines on the whole terminal until it is closed, which also any end of the process does. */
export class LiveScreen {
  readonly #screen: Screen;
  readonly #out: Output;
  readonly #over = new AbortController();
  #lines: ((size: Size) => readonly string[]) | undefined;

  /** @param quit called when a key asks for the end */
  constructor(screen: Screen, out: Output, quit: () => void) {
    this.#screen = screen;
    this.#out = out;
    screen.onExit(() => out.raw(RESTORE), this.#over.signal);
    screen.onKeys((keys) => QUIT_KEYS.includes(keys) && quit(), this.#over.signal);
    screen.onResize(() => this.#redraw(), this.#over.signal);
    out.raw(ENTER);
  }

  /** Shows the lines that `lines` gives for the size of the terminal, now and after each change of size. */
  draw(lines: (size: Size) => readonly string[]): void {
    this.#lines = lines;
    this.#redraw();
  }

  /** Gives the terminal back as it was. */
  close(): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.#out.raw(RESTORE);
  }

  #redraw(): void {
    const size = this.#screen.size();
    const lines = (this.#lines?.(size) ?? []).slice(0, size.rows);
    const text = lines.map((line) => `${line}${CLEAR_LINE}`).join('\r\n');
    this.#out.raw(`${HOME}${text}${CLEAR_BELOW}`);
  }
}

/** Summary, empty line, heading of the table, empty line, and the line below. */
const FRAME_ROWS = 5;

/** In a list that does not fit, those that need attention are shown first. */
const URGENCY: readonly MemberStatus[] = ['failed', 'leaving', 'none', 'left', 'alive'];

/** The lines of the live list. */
export function drawMembers(state: WatchState, detailed: boolean, size: Size, colours: boolean): string[] {
  const paint = palette(colours);
  const { members, lost, since } = state;
  const now = performance.now();
  const room = Math.max(size.rows - FRAME_ROWS, 1);
  const shown = members.length <= room ? members : urgentFirst(members).slice(0, Math.max(room - 1, 1));
  const note = (member: MemberInfo): string => ago(since.get(member.name), now);
  const table = membersTable(shown, { paint, width: size.columns, detailed, clip: true, note });
  const hidden = members.length - shown.length;
  const below = lost === undefined ? paint.dim('q quits') : lostLine(lost, size.columns, paint);
  return [
    `${paint.bold('Members')}  ${membersSummary(members, paint)}`,
    '',
    ...(members.length === 0 ? [paint.dim('nobody')] : table),
    ...(hidden > 0 ? [paint.dim(`… ${hidden} more`)] : []),
    '',
    below,
  ];
}

function lostLine(lost: string, columns: number, paint: ReturnType<typeof palette>): string {
  const text = ` Lost the agent, trying again: ${printable(lost)} `;
  return paint.reverse(paint.red(clip(text, columns)));
}

function urgentFirst(members: readonly MemberInfo[]): MemberInfo[] {
  return [...members].sort((a, b) => URGENCY.indexOf(a.status) - URGENCY.indexOf(b.status));
}

/** How long a member has had its status; a dash for longer than this watch knows. */
function ago(since: number | undefined, now: number): string {
  if (since === undefined) return '-';
  const seconds = Math.floor((now - since) / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${seconds % 60}s`;
  return `${Math.floor(seconds / 3600)}h${Math.floor((seconds % 3600) / 60)}m`;
}
