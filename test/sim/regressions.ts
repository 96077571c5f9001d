import { scenarioOf } from '../../src/sim/campaign/generate.ts';
import type { Scenario } from '../../src/sim/campaign/scenario.ts';

/** A fault that a campaign found, as small as it got, and what was wrong. */
export interface Regression {
  readonly what: string;
  readonly scenario: Scenario;
}

/** Runs that broke a rule once and must not again. The seed is the one that found the fault. */
export const REGRESSIONS: readonly Regression[] = [
  {
    what: 'a peer that missed the return of a member lists it as left, and made it leaving for ever elsewhere',
    scenario: {
      seed: 121,
      size: 7,
      profile: 'local',
      encrypted: false,
      protocols: [5],
      maxQueueDepth: 4096,
      chaosMs: 78_173,
      steps: [
        { at: 34_320, action: { type: 'partition', kind: 'separate', nodes: ['n7'], forMs: 1_981 } },
        { at: 58_173, action: { type: 'leave', node: 'n5', returnAfterMs: 9_760 } },
      ],
      finale: [],
    },
  },
  {
    what: 'the same, where the return was announced with the very time that the list makes of it',
    scenario: {
      seed: 433,
      size: 9,
      profile: 'local',
      encrypted: false,
      protocols: [5],
      maxQueueDepth: 4096,
      chaosMs: 37_785,
      steps: [
        { at: 425, action: { type: 'clock-step', node: 'n4', ms: 17_902 } },
        { at: 14_776, action: { type: 'clock-rate', node: 'n4', rate: 1.1093516973383246, forMs: 11_974 } },
        { at: 17_785, action: { type: 'leave', node: 'n5', returnAfterMs: 4_736 } },
      ],
      finale: [],
    },
  },
  {
    what: 'the same, where the list of those that left came before the member itself was met again',
    scenario: {
      seed: 544,
      size: 6,
      profile: 'lan',
      encrypted: false,
      protocols: [5],
      maxQueueDepth: 4096,
      chaosMs: 84_446,
      steps: [
        { at: 12_759, action: { type: 'leave', node: 'n6', returnAfterMs: 36_931 } },
        { at: 21_524, action: { type: 'partition', kind: 'separate', nodes: ['n6', 'n2'], forMs: 63_876 } },
        {
          at: 64_446,
          action: {
            type: 'crash',
            node: 'n5',
            disk: 'kept',
            powerLoss: false,
            restartAfterMs: 19_142,
            newAddress: false,
          },
        },
      ],
      finale: [],
    },
  },
  {
    what: 'the same, where the member was under suspicion when the list came',
    scenario: scenarioOf(1305),
  },
];
