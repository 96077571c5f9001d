import type { Random } from '../base/random.ts';
import type { SerfMember, SerfMemberView } from './members.ts';

/**
 * Picks the failed member to try again (serf.md 8.5). The chance of trying grows with the share of failed members, so
 * that a big cluster as a whole tries each about once an interval. `throttled` says that chance decided against it.
 */
export function chooseReconnect(
  members: SerfMemberView,
  random: Random,
): SerfMember | 'throttled' | undefined {
  const { failed, left, size } = members;
  if (failed.size === 0) return undefined;
  const present = Math.max(1, size - failed.size - left.size);
  if (random.float() > failed.size / present) return 'throttled';
  const chosen = random.below(failed.size);
  let index = 0;
  for (const member of failed) {
    if (index === chosen) return member;
    index += 1;
  }
  return undefined;
}
