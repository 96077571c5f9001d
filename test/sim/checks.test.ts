import { describe, expect, it } from 'vitest';
import type { ClusterEvent, MemberInfo } from '../../src/events/event.ts';
import { scenarioOf } from '../../src/sim/campaign/generate.ts';
import { runScenario } from '../../src/sim/campaign/run.ts';
import type { Scenario } from '../../src/sim/campaign/scenario.ts';
import type { Stage } from '../../src/sim/campaign/stage.ts';
import { QueryCheck } from '../../src/sim/checks/messages.ts';
import { CHECKS, Violations, watchWith } from '../../src/sim/checks/watch.ts';
import { SimCluster } from '../../src/sim/cluster.ts';
import type { SimNode } from '../../src/sim/node.ts';
import type { SwimMember } from '../../src/swim/delegate.ts';

/** Each rule catches the fault it is there for, planted into a cluster that is otherwise in good order. */

interface Rig {
  readonly cluster: SimCluster;
  readonly a: SimNode;
  readonly b: SimNode;
  /** Events as if a node had published them. */
  readonly publish: (node: SimNode, event: ClusterEvent) => void;
  readonly complaints: () => string[];
}

function rig(name: keyof typeof CHECKS): Rig {
  const cluster = new SimCluster({ seed: 1 });
  const violations = new Violations(() => cluster.world.now);
  const check = CHECKS[name]((text) => violations.add(name, text));
  watchWith(cluster, [check], 100);
  const [a, b] = cluster.form(3) as [SimNode, SimNode, SimNode];
  cluster.world.run(5_000);
  expect(violations.found).toEqual([]);
  return {
    cluster,
    a,
    b,
    publish: (node, event) => check.published?.(node, event),
    complaints: () => violations.found.map(({ text }) => text),
  };
}

/** Makes a node's SWIM layer say what the returned record says of a member, which may be changed. */
function tamper(node: SimNode, name: string): { -readonly [K in keyof SwimMember]: SwimMember[K] } {
  const { facts, incarnation, status, since } = node.swim.members.get(name) as SwimMember;
  const record = { facts, incarnation, status, since };
  Object.defineProperty(node.swim, 'members', { value: { values: () => [record], get: () => record } });
  if (name === node.name) Object.defineProperty(node.swim, 'self', { value: record });
  return record;
}

function infoOf(node: SimNode, name: string): MemberInfo {
  return node.members().find((member) => member.name === name) as MemberInfo;
}

describe('the checks catch', () => {
  it('an incarnation that falls', () => {
    const { cluster, a, complaints } = rig('incarnations');
    const record = tamper(a, 'n2');
    record.incarnation = 7;
    cluster.world.run(150);
    record.incarnation = 3;
    cluster.world.run(150);
    expect(complaints()[0]).toBe('incarnation fell: n1 on n2: alive 7 → alive 3');
  });

  it.each(['suspect', 'dead', 'left'] as const)(
    'a revival of the %s without a higher incarnation',
    (status) => {
      const { cluster, a, complaints } = rig('incarnations');
      const record = tamper(a, 'n2');
      const { incarnation } = record;
      record.status = status;
      cluster.world.run(100);
      record.status = 'alive';
      record.incarnation = incarnation;
      cluster.world.run(100);
      expect(complaints()[0]).toContain(`n1 on n2: ${status} ${incarnation} → alive ${incarnation}`);
    },
  );

  it('a live node that reports itself dead', () => {
    const { cluster, a, publish, complaints } = rig('self-alive');
    publish(a, { type: 'member-failed', members: [infoOf(a, 'n1')] });
    tamper(a, 'n1').status = 'dead';
    cluster.world.run(100);
    expect(complaints().slice(0, 2)).toEqual([
      'n1 published member-failed of itself',
      'n1 holds itself for dead',
    ]);
  });

  it.each([
    [['member-join'], 'published member-join of n2, which was present'],
    [['member-reap'], 'published member-reap of n2, which was present'],
    [['member-leave', 'member-failed'], 'published member-failed of n2, which was left'],
    [['member-failed', 'member-update'], 'published member-update of n2, which was failed'],
    [['member-failed', 'member-reap', 'member-leave'], 'published member-leave of n2, which was unknown'],
  ] as const)('events in an order that makes no sense: %j', (types, text) => {
    const { a, publish, complaints } = rig('event-order');
    for (const type of types) publish(a, { type, members: [infoOf(a, 'n2')] });
    expect(complaints()).toEqual([`n1 ${text}`]);
  });

  it('a live member that moves to where it is not', () => {
    const { cluster, a, complaints } = rig('addresses');
    const record = tamper(a, 'n2');
    cluster.world.run(100);
    record.facts = { ...record.facts, address: { ip: '10.9.9.9', port: 7946 } };
    cluster.world.run(100);
    expect(complaints()).toEqual([
      'n1 believed n2 alive at 10.0.0.2:7946, and then at 10.9.9.9:7946, where it is not',
    ]);
  });

  it('events that do not add up to the member list', () => {
    const { cluster, a, b, publish, complaints } = rig('events-add-up');
    publish(a, { type: 'member-failed', members: [infoOf(a, 'n2')] });
    publish(b, { type: 'member-update', members: [{ ...infoOf(b, 'n3'), tags: new Map([['x', 'y']]) }] });
    publish(b, { type: 'member-join', members: [{ ...infoOf(b, 'n3'), name: 'ghost' }] });
    cluster.world.run(100);
    expect(complaints()).toEqual([
      'n1 lists n2 as alive, its events say failed',
      'n2 lists n3 with tags , its events say x=y',
      'n2 does not list ghost, of which its events tell',
    ]);
  });

  it('a member reported failed that had left', () => {
    const { cluster, a, b, publish, complaints } = rig('left-not-failed');
    b.leave();
    cluster.world.run(10_000);
    publish(a, { type: 'member-failed', members: [infoOf(a, 'n2')] });
    expect(complaints()).toEqual(['n1 published member-failed of n2, which had left']);
  });

  it('a user event told twice, and not one told again in a later life', () => {
    const { a, publish, complaints } = rig('event-once');
    const event = { type: 'user', ltime: 3, name: 'e', payload: null, coalesce: false } as const;
    publish(a, event);
    a.crash();
    a.boot();
    publish(a, event);
    expect(complaints()).toEqual([]);
    publish(a, event);
    expect(complaints()).toEqual(['n1 was told of e twice']);
  });

  it('a Lamport clock that goes back', () => {
    const { cluster, a, complaints } = rig('lamport-clocks');
    const { serf } = a;
    const stats = serf.stats.bind(serf);
    serf.stats = () => new Map([...stats(), ['event_time', '0']]);
    cluster.world.run(100);
    expect(complaints()[0]).toMatch(/^event_time of n1 fell from \d+ to 0$/);
  });

  it('a queue beyond its limit', () => {
    const { cluster, a, complaints } = rig('bounds');
    const { serf } = a;
    expect(serf.loads().length).toBeGreaterThan(8);
    Object.defineProperty(serf, 'loads', { value: () => [{ what: 'event queue', size: 9, limit: 8 }] });
    cluster.world.run(100);
    expect(complaints()[0]).toBe('event queue of n1 holds 9, its limit is 8');
  });

  it('a health score beyond its limit', () => {
    const { cluster, a, complaints } = rig('bounds');
    Object.defineProperty(a.swim, 'healthScore', { value: 8 });
    cluster.world.run(100);
    expect(complaints()[0]).toBe('health score of n1 is 8, its limits are 0 and 7');
  });

  it.each([
    ['from a node that was not asked', 'n3', 0, 'which was not asked'],
    ['too late', 'n2', 1_100, '100 ms too late'],
  ])('an answer %s', (_title, from, lateMs, text) => {
    const cluster = new SimCluster({ seed: 1 });
    const [a] = cluster.form(1) as [SimNode];
    const complaints: string[] = [];
    const check = new QueryCheck((complaint) => void complaints.push(complaint));
    check.asked(cluster, a, { operation: 1, timeoutMs: 1_000, only: ['n2'] });
    cluster.world.run(lateMs);
    check.answered(a, 1, { type: 'response', from, payload: null });
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toContain(text);
  });

  it('an answer that comes twice, or after the end', () => {
    const cluster = new SimCluster({ seed: 1 });
    const [a] = cluster.form(1) as [SimNode];
    const complaints: string[] = [];
    const check = new QueryCheck((complaint) => void complaints.push(complaint));
    check.asked(cluster, a, { operation: 1, timeoutMs: 1_000, only: [] });
    check.answered(a, 1, { type: 'ack', from: 'n2', payload: null });
    check.answered(a, 1, { type: 'ack', from: 'n2', payload: null });
    check.answered(a, 1, undefined);
    check.answered(a, 1, { type: 'ack', from: 'n3', payload: null });
    expect(complaints).toEqual(["n1 got a query's ack from n2 twice", 'n1 heard of query 1 after its end']);
  });
});

describe('a whole run catches', () => {
  const scenario: Scenario = {
    seed: 5,
    size: 4,
    profile: 'lan',
    encrypted: true,
    protocols: [5],
    maxQueueDepth: 4096,
    chaosMs: 10_000,
    steps: [],
    finale: [],
  };
  const broken = (plant: (stage: Stage) => void, finale: Scenario['finale'] = []): string[] => {
    const { violations } = runScenario({ ...scenario, finale }, { prepare: plant });
    return [...new Set(violations.map(({ check }) => check))];
  };
  const when = (stage: Stage, at: number, action: () => void): void => stage.cluster.world.after(at, action);

  it('nothing where nothing is wrong', () => {
    expect(broken(() => {}, ['leave', 'restart', 'rotate', 'events'])).toEqual([]);
  });

  /** Nothing passes between a node and all others any more, calm or not. */
  const cutOff = ({ cluster }: Stage, node: SimNode): void => {
    const silence = { loss: 1, streamRefuse: 1 };
    for (const other of cluster.nodes) {
      if (other === node) continue;
      cluster.world.link(node.address, other.address, silence);
      cluster.world.link(other.address, node.address, silence);
    }
  };

  it('a cluster that never agrees again', () => {
    expect(broken((stage) => when(stage, 5_000, () => cutOff(stage, stage.cluster.node('n1'))))).toEqual([
      'convergence',
    ]);
  });

  it('an event that does not reach somebody', () => {
    expect(
      broken((stage) =>
        when(stage, 9_000, () => {
          const node = stage.cluster.node('n3');
          const push = node.history.push.bind(node.history);
          node.history.push = (entry) => (entry.event.type === 'user' ? 0 : push(entry));
        }),
      ),
    ).toEqual(['event-reaches-all']);
  });

  it('a snapshot that forgets somebody', () => {
    expect(
      broken((stage) =>
        when(stage, 8_000, () => stage.cluster.node('n2').disk.record(8_000, 'not-alive: n1')),
      ),
    ).toContain('snapshot');
  });

  it('a cluster that is cut in two when it should be calm: nobody agrees, and what waits to be told goes on waiting', () => {
    const plant = (stage: Stage): void =>
      stage.cluster.watch({ ended: (node, how) => (how === 'crashed' ? cutOff(stage, node) : undefined) });
    expect(broken(plant, ['restart'])).toEqual(expect.arrayContaining(['same-view', 'queues-drain']));
  });

  it('a restart that does not find its way back', () => {
    const plant = (stage: Stage): void =>
      stage.cluster.watch({ ended: (node, how) => (how === 'crashed' ? cutOff(stage, node) : undefined) });
    expect(broken(plant, ['restart'])).toEqual(expect.arrayContaining(['restart', 'convergence']));
  });

  it('a key that somebody did not take', () => {
    expect(
      broken(
        (stage) =>
          when(stage, 9_000, () => {
            const node = stage.cluster.node('n3');
            Object.defineProperty(node, 'keys', { get: () => [new Uint8Array(16)] });
          }),
        ['rotate'],
      ),
    ).toEqual(['key-rotation']);
  });

  it('a machine that breaks an invariant', () => {
    expect(
      broken((stage) =>
        when(stage, 6_000, () => {
          stage.cluster.world.observer = () => {
            throw new Error('planted');
          };
        }),
      ),
    ).toEqual(['crash']);
  });

  it('a run that is not the same twice', () => {
    const first = runScenario(scenarioOf(2));
    const second = runScenario(scenarioOf(2), {
      prepare: (stage) => when(stage, 20_000, () => stage.cluster.world.witness('x')),
    });
    expect(second.hash).not.toBe(first.hash);
  });
});
