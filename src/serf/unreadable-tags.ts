import type { Counters } from '../base/counters.ts';
import type { Trace } from '../base/trace.ts';
import type { MemberFacts } from '../swim/delegate.ts';
import { decodeTags } from './tags.ts';

/** Tags that cannot be read are the member's fault, and its operator's to hear of: they are counted and logged. */
export function noteUnreadableTags(
  facts: MemberFacts,
  told: { readonly counters: Counters; readonly trace: Trace | undefined },
): void {
  decodeTags(facts.meta, (why) => {
    told.counters.add('drop:tags');
    told.trace?.note({
      level: 'ERR',
      source: 'serf',
      message: 'Failed to decode tags',
      text: `Failed to decode tags: ${why}`,
      fields: { member: facts.name },
    });
  });
}
