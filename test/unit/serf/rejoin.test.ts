import { describe, expect, it } from 'vitest';
import { Snapshot, stamped } from '../../../src/serf/snapshot.ts';
import { World } from '../../../src/sim/world.ts';
import { addSerf, type SerfNode, type SerfSettings } from '../../support/serf-node.ts';

const RECORDING: SerfSettings = { recordSnapshot: true };
const node = (name: string, host: number) => ({ name, address: { ip: `127.0.0.${host}`, port: 7946 } });

/** The settings of the next run, from what a run recorded. */
function settingsAfter(run: SerfNode, rejoinAfterLeave = false): SerfSettings {
  const snapshot = new Snapshot(rejoinAfterLeave);
  for (const line of run.records) snapshot.apply(stamped(line, 1_000));
  const { lastTimes, alive, failed } = snapshot;
  return {
    ...RECORDING,
    lastTimes,
    eventMinTime: lastTimes.event + 1,
    queryMinTime: lastTimes.query + 1,
    previousNodes: { alive, failed },
  };
}

const rejoinTexts = (run: SerfNode): string[] => run.texts().filter((text) => /re-join|Re-join/.test(text));

/** Two joined nodes; the second one records. */
function pair(seed = 1) {
  const world = new World(seed);
  const a = addSerf(world, 'a', 1);
  const b = addSerf(world, 'b', 2, RECORDING);
  b.join(a);
  world.run(3_000);
  return { world, a, b };
}

describe('a node started again from its snapshot', () => {
  it('after a crash rejoins by itself and hears no event again, even when others have removed it by force', () => {
    const { world, a, b } = pair();
    a.run((now) => a.serf.userEvent(now, 'old', null, false));
    world.run(2_000);
    expect(b.userEvents()).toEqual(['old']);
    world.kill(b.address);
    world.runUntil(() => a.member('b')?.status === 'failed', 60_000);
    a.run((now, operation) => a.serf.forceLeave(now, operation, 'b', false));
    world.run(1_000);
    expect(a.member('b')?.status).toBe('left');

    const again = addSerf(world, 'b', 2, settingsAfter(b));
    const took = world.runUntil(
      () => a.member('b')?.status === 'alive' && again.member('a')?.status === 'alive',
      10_000,
    );
    expect(took).toBeLessThan(5_000);
    expect(rejoinTexts(again)).toEqual([
      'Attempting re-join to previously known node: a: 127.0.0.1:7946',
      'Re-joined to previously known node: a: 127.0.0.1:7946',
    ]);
    a.run((now) => a.serf.userEvent(now, 'new', null, false));
    world.run(20_000);
    expect(again.userEvents()).toEqual(['new']);
    expect(a.member('b')?.status).toBe('alive');
  });

  it('after a leave stays alone, unless it is to rejoin', () => {
    const { world, a, b } = pair();
    b.run((now, operation) => b.serf.leave(now, operation));
    world.run(3_000);
    b.run((now) => b.serf.shutdown(now));
    world.kill(b.address);
    expect(b.records.filter((line) => !line.startsWith('clock'))).toEqual([
      'alive: b 127.0.0.2:7946',
      'alive: a 127.0.0.1:7946',
      'leave',
    ]);
    expect(b.records.at(-1)).toMatch(/^clock: \d+$/);

    const alone = addSerf(world, 'b', 2, settingsAfter(b));
    world.run(10_000);
    expect(alone.view()).toEqual(['b:alive']);
    expect(rejoinTexts(alone)).toEqual([]);
    world.kill(alone.address);

    const back = addSerf(world, 'b', 2, settingsAfter(b, true));
    expect(world.runUntil(() => a.member('b')?.status === 'alive', 10_000)).toBeDefined();
    expect(back.member('a')?.status).toBe('alive');
  });

  it('starts every clock after the last time of the earlier run', () => {
    const world = new World(1);
    const a = addSerf(world, 'a', 1, { ...RECORDING, lastTimes: { member: 40, event: 41, query: 42 } });
    expect([...a.serf.stats()].filter(([key]) => key.endsWith('_time'))).toEqual([
      ['member_time', '41'],
      ['event_time', '42'],
      ['query_time', '43'],
    ]);
    world.run(2_000);
    expect(a.records).toEqual(['alive: a 127.0.0.1:7946']);
  });

  it('tries everybody alive in any order and then the failed ones in theirs, until one answers', () => {
    const world = new World(5);
    addSerf(world, 'here', 9);
    const alive = [node('x', 21), node('y', 22), node('z', 23), node('me', 77)];
    const failed = [node('late', 31), node('here', 9), node('early', 33)];
    const me = addSerf(world, 'me', 1, { ...RECORDING, previousNodes: { alive, failed } });
    world.run(60_000);
    const tried = rejoinTexts(me).map((text) => /node: (\w+):/.exec(text)?.[1]);
    expect(tried.slice(0, 3).sort()).toEqual(['x', 'y', 'z']);
    expect(tried.slice(3)).toEqual(['late', 'here', 'here']);
    expect(me.member('here')?.status).toBe('alive');
  });

  it('shuffles: different nodes do not all ask the same one', () => {
    const alive = Array.from({ length: 8 }, (_, i) => node(`n${i}`, 20 + i));
    const firsts = [1, 2, 3, 4, 5, 6].map((seed) => {
      const me = addSerf(new World(seed), 'me', 1, { previousNodes: { alive, failed: [] } });
      return rejoinTexts(me)[0];
    });
    expect(new Set(firsts).size).toBeGreaterThan(1);
  });

  it('does not take itself for somebody else: by name, by address, and each address once', () => {
    const world = new World(1);
    const alive = [node('me', 50), node('my-old-name', 1), node('one', 20), node('same-place', 20)];
    const me = addSerf(world, 'me', 1, { previousNodes: { alive, failed: [node('again', 20)] } });
    world.run(60_000);
    const texts = rejoinTexts(me);
    expect(texts).toHaveLength(2);
    expect(texts[0]).toMatch(
      /Attempting re-join to previously known node: (one|same-place): 127.0.0.20:7946/,
    );
    expect(texts[1]).toBe('Failed to re-join any previously known node');
  });

  it('says so when nobody is there, and goes on alone', () => {
    const world = new World(1);
    const me = addSerf(world, 'me', 1, { previousNodes: { alive: [node('me', 1)], failed: [] } });
    world.run(5_000);
    expect(rejoinTexts(me)).toEqual(['Failed to re-join any previously known node']);
    expect(me.view()).toEqual(['me:alive']);
  });

  it('stops looking when it leaves or is shut down', () => {
    for (const end of ['leave', 'shutdown'] as const) {
      const world = new World(1);
      world.partition(() => true);
      const alive = [node('x', 21), node('y', 22), node('z', 23)];
      const me = addSerf(world, 'me', 1, { previousNodes: { alive, failed: [] } });
      me.run((now, operation) => (end === 'leave' ? me.serf.leave(now, operation) : me.serf.shutdown(now)));
      world.run(60_000);
      expect(rejoinTexts(me)).toHaveLength(1);
    }
  });

  it('sends no join intent: peers hear of it through the exchange alone', () => {
    const { world, a, b } = pair();
    world.kill(b.address);
    world.runUntil(() => a.member('b')?.status === 'failed', 60_000);
    world.run(10_000);
    const before = a.serf.stats().get('intent_queue');
    const again = addSerf(world, 'b', 2, settingsAfter(b));
    world.runUntil(() => again.member('a') !== undefined, 5_000);
    expect([before, again.serf.stats().get('intent_queue')]).toEqual(['0', '0']);
  });
});
