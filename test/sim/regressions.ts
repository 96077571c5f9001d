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
    scenario: {
      seed: 1305,
      size: 6,
      profile: 'local',
      encrypted: false,
      protocols: [5],
      maxQueueDepth: 8,
      chaosMs: 56288,
      steps: [
        { at: 1650, action: { type: 'pause', node: 'n1', forMs: 4000 } },
        { at: 5986, action: { type: 'pause', node: 'n2', forMs: 44656 } },
        { at: 11027, action: { type: 'tags', node: 'n5', tags: { role: 'r1', note: 'xxxxxxxxxxxxxxxxxx' } } },
        {
          at: 15279,
          action: {
            type: 'weather',
            weather: { loss: 0.25219339936728297, tailMs: 6.747855930759991, duplicate: 0.06795773617179471 },
            forMs: 20874,
          },
        },
        { at: 21371, action: { type: 'leave', node: 'n1', returnAfterMs: 8261 } },
        {
          at: 28568,
          action: { type: 'partition', kind: 'separate', nodes: ['n5', 'n2', 'n4'], forMs: 7373 },
        },
        {
          at: 33448,
          action: {
            type: 'tags',
            node: 'n4',
            tags: {
              role: 'r1',
              note: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
            },
          },
        },
        { at: 35214, action: { type: 'leave', node: 'n5', returnAfterMs: 7675 } },
        {
          at: 35724,
          action: {
            type: 'crash',
            node: 'n6',
            disk: 'kept',
            powerLoss: true,
            restartAfterMs: 8174,
            newAddress: false,
          },
        },
        { at: 40000, action: { type: 'pause', node: 'n1', forMs: 11121 } },
        { at: 41176, action: { type: 'pause', node: 'n1', forMs: 4000 } },
        { at: 47693, action: { type: 'clog', from: 'n2', to: 'n5', forMs: 1497 } },
      ],
      finale: [],
    },
  },
  {
    what: 'of two members the other one, alive and declared gone, never heard of it and was leaving for ever',
    scenario: {
      seed: 33,
      size: 2,
      profile: 'local',
      encrypted: true,
      protocols: [5],
      maxQueueDepth: 4096,
      chaosMs: 86703,
      steps: [
        {
          at: 19019,
          action: {
            type: 'tags',
            node: 'n2',
            tags: { role: 'r1', note: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' },
          },
        },
        { at: 35298, action: { type: 'weather', weather: { tailMs: 150.69840240519994 }, forMs: 28342 } },
        { at: 62091, action: { type: 'clock-step', node: 'n2', ms: 20594 } },
        { at: 63677, action: { type: 'leave', node: 'n2', returnAfterMs: 6885, newAddress: true } },
      ],
      finale: ['slander', 'restart'],
    },
  },
  {
    what: 'a live member declared gone, whom gossip of it missed, was leaving for ever',
    scenario: {
      seed: 40,
      size: 6,
      profile: 'local',
      encrypted: false,
      protocols: [5],
      maxQueueDepth: 8,
      chaosMs: 87248,
      steps: [
        { at: 278, action: { type: 'partition', kind: 'separate', nodes: ['n3'], forMs: 55662 } },
        {
          at: 12759,
          action: {
            type: 'crash',
            node: 'n3',
            disk: 'kept',
            powerLoss: false,
            newAddress: false,
            restartAfterMs: 13519,
          },
        },
        { at: 23380, action: { type: 'user-event', node: 'n5', count: 1, bytes: 138 } },
        { at: 26050, action: { type: 'pause', node: 'n5', forMs: 4000 } },
        { at: 44873, action: { type: 'query', node: 'n3', only: [], relayFactor: 1 } },
        { at: 54390, action: { type: 'query', node: 'n2', only: [], relayFactor: 0 } },
      ],
      finale: ['move', 'slander', 'events'],
    },
  },
  {
    what: 'the same, where its own word bore the same time as the one against it',
    scenario: {
      seed: 1528,
      size: 7,
      profile: 'local',
      encrypted: false,
      protocols: [5],
      maxQueueDepth: 4096,
      chaosMs: 85502,
      steps: [
        {
          at: 15050,
          action: {
            type: 'crash',
            node: 'n4',
            disk: 'torn',
            powerLoss: false,
            newAddress: false,
            restartAfterMs: 11067,
          },
        },
        { at: 20103, action: { type: 'pause', node: 'n5', forMs: 4000 } },
        { at: 48903, action: { type: 'clog', from: 'n3', to: 'n4', forMs: 20000 } },
        {
          at: 59720,
          action: {
            type: 'weather',
            weather: { streamCut: 0.2566814569286571, streamLatencyMs: 849.6458455862401 },
            forMs: 24487,
          },
        },
        { at: 63937, action: { type: 'pause', node: 'n6', forMs: 12937 } },
        { at: 67625, action: { type: 'arrive', node: 'n8' } },
        { at: 69721, action: { type: 'query', node: 'n1', only: ['n6', 'n7', 'n8'], relayFactor: 0 } },
        {
          at: 70997,
          action: {
            type: 'weather',
            weather: {
              loss: 0.31804011007725685,
              tailMs: 156.79578041790728,
              jitterMs: 79.95301240573349,
              duplicate: 0.2291193583151459,
              streamCut: 0.051586978406945684,
              streamHalfOpen: 0.09036137449627174,
            },
            forMs: 9706,
          },
        },
      ],
      finale: ['leave', 'slander'],
    },
  },
  {
    what: 'a node that lost a vote over its name in the calm was asked for its members while it was down',
    scenario: {
      seed: 3397,
      size: 2,
      profile: 'lan',
      encrypted: false,
      protocols: [5],
      maxQueueDepth: 4096,
      chaosMs: 93528,
      steps: [
        {
          at: 7270,
          action: {
            type: 'crash',
            node: 'n1',
            disk: 'lost',
            powerLoss: false,
            newAddress: false,
            restartAfterMs: 22333,
          },
        },
        { at: 23562, action: { type: 'arrive', node: 'n3' } },
        {
          at: 26048,
          action: {
            type: 'crash',
            node: 'n3',
            disk: 'lost',
            powerLoss: false,
            newAddress: true,
            restartAfterMs: 62480,
          },
        },
        { at: 26048, action: { type: 'pause', node: 'n2', forMs: 64980 } },
        { at: 31701, action: { type: 'query', node: 'n3', only: ['n2'], relayFactor: 2 } },
        { at: 42850, action: { type: 'clock-rate', node: 'n2', rate: 1.1939858312898075, forMs: 45370 } },
        { at: 47183, action: { type: 'clock-step', node: 'n1', ms: 14879 } },
        {
          at: 63918,
          action: {
            type: 'crash',
            node: 'n1',
            disk: 'kept',
            powerLoss: false,
            newAddress: false,
            restartAfterMs: 14333,
          },
        },
        { at: 67578, action: { type: 'clock-rate', node: 'n3', rate: 0.8722265003783479, forMs: 10545 } },
        { at: 75698, action: { type: 'pause', node: 'n2', forMs: 5394 } },
        {
          at: 75793,
          action: {
            type: 'weather',
            weather: {
              loss: 0.030278005267727035,
              tailMs: 34.46830590444454,
              duplicate: 0.07935944984989068,
              streamHalfOpen: 0.1498228286329495,
            },
            forMs: 8280,
          },
        },
      ],
      finale: ['move'],
    },
  },
  {
    what: 'the disk was asked for events that came within the last half second',
    scenario: {
      seed: 5669,
      size: 7,
      profile: 'lan',
      encrypted: true,
      protocols: [5],
      maxQueueDepth: 4096,
      chaosMs: 58468,
      steps: [
        {
          at: 3487,
          action: {
            type: 'weather',
            weather: {
              loss: 0.28425282850354033,
              tailMs: 74.52427238983351,
              duplicate: 0.12395413665757818,
              mtuBytes: 869,
              streamLatencyMs: 585.2814112273126,
            },
            forMs: 45520,
          },
        },
        { at: 7137, action: { type: 'arrive', node: 'n8' } },
        { at: 13823, action: { type: 'leave', node: 'n5' } },
        { at: 19525, action: { type: 'partition', kind: 'mute', nodes: ['n4'], forMs: 17009 } },
        { at: 20617, action: { type: 'clock-rate', node: 'n5', rate: 0, forMs: 15000 } },
        { at: 36747, action: { type: 'query', node: 'n4', only: ['n2'], relayFactor: 0 } },
        {
          at: 39783,
          action: { type: 'partition', kind: 'separate', nodes: ['n5', 'n1', 'n4', 'n8'], forMs: 18549 },
        },
        { at: 47394, action: { type: 'clock-rate', node: 'n1', rate: 1.118857582857445, forMs: 7444 } },
        { at: 50576, action: { type: 'query', node: 'n8', only: [], relayFactor: 1 } },
        { at: 51179, action: { type: 'partition', kind: 'separate', nodes: ['n2'], forMs: 3337 } },
        { at: 52352, action: { type: 'user-event', node: 'n3', count: 14, bytes: 150 } },
      ],
      finale: ['leave'],
    },
  },
  {
    what: 'an asker that was stopped over the deadline of its query took the answers that waited in its sockets',
    scenario: {
      seed: 23868,
      size: 1,
      profile: 'local',
      encrypted: false,
      protocols: [5],
      maxQueueDepth: 4096,
      chaosMs: 27937,
      steps: [
        { at: 5955, action: { type: 'weather', weather: { jitterMs: 116.8603272983019 }, forMs: 2871 } },
        { at: 7915, action: { type: 'query', node: 'n1', only: ['n1', 'n2', 'n3'], relayFactor: 1 } },
        { at: 7937, action: { type: 'pause', node: 'n1', forMs: 2000 } },
      ],
      finale: [],
    },
  },
  {
    what: 'a join that ended after a leave had begun took the leave back: its time was later',
    scenario: {
      seed: 39612,
      size: 4,
      profile: 'lan',
      encrypted: false,
      protocols: [5, 2, 5],
      maxQueueDepth: 4096,
      chaosMs: 40853,
      steps: [
        {
          at: 19970,
          action: {
            type: 'crash',
            node: 'n1',
            disk: 'lost',
            powerLoss: false,
            newAddress: false,
            restartAfterMs: 4889,
          },
        },
        { at: 20804, action: { type: 'clog', from: 'n1', to: 'n4', forMs: 18445 } },
        { at: 32931, action: { type: 'partition', kind: 'separate', nodes: ['n2'], forMs: 6373 } },
      ],
      finale: ['leave'],
    },
  },
];
