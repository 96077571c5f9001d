import type { CommandContext } from './command.ts';
import { isInteractive } from './screen.ts';

/** How often the line is drawn anew, and how often one is written where nobody can draw. */
const REDRAW_MS = 200;
const LINE_EVERY_MS = 5_000;

/** How far a rehearsal is; times are virtual milliseconds. */
export interface SimState {
  readonly now: number;
  readonly expectedEnd: number;
  readonly phase: string;
}

/** Tells on stderr how far a rehearsal is: one line that changes on a terminal, a line now and then elsewhere. */
export class SimProgress {
  readonly #context: CommandContext;
  readonly #isTerminal: boolean;
  readonly #isWanted: boolean;
  readonly #from = performance.now();
  #last = performance.now();
  #hasLine = false;

  /** `isWanted`: also where stderr is no terminal. */
  constructor(isWanted: boolean, context: CommandContext) {
    this.#context = context;
    this.#isTerminal = isInteractive(context.env, process.stderr);
    this.#isWanted = isWanted || this.#isTerminal;
  }

  /** To be called often. */
  show(state: SimState): void {
    const now = performance.now();
    if (!this.#isWanted || now - this.#last < (this.#isTerminal ? REDRAW_MS : LINE_EVERY_MS)) return;
    this.#last = now;
    const line = progressLine(state, now - this.#from);
    if (!this.#isTerminal) {
      this.#context.out.error(line);
      return;
    }
    process.stderr.write(`\r\u001b[2K${line}`);
    this.#hasLine = true;
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#hasLine) process.stderr.write('\r\u001b[2K');
    this.#hasLine = false;
  }
}

const BAR = 16;
const DOING: Readonly<Record<string, string>> = {
  forming: 'the cluster forms',
  quiet: 'the cluster has formed',
  rehearsal: 'faults',
  calm: 'until all agree',
};

/** `██████░░░░ 82 of about 200 s: faults, 23 × real time`, in at most 80 columns. */
export function progressLine({ now, expectedEnd, phase }: SimState, tookMs: number): string {
  const share = Math.min(1, now / Math.max(expectedEnd, 1));
  const filled = Math.round(share * BAR);
  const bar = '█'.repeat(filled) + '░'.repeat(BAR - filled);
  const speed = now / Math.max(tookMs, 1);
  const rate = speed >= 10 ? speed.toFixed(0) : speed.toFixed(1);
  const times = `${Math.round(now / 1000)} of about ${Math.round(Math.max(now, expectedEnd) / 1000)} s`;
  return `${bar} ${times}: ${DOING[phase] ?? phase}, ${rate} × real time`;
}
