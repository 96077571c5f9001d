import type { AliveClaim } from './claims.ts';
import type { SwimDelegate } from './delegate.ts';
import type { MemberView } from './members.ts';
import { MAX_PUSH_PULL_NODES } from './messages.ts';
import { isNonsenseVersion, VERSION_BYTES } from './versions.ts';

/** Longest name taken from a peer; a longer one could not be pinged, as its messages outgrow a datagram. */
const MAX_NAME_LENGTH = 1024;
/** Members we remember; peers refuse a push/pull that lists more. */
const MAX_MEMBERS = MAX_PUSH_PULL_NODES;

/** What an alive claim is held against before it is judged. */
export interface AdmissionParts {
  readonly members: MemberView;
  readonly delegate: Pick<SwimDelegate, 'admit'>;
  readonly allows: (addr: Uint8Array) => boolean;
}

/**
 * Why an alive claim is not even judged, as a counter's name: rows 2–5 and 7a of memberlist.md 3.2, and names and
 * addresses nobody could use. Versions of fewer than six bytes are always refused, as they crash older peers.
 */
export function refusalOf(
  claim: AliveClaim,
  { members, delegate, allows }: AdmissionParts,
): string | undefined {
  const { facts } = claim;
  if (isNonsenseVersion(facts.vsn)) return 'alive-version';
  if (facts.vsn.length < VERSION_BYTES) return 'alive-short-version';
  if (facts.name === '') return 'alive-nameless';
  if (facts.name.length > MAX_NAME_LENGTH) return 'alive-name-too-long';
  if (facts.address.ip === '') return 'alive-address';
  if (delegate.admit([facts], false) !== undefined) return 'alive-not-admitted';
  const known = members.get(facts.name);
  if (known === undefined && members.size >= MAX_MEMBERS) return 'alive-too-many';
  const newAddress = known === undefined || known.facts.address.ip !== facts.address.ip;
  return newAddress && !allows(facts.addr) ? 'alive-outside-cidr' : undefined;
}
