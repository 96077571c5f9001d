import type { Millis } from '../../base/machine.ts';
import type { SwimMember, SwimStatus } from '../../swim/delegate.ts';
import type { SimCluster } from '../cluster.ts';
import type { SimNode } from '../node.ts';
import type { Check, Complain } from './check.ts';

/** What one process knew of one member when last looked at. */
interface Known {
  readonly place: string;
  readonly incarnation: number;
  readonly status: SwimStatus;
  readonly since: Millis;
}

/** Forgotten records may come back lower; a record gone for this share of the time it is kept is not yet forgotten. */
const SURELY_KEPT = 0.5;

const isLive = (status: SwimStatus): boolean => status === 'alive' || status === 'suspect';

/**
 * A member's incarnation never falls, and what was suspect, dead or left becomes alive only with a higher one (SWIM §4.2).
 * A name that moved to another address begins anew, and so does one whose record was forgotten.
 */
export function incarnationsCheck(complain: Complain): Check {
  const known = new Map<SimNode, ReadonlyMap<string, Known>>();
  /** `last` is what was known at the look before, `now` what this one finds: who is not in it was forgotten. */
  const look = (
    node: SimNode,
    last: ReadonlyMap<string, Known> | undefined,
    now: Map<string, Known>,
    member: SwimMember,
  ): void => {
    const keptMs = node.config.swim.gossipToTheDeadTimeMs;
    const { name, address } = member.facts;
    const place = `${address.ip}:${address.port}`;
    const before = last?.get(name);
    const { incarnation, status, since } = member;
    now.set(name, { place, incarnation, status, since });
    if (before === undefined || before.place !== place) return;
    const mayBeNew =
      !isLive(before.status) && Math.max(since, before.since) - before.since > SURELY_KEPT * keptMs;
    if (mayBeNew) return;
    const told = `${node.name} on ${name}: ${before.status} ${before.incarnation} → ${status} ${incarnation}`;
    if (incarnation < before.incarnation) complain(`incarnation fell: ${told}`);
    else if (status === 'alive' && before.status !== 'alive' && incarnation === before.incarnation) {
      complain(`revived without a higher incarnation: ${told}`);
    }
  };
  return {
    started: (node) => void known.delete(node),
    poll(cluster: SimCluster) {
      for (const node of cluster.running) {
        const now = new Map<string, Known>();
        for (const member of node.swim.members.values()) look(node, known.get(node), now, member);
        known.set(node, now);
      }
    },
  };
}
