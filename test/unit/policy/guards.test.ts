import { describe, expect, it } from 'vitest';
import type { ClusterSize } from '../../../src/policy/cluster-memory.ts';
import { DEFAULT_GUARDS, type GuardConfig } from '../../../src/policy/config.ts';
import { type GuardFacts, holdsOf } from '../../../src/policy/guards.ts';
import { allowedOf, amountText } from '../../../src/policy/removals.ts';

/** A cluster of which nothing else is known. */
function size(alive: number, largest: number, more: Partial<ClusterSize> = {}): ClusterSize {
  return { alive, largest, suspected: 0, failed: 0, silent: false, ...more };
}

const CALM: GuardFacts = {
  now: 60_000,
  startedAt: 0,
  synced: true,
  nobodyToJoin: false,
  cluster: size(10, 10),
  size: 10,
  hasContent: true,
  appliedSize: 10,
  removedNow: 0,
  suspected: 0,
  removedLately: 0,
};

type Row = readonly [title: string, config: Partial<GuardConfig>, facts: Partial<GuardFacts>, held: string];

const ROWS: readonly Row[] = [
  ['nothing holds a calm cluster back', { minMembers: 10, requireQuorum: 1, holdWhenIsolated: true }, {}, ''],
  ['no view counts before a push/pull', {}, { synced: false }, 'settle'],
  ['a node that nobody could be joined by needs none', {}, { synced: false, nobodyToJoin: true }, ''],
  ['nor does one that has waited long enough', { settleMs: 60_000 }, { synced: false }, ''],
  ['one that has not waited long enough does', { settleMs: 60_001 }, { synced: false }, 'settle'],
  ['an empty view does not replace content', {}, { size: 0 }, 'allow_empty'],
  ['it may where there is none', {}, { size: 0, hasContent: false }, ''],
  ['it may where it is allowed', { allowEmpty: true }, { size: 0 }, ''],
  ['fewer members than needed hold', { minMembers: 11 }, {}, 'min_members'],
  ['as many removals as allowed pass', { maxRemoved: { count: 2 } }, { removedNow: 2 }, ''],
  ['one more holds', { maxRemoved: { count: 2 } }, { removedNow: 3 }, 'max_removed'],
  [
    'those of the window count too',
    { maxRemoved: { count: 2 } },
    { removedNow: 1, removedLately: 2 },
    'max_removed',
  ],
  ['but never hold what removes nobody', { maxRemoved: { count: 0 } }, { removedLately: 9 }, ''],
  [
    'a share is of the members before the window',
    { maxRemoved: { share: 0.5 } },
    { appliedSize: 6, removedNow: 1, removedLately: 4 },
    '',
  ],
  [
    'and holds beyond',
    { maxRemoved: { share: 0.5 } },
    { appliedSize: 6, removedNow: 2, removedLately: 4 },
    'max_removed',
  ],
  ['half of ten are enough for a quorum of a half', { requireQuorum: 0.5 }, { cluster: size(5, 10) }, ''],
  ['fewer are not', { requireQuorum: 0.5 }, { cluster: size(4, 10) }, 'require_quorum'],
  ['half of nine are five', { requireQuorum: 0.5 }, { cluster: size(4, 9) }, 'require_quorum'],
  [
    'a node alone holds where it should not be',
    { holdWhenIsolated: true },
    { cluster: size(1, 3) },
    'hold_when_isolated',
  ],
  [
    'also when it never saw anybody but could have',
    { holdWhenIsolated: true },
    { cluster: size(1, 1) },
    'hold_when_isolated',
  ],
  [
    'not when there was nobody ever',
    { holdWhenIsolated: true },
    { cluster: size(1, 1), nobodyToJoin: true },
    '',
  ],
  [
    'also when those it saw have all failed, however long ago',
    { holdWhenIsolated: true },
    { cluster: size(1, 1, { failed: 3 }), nobodyToJoin: true },
    'hold_when_isolated',
  ],
  [
    'nobody heard is a node alone, whoever still counts as alive',
    { holdWhenIsolated: true, requireQuorum: 0.5 },
    { cluster: size(10, 10, { silent: true }) },
    'require_quorum hold_when_isolated',
  ],
  [
    'so is one by which all others are suspected',
    { holdWhenIsolated: true },
    { cluster: size(3, 10, { suspected: 2 }) },
    'hold_when_isolated',
  ],
  [
    'one that is not suspected is company',
    { holdWhenIsolated: true },
    { cluster: size(3, 10, { suspected: 1 }) },
    '',
  ],
  [
    'suspected members make no quorum',
    { requireQuorum: 0.5 },
    { cluster: size(9, 10, { suspected: 5 }) },
    'require_quorum',
  ],
  [
    'those suspected count as removed once somebody is',
    { maxRemoved: { count: 2 } },
    { removedNow: 1, suspected: 2 },
    'max_removed',
  ],
  ['and hold nothing by themselves', { maxRemoved: { count: 2 } }, { suspected: 9 }, ''],
  [
    'every guard that holds is named',
    { minMembers: 1 },
    { synced: false, size: 0 },
    'settle allow_empty min_members',
  ],
];

describe('guards', () => {
  it.each(ROWS)('%s', (_title, config, facts, held) => {
    const holds = holdsOf({ ...DEFAULT_GUARDS, ...config }, { ...CALM, ...facts });
    expect(holds.map(({ guard }) => guard).join(' ')).toBe(held);
  });

  it('say what they saw and what they need', () => {
    const config: GuardConfig = { ...DEFAULT_GUARDS, maxRemoved: { share: 0.25 }, minMembers: 2 };
    const holds = holdsOf(config, { ...CALM, size: 1, appliedSize: 3, removedNow: 2, removedLately: 1 });
    expect(holds.map(({ text }) => text)).toEqual([
      '1 member in view, at least 2 are needed',
      '3 of 4 members would be gone, 1 of them a little earlier, at most 25% may',
    ]);
    const cluster = size(9, 10, { suspected: 5 });
    const doubtful = { ...CALM, cluster, removedNow: 1, suspected: 2 };
    const more = holdsOf({ ...config, minMembers: 0, requireQuorum: 0.5 }, doubtful);
    expect(more.map(({ text }) => text)).toEqual([
      '3 of 10 members would be gone, 2 of them only suspected so far, at most 25% may',
      '4 of the 10 members lately seen are alive, 5 more are suspected, 5 are needed',
    ]);
  });
});

describe('an amount', () => {
  it.each([
    [{ count: 3 }, 100, 3, '3'],
    [{ share: 0.25 }, 10, 2, '25%'],
    [{ share: 0.29 }, 100, 29, '29%'],
    [{ share: 1 }, 7, 7, '100%'],
    [{ share: 0.005 }, 1000, 5, '0.5%'],
  ] as const)('%j of %d allows %d and reads %s', (amount, total, allowed, text) => {
    expect([allowedOf(amount, total), amountText(amount)]).toEqual([allowed, text]);
  });
});
