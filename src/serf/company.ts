import type { Millis } from '../base/machine.ts';
import type { SwimPort } from './swim-port.ts';

/** What this node can tell of the others before it calls any of them failed. */
export interface Company {
  /** When anything was last heard from another node; undefined before that. */
  readonly heardAt: Millis | undefined;
  /** Live members that are suspected of having failed. */
  readonly suspects: ReadonlySet<string>;
}

export function companyOf({ members, self }: Pick<SwimPort, 'members' | 'self'>): Company {
  const suspects = new Set<string>();
  for (const { facts, status } of members.values()) if (status === 'suspect') suspects.add(facts.name);
  suspects.delete(self.facts.name);
  return { heardAt: members.heardAt, suspects };
}
