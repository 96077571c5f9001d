import type { MemberFacts } from '../swim/delegate.ts';
import { nodeNameFault, type SerfConfig, TAGS_SIZE_LIMIT } from './config.ts';
import { memberInfo } from './members.ts';
import { decodeTags } from './tags.ts';

/**
 * Why the host's merge hook, or the checks that run before it, refuse these members; undefined lets them in. Without
 * a hook nothing is checked (serf.md 14).
 */
export function admissionFault(
  config: Pick<SerfConfig, 'admit' | 'validateNodeNames'>,
  members: readonly MemberFacts[],
  merging: boolean,
): string | undefined {
  if (config.admit === undefined) return undefined;
  for (const facts of members) {
    const fault = factsFault(facts, config.validateNodeNames);
    if (fault !== undefined) return fault;
  }
  const infos = members.map((facts) => memberInfo(facts, decodeTags(facts.meta), 'none'));
  return config.admit(infos, merging);
}

function factsFault(facts: MemberFacts, validateName: boolean): string | undefined {
  const nameFault = validateName ? nodeNameFault(facts.name) : undefined;
  if (nameFault !== undefined) return nameFault;
  const { length } = facts.addr;
  if (length !== 4 && length !== 16)
    return `IP byte length is invalid: ${length} bytes is not either 4 or 16`;
  if (facts.meta.length > TAGS_SIZE_LIMIT) {
    return `Encoded length of tags exceeds limit of ${TAGS_SIZE_LIMIT} bytes`;
  }
  return undefined;
}
