import type { NodeSettings } from '../settings.ts';
import { keyOf } from './keys.ts';
import type { Scenario } from './scenario.ts';

/** Roles that nodes are dealt as tags. */
const ROLES = 3;

/** How the `index`-th node of a scenario, from 0, is configured. */
export function settingsOf(scenario: Scenario, index: number): NodeSettings {
  const { profile, protocols, encrypted, seed, maxQueueDepth } = scenario;
  return {
    profile,
    protocolVersion: protocols[index % protocols.length] ?? 5,
    tags: { role: `r${index % ROLES}` },
    serf: { maxQueueDepth },
    ...(encrypted ? { keys: [keyOf(seed, 0).bytes] } : {}),
  };
}
