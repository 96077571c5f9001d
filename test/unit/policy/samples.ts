import type { MemberInfo, MemberStatus } from '../../../src/events/event.ts';
import { DEFAULT_GUARDS, DEFAULT_RETRY, type GuardConfig } from '../../../src/policy/config.ts';
import type { ClusterFacts, GovernorOptions } from '../../../src/policy/governance.ts';
import { Governor } from '../../../src/policy/governor.ts';
import { ALIVE_ONLY } from '../../../src/policy/view.ts';

export function member(
  name: string,
  status: MemberStatus = 'alive',
  tags: Record<string, string> = {},
  addr: readonly number[] = [10, 0, 0, 1],
): MemberInfo {
  return {
    name,
    addr: Uint8Array.from(addr),
    port: 7946,
    tags: new Map(Object.entries(tags)),
    status,
    protocolMin: 1,
    protocolMax: 5,
    protocolCur: 2,
    delegateMin: 2,
    delegateMax: 5,
    delegateCur: 4,
  };
}

/** Members written as `a b -c =d`: alive, alive, failed, left. */
export function members(text: string): MemberInfo[] {
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      if (word.startsWith('-')) return member(word.slice(1), 'failed');
      return word.startsWith('=') ? member(word.slice(1), 'left') : member(word);
    });
}

export function facts(text: string, more: Partial<ClusterFacts> = {}): ClusterFacts {
  return {
    members: members(text),
    exchanges: 1,
    nobodyToJoin: false,
    suspects: new Set(),
    silent: false,
    ...more,
  };
}

/** A governor of node `me` that started at 0, without debounce, splay or resync unless they are given. */
export function governor(
  options: Partial<GovernorOptions> = {},
  guards: Partial<GuardConfig> = {},
): Governor {
  return new Governor(0, {
    self: 'me',
    name: 'lb',
    filter: ALIVE_ONLY,
    guards: { ...DEFAULT_GUARDS, ...guards },
    wait: { minMs: 0, maxMs: 0 },
    splayMs: 0,
    resyncMs: 0,
    retry: DEFAULT_RETRY,
    ...options,
  });
}

/** Observes and ticks; carries an action out with success. Returns the names acted on, or undefined. */
export function step(
  governor: Governor,
  now: number,
  seen: ClusterFacts,
  ok = true,
): readonly string[] | undefined {
  governor.observe(now, seen);
  const action = governor.tick(now);
  if (action === undefined) return undefined;
  governor.settled(now, ok);
  return action.view.members.map(({ name }) => name);
}
