import type { SwimProfile } from '../../swim/config.ts';
import { countOf, mistake, objectOf, timeOf } from './fields.ts';

const INTERVAL_LEAST_MS = 1;

function interval(value: unknown, place: string): number {
  const ms = timeOf(value, place);
  return ms >= INTERVAL_LEAST_MS ? ms : mistake(place, 'must be at least 1ms');
}

const upTo =
  (most: number) =>
  (value: unknown, place: string): number =>
    countOf(value, place, 1, most);

/** memberlist's timings by their names in scenario files. */
const KEYS = {
  probe_interval: ['probeIntervalMs', interval],
  probe_timeout: ['probeTimeoutMs', interval],
  indirect_checks: ['indirectChecks', (value: unknown, place: string) => countOf(value, place, 0, 100)],
  suspicion_mult: ['suspicionMult', upTo(100)],
  suspicion_max_timeout_mult: ['suspicionMaxTimeoutMult', upTo(100)],
  awareness_max_multiplier: ['awarenessMaxMultiplier', upTo(100)],
  gossip_interval: ['gossipIntervalMs', interval],
  gossip_nodes: ['gossipNodes', upTo(100)],
  retransmit_mult: ['retransmitMult', upTo(100)],
  gossip_to_the_dead_time: ['gossipToTheDeadTimeMs', timeOf],
  push_pull_interval: ['pushPullIntervalMs', interval],
  tcp_timeout: ['tcpTimeoutMs', interval],
} as const satisfies Record<string, readonly [keyof SwimProfile, (value: unknown, place: string) => number]>;

/** Reads `{"probe_interval": "500ms"}`: timings that differ from the profile's. */
export function readTimings(value: unknown, place: string): Partial<SwimProfile> {
  const object = objectOf(value, place, Object.keys(KEYS));
  return Object.fromEntries(
    Object.entries(KEYS).flatMap(([key, [name, read]]) =>
      object[key] === undefined ? [] : [[name, read(object[key], `${place}.${key}`)]],
    ),
  );
}
