import { hostPort, parseHostPort } from '../base/address.ts';
import type { Address } from '../base/machine.ts';
import type { TraceLevel } from '../base/trace.ts';
import { MAX_LAMPORT_TIME } from './lamport.ts';

/**
 * The snapshot: lines that are only ever appended, and what they add up to (serf.md 16). Serf reads what we write and
 * the reverse; failed members, which Serf forgets, are kept in comments.
 */

/** Live members remembered; lines about more are ignored. */
export const SNAPSHOT_NODES_LIMIT = 65_536;
/** Failed members remembered; the one that failed first gives way. */
export const SNAPSHOT_FAILED_LIMIT = 128;
/** How long they are remembered, in seconds: after a week somebody else may have the address. */
export const SNAPSHOT_FAILED_SECONDS = 7 * 24 * 3_600;
/** No line is longer, its newline included: longer ones are neither written nor read. */
export const SNAPSHOT_LINE_BYTES = 4_096;

/** A file up to this size is never compacted, nor one that holds two lines of usual length for each live member. */
const COMPACT_FLOOR_BYTES = 128 * 1024;
const COMPACT_BYTES_PER_NODE = 128 * 2;

const ALIVE = 'alive: ';
const NOT_ALIVE = 'not-alive: ';
const LEAVE = 'leave';
const COMMENT = '#';
const FAILED = '# failed: ';
/** Written by versions long gone. */
const COORDINATE = 'coordinate: ';

const CLOCKS = {
  member: { prefix: 'clock: ', what: 'clock time' },
  event: { prefix: 'event-clock: ', what: 'event clock time' },
  query: { prefix: 'query-clock: ', what: 'query clock time' },
} as const;

export type ClockName = keyof typeof CLOCKS;

const CLOCK_NAMES = ['member', 'event', 'query'] as const satisfies readonly ClockName[];

/** A member of an earlier run. */
export interface PreviousNode {
  readonly name: string;
  readonly address: Address;
}

/** The last Lamport times seen, 0 for none. */
export type LastTimes = Readonly<Record<ClockName, number>>;

interface FailedNode {
  readonly address: Address;
  /** Unix seconds. */
  readonly since: number;
}

/** What to tell about a line: a mistake in it, or that it was passed over on purpose. */
export interface LineRemark {
  readonly level: TraceLevel;
  readonly message: string;
  readonly text: string;
}

/** The lines there are; a name that would break its line gives undefined. */
export const snapshotLine = {
  alive: (name: string, address: Address) => whole(`${ALIVE}${name} ${hostPort(address)}`),
  notAlive: (name: string) => whole(`${NOT_ALIVE}${name}`),
  /** Without its time, which `stamped` adds: the protocol core knows no calendar. */
  failed: (name: string, address: Address) => whole(`${FAILED}${name} ${hostPort(address)}`),
  clock: (clock: ClockName, time: number) => `${CLOCKS[clock].prefix}${time}`,
  leave: () => LEAVE,
} as const;

/** True for the line after which nothing more happens in a run: it must not be lost. */
export function isLeaveLine(line: string): boolean {
  return line === LEAVE;
}

/** The line with the time it was recorded at, in unix seconds, where it needs one. */
export function stamped(line: string, seconds: number): string {
  return line.startsWith(FAILED) ? `${line} ${Math.floor(seconds)}` : line;
}

/** True when a file has grown so much beyond its content that it should be written anew (serf.md 16.3). */
export function isOutgrown(sizeBytes: number, aliveCount: number): boolean {
  return sizeBytes > Math.max(COMPACT_FLOOR_BYTES, aliveCount * COMPACT_BYTES_PER_NODE);
}

/** What the lines so far say. Applying `lines()` to a fresh one gives the same again. */
export class Snapshot {
  readonly #rejoinAfterLeave: boolean;
  readonly #alive = new Map<string, Address>();
  readonly #failed = new Map<string, FailedNode>();
  readonly #times: Record<ClockName, number> = { member: 0, event: 0, query: 0 };
  /** No member was heard of since we left. */
  #hasLeft = false;

  /** With `rejoinAfterLeave` a leave forgets nothing. */
  constructor(rejoinAfterLeave: boolean) {
    this.#rejoinAfterLeave = rejoinAfterLeave;
  }

  /** Members believed alive, ourselves included. */
  get alive(): readonly PreviousNode[] {
    return [...this.#alive].map(([name, address]) => ({ name, address }));
  }

  get aliveCount(): number {
    return this.#alive.size;
  }

  /** Members that failed, the last one first. */
  get failed(): readonly PreviousNode[] {
    return [...this.#failed].map(([name, { address }]) => ({ name, address })).reverse();
  }

  get lastTimes(): LastTimes {
    return { ...this.#times };
  }

  /** Takes in one line without its newline (serf.md 16.1). */
  apply(line: string): LineRemark | undefined {
    if (line.startsWith(ALIVE)) return this.#applyAlive(line);
    if (line.startsWith(NOT_ALIVE)) {
      const name = line.slice(NOT_ALIVE.length);
      this.#alive.delete(name);
      this.#failed.delete(name);
      return undefined;
    }
    if (line === LEAVE) return this.#applyLeave();
    for (const clock of CLOCK_NAMES)
      if (line.startsWith(CLOCKS[clock].prefix)) return this.#applyClock(clock, line);
    if (line.startsWith(FAILED)) this.#applyFailed(line.slice(FAILED.length));
    if (line.startsWith(COMMENT) || line.startsWith(COORDINATE)) return undefined;
    return remark('WARN', 'Unrecognized snapshot line', line);
  }

  /** Forgets members that failed before a time in unix seconds. */
  forgetFailedBefore(seconds: number): void {
    for (const [name, { since }] of this.#failed) if (since < seconds) this.#failed.delete(name);
  }

  /** The fewest lines that say the same. */
  lines(): string[] {
    const lines: string[] = [];
    for (const [name, address] of this.#alive) add(lines, snapshotLine.alive(name, address));
    for (const [name, { address, since }] of this.#failed) {
      const line = snapshotLine.failed(name, address);
      add(lines, line === undefined ? undefined : stamped(line, since));
    }
    if (this.#hasLeft) lines.push(LEAVE);
    for (const clock of CLOCK_NAMES) lines.push(snapshotLine.clock(clock, this.#times[clock]));
    return lines;
  }

  /** A name may hold spaces, so the address follows the last one. */
  #applyAlive(line: string): LineRemark | undefined {
    const node = nodeOf(line.slice(ALIVE.length));
    if (node === undefined) return remark('WARN', 'Failed to parse address', line);
    if (this.#alive.size >= SNAPSHOT_NODES_LIMIT && !this.#alive.has(node.name)) {
      return remark('WARN', 'Too many nodes in snapshot, ignoring', line);
    }
    this.#hasLeft = false;
    this.#alive.set(node.name, node.address);
    this.#failed.delete(node.name);
    return undefined;
  }

  /** NAME ADDRESS SECONDS; a comment of another form is somebody else's. */
  #applyFailed(text: string): void {
    const space = text.lastIndexOf(' ');
    const node = nodeOf(text.slice(0, Math.max(space, 0)));
    const since = wholeNumber(text.slice(space + 1));
    if (node === undefined || since === undefined || this.#alive.has(node.name)) return;
    this.#hasLeft = false;
    // Moves a name that is known already to the end: the map is in the order of failing.
    this.#failed.delete(node.name);
    this.#failed.set(node.name, { address: node.address, since });
    const [oldest] = this.#failed.keys();
    if (this.#failed.size > SNAPSHOT_FAILED_LIMIT && oldest !== undefined) this.#failed.delete(oldest);
  }

  #applyLeave(): LineRemark | undefined {
    this.#hasLeft = true;
    if (this.#rejoinAfterLeave) {
      const message = 'Ignoring previous leave in snapshot';
      return { level: 'INFO', message, text: message };
    }
    this.#alive.clear();
    this.#failed.clear();
    for (const clock of CLOCK_NAMES) this.#times[clock] = 0;
    return undefined;
  }

  /** The last line counts, not the largest time. */
  #applyClock(clock: ClockName, line: string): LineRemark | undefined {
    const { prefix, what } = CLOCKS[clock];
    const text = line.slice(prefix.length);
    const time = wholeNumber(text);
    if (time === undefined) {
      const why = /^\d+$/.test(text) ? 'value out of range' : 'invalid syntax';
      return remark(
        'WARN',
        `Failed to convert ${what}`,
        `strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`,
      );
    }
    this.#times[clock] = time;
    return undefined;
  }
}

function remark(level: TraceLevel, message: string, detail: string): LineRemark {
  return { level, message, text: `${message}: ${detail}` };
}

function nodeOf(text: string): PreviousNode | undefined {
  const space = text.lastIndexOf(' ');
  const address = space < 0 ? undefined : parseHostPort(text.slice(space + 1));
  return address === undefined ? undefined : { name: text.slice(0, space), address };
}

function wholeNumber(text: string): number | undefined {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return value <= MAX_LAMPORT_TIME ? value : undefined;
}

/** The line, unless it would be read back as something else: names come from strangers. */
function whole(line: string): string | undefined {
  // Three bytes a unit are the most that UTF-8 takes.
  return /[\n\0]/.test(line) || line.length * 3 >= SNAPSHOT_LINE_BYTES ? undefined : line;
}

function add(lines: string[], line: string | undefined): void {
  if (line !== undefined) lines.push(line);
}
