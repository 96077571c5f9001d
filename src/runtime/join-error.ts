import { hostPort } from '../base/address.ts';
import { CodedError } from '../base/errors.ts';
import type { NameRival } from '../serf/conflict.ts';
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

/** A join met another member under this node's own name: what follows, and what to do. */
export function nameTaken(name: string, { address, votes }: NameRival): string {
  const fate = votes
    ? 'the members vote, and this node stops if they know the name by that address'
    : 'the members go on with that one and do not see this node';
  return (
    `the name '${name}' is already used by ${hostPort(address)}: ${fate}. ` +
    'Start this node under another name, or stop the other one first'
  );
}
