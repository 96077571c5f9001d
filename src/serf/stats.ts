import type { Load } from '../base/load.ts';
import type { SerfClocks } from './lamport.ts';
import type { SerfMemberView } from './members.ts';
import type { SerfParts } from './parts.ts';
import type { SerfQueues } from './queues.ts';
import type { SwimPort } from './swim-port.ts';

/** What statistics are read from. */
export interface StatsSources {
  readonly membership: { readonly members: SerfMemberView };
  readonly clocks: SerfClocks;
  readonly queues: SerfQueues;
  /** Resets are undefined when coordinates are disabled. */
  readonly coordinates: { readonly resets: number | undefined };
}

/** Serf's statistics, all as decimal text (serf.md 18). */
export function serfStats(
  { membership, clocks, queues, coordinates }: StatsSources,
  swim: Pick<SwimPort, 'healthScore' | 'encrypted'>,
): Map<string, string> {
  const { members } = membership;
  const { resets } = coordinates;
  return new Map([
    ['members', String(members.size)],
    ['failed', String(members.failed.size)],
    ['left', String(members.left.size)],
    ['health_score', String(swim.healthScore)],
    ['member_time', String(clocks.member.time)],
    ['event_time', String(clocks.event.time)],
    ['query_time', String(clocks.query.time)],
    ['intent_queue', String(queues.intents.size)],
    ['event_queue', String(queues.events.size)],
    ['query_queue', String(queues.queries.size)],
    ['encrypted', String(swim.encrypted)],
    ...(resets === undefined ? [] : [['coordinate_resets', String(resets)] as const]),
  ]);
}

/** How full every queue and table of both layers is. */
export function serfLoads(parts: SerfParts, swim: Pick<SwimPort, 'loads'>): Load[] {
  const { queues, membership, asking, queries, joins, keyManager, lost, claims } = parts;
  const own = [asking, queries, joins, keyManager, lost, claims].map(({ load }) => load);
  return [...queues.loads(membership.members.size), ...own, ...swim.loads()];
}
