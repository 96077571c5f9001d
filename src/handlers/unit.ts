import { messageOf } from '../base/errors.ts';
import type { ClusterEvent } from '../events/event.ts';
import type { ChannelPool } from './channels.ts';
import {
  type HandlerContext,
  type HandlerLimits,
  type HandlerRun,
  plainOutcome,
  type RunOutcome,
} from './context.ts';
import type { RunHistory, RunStart } from './history.ts';
import type { HandlerKind } from './supervised.ts';

/** What all kinds of handlers have in common, as the runner sees them. */

/** How long a run waits for the note of its start to reach the disk. */
export const SAVE_WAIT_MS = 250;

/** One handler's present, for people and programs. */
export interface UnitStatus {
  readonly state: 'idle' | 'running' | 'waiting' | 'held' | 'retrying' | 'starting';
  readonly queued: number;
  /** Runs under way. */
  readonly running: number;
  readonly runs: number;
  readonly failures: number;
  readonly dropped: number;
  /** What holds it back, in sentences. */
  readonly holds: readonly string[];
  /** Figures of its kind: `generation`, `members`, `in_flight`, `delivered`, `restarts`. */
  readonly figures: Readonly<Record<string, number>>;
}

/** What a handler would do with an event: nothing is run for it. */
export interface Rehearsal {
  /** Whether it would run, in a sentence. */
  readonly verdict: string;
  readonly runs: boolean;
  /** Variables besides the inherited ones. */
  readonly environment: Readonly<Record<string, string>>;
  /** Standard input. */
  readonly input: Uint8Array;
}

/** One handler under supervision. */
export interface HandlerUnit {
  readonly name: string;
  readonly kind: HandlerKind | 'script' | 'module';
  /** The command, for people. */
  readonly command: string;
  /** Equal when a reload leaves the handler as it is. */
  readonly identity: string;
  readonly status: UnitStatus;
  /** An event arrived; the unit decides whether it is concerned. Never waits, never throws. */
  offer(event: ClusterEvent): void;
  /** The configuration was read again and says the same about this handler. */
  reloaded(): void;
  /** Runs on an event once more, out of turn; undefined when the run did not come about. */
  again(
    event: ClusterEvent | undefined,
    cause: 'rerun' | 'test' | 'interrupted',
  ): Promise<RunOutcome | undefined>;
  rehearse(event: ClusterEvent | undefined): Rehearsal;
  /** Lets what is held go ahead once; false when nothing is. */
  approve(): boolean;
  /** Takes no more events and ends once its work is done; resolves then. */
  finish(): Promise<void>;
  /** Drops what waits, also for another try, and lets what runs come to its end; nothing is offered afterwards. */
  clear(): void;
  /** Ends what runs: TERM, and KILL after the grace. */
  stop(graceMs: number): void;
}

/** What units work with. */
export interface UnitParts {
  readonly context: HandlerContext;
  readonly limits: HandlerLimits;
  readonly pool: ChannelPool;
  readonly history: RunHistory;
  /** The agent's own environment, as it was at the start: reading `process.env` takes longer than all else here. */
  readonly inherited: Readonly<Record<string, string | undefined>>;
}

/** A run whose start and end are on record. Never rejects. */
export function recordedRun(history: RunHistory, start: RunStart, begin: () => HandlerRun): HandlerRun {
  const { id, saved } = history.begin(start);
  let run: HandlerRun | undefined;
  let stopped = false;
  const carryOut = async (): Promise<RunOutcome> => {
    await settledWithin(saved, SAVE_WAIT_MS);
    if (stopped) return plainOutcome(false, 'not started because the agent stops');
    run = begin();
    return await run.done;
  };
  const done = carryOut()
    .catch((error: unknown) => plainOutcome(false, messageOf(error)))
    .then((outcome) => {
      history.end(start.handler, id, outcome);
      return outcome;
    });
  return {
    done,
    stop(graceMs) {
      stopped = true;
      run?.stop(graceMs);
    },
  };
}

/** Resolves with `work`, or when it takes too long. */
export async function settledWithin(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
