import { describe, expect, it } from 'vitest';
import { makePlan, type PlanWords } from '../../../../src/sim/rehearsal/make-plan.ts';
import { readScenario } from '../../../../src/sim/rehearsal/read-scenario.ts';
import { stepsOfWords } from '../../../../src/sim/rehearsal/words.ts';
import { PROFILES } from '../../../../src/swim/config.ts';

const NOTHING: PlanWords = {
  nodes: undefined,
  profile: undefined,
  seed: undefined,
  events: undefined,
  duration: undefined,
  weather: {
    loss: undefined,
    duplicate: undefined,
    corrupt: undefined,
    latency: undefined,
    jitter: undefined,
  },
  isEncrypted: false,
  faults: [],
};

describe('scenario files', () => {
  it.each([
    [{ node: 5 }, 'scenario: unknown key "node"; did you mean "nodes"?'],
    [{ nodes: 1 }, 'nodes: must be a whole number from 2 to 20000, not 1'],
    [{ nodes: 'many' }, 'nodes: must be a whole number from 2 to 20000, not "many"'],
    [{ profile: 'man' }, 'profile: must be one of lan, wan, local, not "man"'],
    [{ weather: { los: '5%' } }, 'weather: unknown key "los"; did you mean "loss"?'],
    [{ weather: { loss: '500%' } }, 'weather.loss: must be a share such as "5%" or 0.05, not "500%"'],
    [{ weather: { latency: 5 } }, 'weather.latency: must be a time such as "10s", not 5'],
    [
      { timings: { probe_intervall: '1s' } },
      'timings: unknown key "probe_intervall"; did you mean "probe_interval"?',
    ],
    [{ timings: { probe_interval: '0s' } }, 'timings.probe_interval: must be at least 1ms'],
    [{ steps: {} }, 'steps: must be a list in brackets, not {}'],
    [{ steps: [{ at: '1s', kil: 3 }] }, 'steps[0]: unknown key "kil"; did you mean "kill"?'],
    [{ steps: [{ at: '1s' }] }, 'steps[0]: must have exactly one of'],
    [{ steps: [{ at: '1s', kill: 1, leave: 1 }] }, 'not kill and leave'],
    [{ steps: [{ kill: 1 }] }, 'steps[0]: says not when'],
    [{ steps: [{ at: '1s', kill: 1, for: '1s' }] }, 'steps[0]: unknown key "for"'],
    [{ steps: [{ at: '1', kill: 1 }] }, 'steps[0].at: missing unit in duration "1"'],
    [{ steps: [{ at: '1s', kill: ['web1'] }] }, 'steps[0].kill[0]: "web1" is no node'],
    [{ steps: [{ at: '1s', kill: [] }] }, 'steps[0].kill: names nobody'],
    [
      { steps: [{ at: '1s', partition: '20%', direction: 'up' }] },
      'steps[0].direction: must be one of both, in, out',
    ],
    [{ steps: [{ at: '1s', heal: 'rack' }] }, 'steps[0].heal: there is no partition named "rack"; name one'],
    [
      {
        steps: [
          { at: '1s', partition: 1, name: 'rack' },
          { at: '2s', heal: 'rak' },
        ],
      },
      'steps[1].heal: there is no partition named "rak"; there are rack',
    ],
    [[], 'scenario: must be an object in braces, not []'],
    [null, 'scenario: must be an object in braces, not null'],
  ])('%j is refused in one line with its place', (value, message) => {
    expect(() => readScenario(value)).toThrow(message);
    expect(() => readScenario(value)).not.toThrow(/\n/);
  });

  it('every kind of step is read', () => {
    const { steps = [] } = readScenario({
      steps: [
        { at: '1s', kill: 3, power_loss: true, disk: 'torn' },
        { at: '2s', restart: 'n1' },
        { at: '3s', pause: '10%', for: '8s' },
        { at: '4s', resume: ['n1', 'n2'] },
        { at: '5s', partition: 2, name: 'rack', direction: 'out' },
        { at: '6s', heal: 'rack' },
        { at: '7s', heal: true },
        { at: '8s', weather: { mtu: 1200, stream_cut: 0.5 }, for: '1m' },
        { at: '9s', event: 4, size: 10, every: '5ms', from: 'n2' },
        { at: '10s', leave: 1 },
        { at: '11s', join: 2 },
      ],
    });
    expect(steps.map(({ at, action }) => [at / 1000, action])).toEqual([
      [1, { type: 'kill', who: { type: 'count', count: 3 }, powerLoss: true, disk: 'torn' }],
      [2, { type: 'restart', who: { type: 'names', names: ['n1'] } }],
      [3, { type: 'pause', who: { type: 'share', share: 0.1 }, forMs: 8_000 }],
      [4, { type: 'resume', who: { type: 'names', names: ['n1', 'n2'] } }],
      [5, { type: 'partition', who: { type: 'count', count: 2 }, name: 'rack', kind: 'out' }],
      [6, { type: 'heal', name: 'rack' }],
      [7, { type: 'heal' }],
      [8, { type: 'weather', weather: { mtuBytes: 1200, streamCut: 0.5 }, forMs: 60_000 }],
      [9, { type: 'event', count: 4, bytes: 10, everyMs: 5, from: 'n2' }],
      [10, { type: 'leave', who: { type: 'count', count: 1 } }],
      [11, { type: 'join', count: 2 }],
    ]);
  });
});

describe('faults as words', () => {
  it('one without a time waits until the one before is over and the cluster should be at rest', () => {
    const words = [
      { kind: 'kill', text: '3' },
      { kind: 'partition', text: '20%:60s' },
      { kind: 'leave', text: 'n4@5s' },
      { kind: 'pause', text: '2:10s' },
    ] as const;
    expect(stepsOfWords(words, PROFILES.lan, 100).map(({ at }) => at)).toEqual([
      10_000, 30_000, 5_000, 110_000,
    ]);
  });

  it.each([
    ['kill', '', 'is not WHO or WHO@AT'],
    ['kill', '3:10s', 'cannot last'],
    ['kill', 'x', 'must be a number of nodes, a share such as "20%" or a list of names, not "x"'],
    ['kill', '0', 'must be a whole number from 1 to'],
    ['kill', '3@soon', 'invalid duration "soon"'],
    ['kill', '0%', 'is about nobody'],
    ['partition', '20%', 'says not for how long'],
    ['partition', '120%:5s', 'must be a share'],
    ['pause', '3:10', 'missing unit in duration "10"'],
    ['join', '5%', 'must be a whole number from 1 to 20000, not "5%"'],
  ] as const)('-%s %j is refused', (kind, text, message) => {
    expect(() => stepsOfWords([{ kind, text }], PROFILES.lan, 10)).toThrow(message);
  });
});

describe('plans', () => {
  it('the command line goes before the file, the file before the configuration, and faults add up', () => {
    const file = readScenario({ nodes: 20, profile: 'wan', seed: 3, steps: [{ at: '20s', join: 1 }] });
    const own = { profile: 'local', settings: { swim: { enableCompression: false } } } as const;
    const plan = makePlan({ ...NOTHING, seed: '4', faults: [{ kind: 'kill', text: '1' }] }, file, own);
    expect([plan.nodes, plan.seed, plan.settings.profile]).toEqual([20, 4, 'wan']);
    expect(plan.settings.swim?.enableCompression).toBe(false);
    expect(plan.steps.map(({ action }) => action.type)).toEqual(['event', 'kill', 'join']);
    expect(makePlan(NOTHING, {}, own).settings.profile).toBe('local');
    expect(makePlan(NOTHING, {}, undefined).settings.profile).toBe('lan');
  });

  it('a step after the end is refused', () => {
    const faults = [{ kind: 'kill', text: '1' }] as const;
    expect(() => makePlan({ ...NOTHING, duration: '10s', faults }, {}, undefined)).toThrow(
      'kill at 10s: the rehearsal ends after 10s; give it a longer duration',
    );
    expect(makePlan({ ...NOTHING, duration: '11s', faults }, {}, undefined).durationMs).toBe(11_000);
    expect(makePlan({ ...NOTHING, duration: '100ms' }, {}, undefined).steps).toHaveLength(1);
  });

  it('nodes that there will not be are refused', () => {
    const steps = readScenario({ nodes: 5, steps: [{ at: '1s', kill: ['n9'] }] });
    expect(() => makePlan(NOTHING, steps, undefined)).toThrow('there is no node n9: the last one is n5');
    const faults = [{ kind: 'kill', text: '9' }] as const;
    expect(() => makePlan({ ...NOTHING, nodes: '5', faults }, {}, undefined)).toThrow(
      'there are only 5 nodes',
    );
  });
});
