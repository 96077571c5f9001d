import type { MemberStatus } from '../events/event.ts';
import type { KeyResponseMessage } from './messages.ts';

/** Names shown of those a removal would lock out. */
const SHOWN_NAMES = 10;

/** What a removal is judged by. Keys are base64. */
export interface RemovalFacts {
  /** The key to be removed everywhere. */
  readonly removed: string;
  /** The key this node encrypts with. */
  readonly primary: string;
  /** Members and their status, ourselves included. */
  readonly members: Iterable<{ readonly name: string; readonly status: MemberStatus }>;
  /** What each listed. */
  readonly listings: ReadonlyMap<string, KeyResponseMessage>;
}

/**
 * Members that the removal of a key could lock out, and why: those that have not shown that they hold the primary key
 * and encrypt with another key than the removed one. Members that left need no key; a failed one may come back with
 * the keys it had. When the removed key is everybody's primary one nobody is in danger, for all will refuse.
 */
export function lockedOutBy(facts: RemovalFacts): Map<string, string> {
  const { members, listings } = facts;
  const faults = new Map<string, string>();
  for (const { name, status } of members) {
    if (listings.has(name)) continue;
    if (status === 'alive') faults.set(name, 'did not answer, so its keys are unknown');
    if (status === 'failed') faults.set(name, 'is failed, so its keys are unknown');
  }
  for (const [name, listing] of listings) {
    const fault = faultOf(listing, facts);
    if (fault !== undefined) faults.set(name, fault);
  }
  return faults;
}

/** The refusal in one line. */
export function lockOutText(faults: ReadonlyMap<string, string>): string {
  const names = [...faults.keys()].sort();
  const more = names.length > SHOWN_NAMES ? ` and ${names.length - SHOWN_NAMES} more` : '';
  const who = `${names.slice(0, SHOWN_NAMES).join(', ')}${more}`;
  return (
    `key not removed: ${who} could be locked out, not having confirmed the primary key; ` +
    'install and use it again, force-leave members that are gone, or override with -force'
  );
}

function faultOf(listing: KeyResponseMessage, { removed, primary }: RemovalFacts): string | undefined {
  if (!listing.result) return listing.message === '' ? 'cannot list its keys' : listing.message;
  const own = listing.primaryKey === '' ? listing.keys[0] : listing.primaryKey;
  if (own !== primary && !listing.keys.includes(primary)) {
    return listing.message === '' ? 'lacks the primary key' : `may lack the primary key: ${listing.message}`;
  }
  if (removed === primary) return own === removed ? undefined : 'encrypts with another key';
  return own === removed ? 'still encrypts with the key to be removed' : undefined;
}
