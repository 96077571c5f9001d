import { messageOf } from '../base/errors.ts';
import type { TraceLevel } from '../base/trace.ts';
import type { ReachReport } from '../runtime/cluster.ts';

/** Pause between two looks for anchors: soon enough to heal within a minute, and no burden when one is gone. */
export const ANCHOR_INTERVAL_MS = 30_000;
/** First pause of an agent that finds itself alone; each is twice the one before, up to a cap. */
export const FIRST_PAUSE_MS = 1_000;
/** How often an agent with company looks whether it still has any. */
export const COMPANY_CHECK_MS = 5_000;

export interface SeekOptions {
  /** What is looked for, for the log. */
  readonly what: string;
  /** False while nobody need be looked for. */
  readonly wanted: () => boolean;
  /** Longest pause between two attempts. */
  readonly capMs: number;
  /** Pauses start at this; equal to the cap they stay the same. */
  readonly firstMs: number;
  /** Looks the addresses up anew and contacts those where no live member is. */
  readonly reach: () => Promise<ReachReport>;
  /** Resolves after the time, or at once when the signal aborts. */
  readonly sleep: (ms: number) => Promise<void>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: (level: TraceLevel, text: string) => void;
  readonly signal: AbortSignal;
}

/** Looks for members that should be there, until the signal aborts. Only what changes is told at INFO. */
export async function seek(options: SeekOptions): Promise<void> {
  const { wanted, capMs, firstMs, random, sleep, signal } = options;
  let attempt = 0;
  let told = '';
  while (!signal.aborted) {
    if (wanted()) {
      attempt += 1;
      told = await seekOnce(options, told);
      await sleep(backoffMs(attempt, firstMs, capMs, random()));
    } else {
      attempt = 0;
      told = '';
      await sleep(COMPANY_CHECK_MS);
    }
  }
}

/** The pause after so many failed attempts: doubled each time up to the cap, and between half and all of that. */
export function backoffMs(attempt: number, firstMs: number, capMs: number, chance: number): number {
  const whole = Math.min(capMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(whole * (0.5 + chance / 2));
}

/** Returns what is missing, as told in the log. */
async function seekOnce({ what, reach, log, signal }: SeekOptions, told: string): Promise<string> {
  try {
    const { missing, contacted } = await reach();
    const text = [...missing].sort().join(', ');
    if (text !== '') log(text === told ? 'DEBUG' : 'INFO', `looking for ${what}: ${text}`);
    if (contacted > 0) log('INFO', `reached ${contacted} of ${what}`);
    return text;
  } catch (error) {
    if (!signal.aborted) log('WARN', `cannot look for ${what}: ${messageOf(error)}`);
    return told;
  }
}
