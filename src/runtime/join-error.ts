import { CodedError } from '../base/errors.ts';
import type { JoinFailure } from '../swim/delegate.ts';
import type { ResolvedEntry } from './resolve.ts';

/** Nobody could be joined: every reason in the order of the addresses, in the words clients compare (agent.md 6). */
export function joinError(entries: readonly ResolvedEntry[], failures: readonly JoinFailure[]): CodedError {
  const reasons = new Map(failures.map(({ target, text }) => [target, text]));
  const lines: string[] = [];
  for (const entry of entries) {
    if (typeof entry === 'string') lines.push(entry);
    else for (const target of entry) lines.push(`Failed to join ${target.label}: ${reasons.get(target)}`);
  }
  const heading = lines.length === 1 ? '1 error occurred:' : `${lines.length} errors occurred:`;
  const list = lines.map((line) => `\t* ${line}\n`).join('');
  return new CodedError('ERR_JOIN_FAILED', `${heading}\n${list}\n`);
}
