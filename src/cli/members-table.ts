import { hostPort, ipText } from '../base/address.ts';
import type { MemberInfo, MemberStatus } from '../events/event.ts';
import { columns, type Json, sortedByBytes } from './format.ts';
import { cells, clip, fill, type Paint, type Palette, printable } from './style.ts';

/** The list of members: as scripts read it (agent.md 15.3), as JSON, and as a person sees it. */

/** Serf's text, byte for byte. */
export function membersText(members: readonly MemberInfo[], detailed: boolean): string {
  return columns(members.map((member) => plainRow(member, detailed))).trim();
}

function plainRow(member: MemberInfo, detailed: boolean): string[] {
  const row = [member.name, addressText(member), member.status, tagWords(member).join(',')];
  return detailed ? [...row, ...protocolCells(member)] : row;
}

function protocolCells({ delegateCur, delegateMin, delegateMax }: MemberInfo): string[] {
  return [`Protocol Version: ${delegateCur}`, `Available Protocol Range: [${delegateMin}, ${delegateMax}]`];
}

function tagWords(member: MemberInfo): string[] {
  return sortedByBytes(member.tags).map(([key, value]) => `${key}=${value}`);
}

/** `IP:PORT`; a member without a valid address shows an empty host, as Go prints it. */
function addressText(member: MemberInfo): string {
  return hostPort({ ip: ipText(member.addr) ?? '', port: member.port });
}

/** Serf's JSON; without members it is null. */
export function membersJson(members: readonly MemberInfo[]): Json {
  return { members: members.length === 0 ? null : members.map(memberJson) };
}

/** One member as JSON, in the order of Serf's fields. */
export function memberJson(member: MemberInfo): Json {
  return {
    name: member.name,
    addr: addressText(member),
    port: member.port,
    tags: member.tags,
    status: member.status,
    protocol: { max: member.delegateMax, min: member.delegateMin, version: member.delegateCur },
  };
}

/** How a person's table is made. */
export interface TableOptions {
  readonly paint: Palette;
  /** Cells across; long tags go on below, or are cut with `clip`. */
  readonly width: number;
  readonly detailed: boolean;
  /** One line for each member, whatever does not fit cut off. */
  readonly clip: boolean;
  /** Text for a column of its own after the status, such as since when; absent without such a column. */
  readonly note?: (member: MemberInfo) => string;
}

const GAP = '  ';
/** Below this much room tags have lines of their own, indented. */
const NARROWEST_TAGS = 20;
const BELOW = '    ';

/** A person's table: a heading and, for each member, one line or as many as its tags need. */
export function membersTable(members: readonly MemberInfo[], options: TableOptions): string[] {
  const { paint, note, detailed } = options;
  const heading = ['NAME', 'ADDRESS', 'STATUS', ...(note ? ['FOR'] : []), ...(detailed ? ['PROTOCOL'] : [])];
  const rows = members.map((member) => [
    printable(member.name),
    addressText(member),
    member.status,
    ...(note ? [note(member)] : []),
    ...(detailed ? [`${member.delegateCur} [${member.delegateMin}-${member.delegateMax}]`] : []),
  ]);
  const widths = heading.map((title, i) => Math.max(title.length, ...rows.map((row) => cells(row[i] ?? ''))));
  const paints: Paint[] = [paint.bold, paint.dim, (text) => text, ...(note ? [paint.dim] : []), paint.dim];
  const used = widths.reduce((sum, width) => sum + width + GAP.length, 0);
  const lines = [
    paint.dim(
      clip([...heading.map((title, i) => fill(title, widths[i] ?? 0)), 'TAGS'].join(GAP), options.width),
    ),
  ];
  members.forEach((member, index) => {
    const painted = (rows[index] ?? []).map((text, i) => {
      const paintCell = i === 2 ? statusPaint(member.status, paint) : (paints[i] as Paint);
      return paintCell(fill(text, widths[i] ?? 0));
    });
    lines.push(...withTags(painted.join(GAP), tagWords(member).map(printable), used, options));
  });
  return lines;
}

/** The cells of one member, `used` wide, and its tags beside them, or below where there is no room beside. */
function withTags(start: string, words: readonly string[], used: number, options: TableOptions): string[] {
  const { paint, width } = options;
  const room = width - used;
  if (options.clip) {
    const shown = clip(words.join(' '), Math.max(room, 0));
    return [shown === '' ? start : start + GAP + paint.dim(shown)];
  }
  const beside = room >= NARROWEST_TAGS;
  const lines = wrapWords(words, beside ? room : width - BELOW.length).map((line) =>
    line.map((word) => paintTag(word, paint)).join(' '),
  );
  if (!beside) return [start, ...lines.map((line) => BELOW + line)];
  const [first, ...more] = lines;
  return [first === undefined ? start : start + GAP + first, ...more.map((line) => ' '.repeat(used) + line)];
}

/** Words in lines of at most `width` cells; a word that is longer has a line of its own. */
function wrapWords(words: readonly string[], width: number): string[][] {
  const lines: string[][] = [];
  let left = 0;
  for (const word of words) {
    const size = cells(word) + 1;
    const line = lines.at(-1);
    if (line === undefined || size > left) {
      lines.push([word]);
      left = width + 1 - size;
    } else {
      line.push(word);
      left -= size;
    }
  }
  return lines;
}

function paintTag(word: string, paint: Palette): string {
  const equals = word.indexOf('=') + 1;
  return paint.dim(word.slice(0, equals)) + word.slice(equals);
}

function statusPaint(status: MemberStatus, paint: Palette): Paint {
  switch (status) {
    case 'alive':
      return paint.green;
    case 'failed':
      return (text) => paint.bold(paint.red(text));
    case 'leaving':
      return paint.yellow;
    default:
      return paint.dim;
  }
}

const STATUSES: readonly MemberStatus[] = ['alive', 'failed', 'leaving', 'left', 'none'];

/** `3 members: 2 alive, 1 failed`. */
export function membersSummary(members: readonly MemberInfo[], paint: Palette): string {
  const counts = STATUSES.flatMap((status) => {
    const count = members.filter((member) => member.status === status).length;
    return count === 0 ? [] : [statusPaint(status, paint)(`${count} ${status}`)];
  });
  const total = `${members.length} ${members.length === 1 ? 'member' : 'members'}`;
  return counts.length === 0 ? total : `${total}: ${counts.join(', ')}`;
}
