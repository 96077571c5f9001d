import { equalBytes } from '../base/bytes.ts';
import type { Millis } from '../base/machine.ts';
import type { Accusation, AliveClaim } from './claims.ts';
import type { SwimMember, SwimStatus } from './delegate.ts';

/** What a claim means given what we know. The decision tables of memberlist.md 3.2–3.4, and nothing else. */
export type Verdict =
  | { readonly type: 'ignore'; readonly why: 'stale' | 'unknown' | 'already-known' | 'leaving' | 'echo' }
  /** Two addresses claim one name; the first keeps it. */
  | { readonly type: 'conflict' }
  /** One more accuser of a member already suspected. */
  | { readonly type: 'confirm' }
  /** A false claim about ourselves: answer with an incarnation above `above`. */
  | { readonly type: 'refute'; readonly above: number }
  | { readonly type: 'adopt'; readonly status: SwimStatus };

/** Who judges. */
export interface Judge {
  readonly name: string;
  /** We have begun to leave: we no longer contradict what is said of us. */
  readonly leaving: boolean;
  /** Age after which a dead name may move to another address; 0 for never. */
  readonly reclaimMs: Millis;
}

const STALE = { type: 'ignore', why: 'stale' } as const;
const UNKNOWN = { type: 'ignore', why: 'unknown' } as const;
const ALREADY_KNOWN = { type: 'ignore', why: 'already-known' } as const;
const LEAVING = { type: 'ignore', why: 'leaving' } as const;
const ECHO = { type: 'ignore', why: 'echo' } as const;

/**
 * Judges an alive claim whose versions, admission and address rules have passed (memberlist.md 3.2 rows 1 and 6–13).
 * `known` undefined stands for the fresh dead record at incarnation 0 that row 6 creates.
 */
export function judgeAlive(
  claim: AliveClaim,
  known: SwimMember | undefined,
  judge: Judge,
  now: Millis,
): Verdict {
  const { facts, incarnation } = claim;
  const isSelf = facts.name === judge.name;
  if (isSelf && judge.leaving) return LEAVING;
  if (known === undefined) return incarnation > 0 ? adopt('alive') : STALE;
  const moved = facts.port !== known.facts.port || !equalBytes(facts.addr, known.facts.addr);
  if (moved && !mayMove(known, judge, now)) return { type: 'conflict' };
  if (!isSelf && !moved && incarnation <= known.incarnation) return STALE;
  if (isSelf && incarnation < known.incarnation) return STALE;
  if (!isSelf || claim.bootstrap) return adopt('alive');
  const sameStory = equalBytes(facts.meta, known.facts.meta) && equalBytes(facts.vsn, known.facts.vsn);
  if (incarnation === known.incarnation && sameStory) return ECHO;
  return { type: 'refute', above: incarnation };
}

/** Judges a suspect claim (memberlist.md 3.3). `suspected`: a suspicion timer runs for the member. */
export function judgeSuspect(
  claim: Accusation,
  known: SwimMember | undefined,
  judge: Judge,
  suspected: boolean,
): Verdict {
  if (known === undefined) return UNKNOWN;
  if (claim.incarnation < known.incarnation) return STALE;
  if (suspected) return { type: 'confirm' };
  if (known.status !== 'alive') return ALREADY_KNOWN;
  if (claim.name === judge.name) return { type: 'refute', above: claim.incarnation };
  return adopt('suspect');
}

/** Judges a dead claim; a member that declares its own death has left (memberlist.md 3.4). */
export function judgeDead(claim: Accusation, known: SwimMember | undefined, judge: Judge): Verdict {
  if (known === undefined) return UNKNOWN;
  if (claim.incarnation < known.incarnation) return STALE;
  if (known.status === 'dead' || known.status === 'left') return ALREADY_KNOWN;
  if (claim.name === judge.name && !judge.leaving) return { type: 'refute', above: claim.incarnation };
  return adopt(claim.name === claim.from ? 'left' : 'dead');
}

/** A name moves to a new address once its old owner left, or has been dead for long enough (3.2 row 7b). */
function mayMove(known: SwimMember, judge: Judge, now: Millis): boolean {
  if (known.status === 'left') return true;
  return known.status === 'dead' && judge.reclaimMs > 0 && now - known.since > judge.reclaimMs;
}

function adopt(status: SwimStatus): Verdict {
  return { type: 'adopt', status };
}
