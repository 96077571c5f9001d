import { formatDuration } from '../base/duration.ts';
import { messageOf } from '../base/errors.ts';
import type { TraceLevel } from '../base/trace.ts';
import { backoffMs } from './seek.ts';

export interface RetryJoinOptions {
  readonly addresses: readonly string[];
  readonly intervalMs: number;
  /** Pauses begin short and grow to the interval; absent, each is the interval, as Serf's. */
  readonly backoff?: { readonly firstMs: number; readonly random: () => number } | undefined;
  /** Retries after the first try; 0 never gives up. */
  readonly maxAttempts: number;
  /** Whether old events are asked for; for the log, where scripts wait for Serf's words. */
  readonly replay: boolean;
  /** One try; rejects when no address answered. */
  readonly join: (addresses: readonly string[]) => Promise<number>;
  /** Resolves after the time, or at once when the signal aborts. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly log: (level: TraceLevel, text: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Joins until one address answers (agent.md 10.1). Resolves `gave-up` after `maxAttempts` retries, of which the first
 * try is none: with 1 it tries twice.
 */
export async function retryJoin(options: RetryJoinOptions): Promise<'joined' | 'gave-up' | 'aborted'> {
  let retries = 0;
  while (!options.signal.aborted) {
    try {
      options.log('INFO', `Joining cluster...(replay: ${options.replay})`);
      const count = await options.join(options.addresses);
      options.log('INFO', `Join completed. Synced with ${count} initial agents`);
      return 'joined';
    } catch (error) {
      if (options.signal.aborted) break;
      retries += 1;
      if (options.maxAttempts > 0 && retries > options.maxAttempts) {
        options.log('ERR', 'maximum retry join attempts made, exiting');
        return 'gave-up';
      }
      const pause = pauseMs(retries, options);
      options.log('WARN', `Join failed: ${messageOf(error)}, retrying in ${formatDuration(pause)}`);
      await options.sleep(pause);
    }
  }
  return 'aborted';
}

function pauseMs(attempt: number, { intervalMs, backoff }: RetryJoinOptions): number {
  return backoff === undefined
    ? intervalMs
    : backoffMs(attempt, backoff.firstMs, intervalMs, backoff.random());
}
