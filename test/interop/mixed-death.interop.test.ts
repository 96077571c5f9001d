import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Kind, stopAll, waitFor } from './helpers.ts';
import {
  describeMixed,
  memberOf,
  type Node,
  type Real,
  scratchFolder,
  startCluster,
  startNode,
  succeed,
  waitForAll,
  waitForgotten,
} from './mixed.ts';

afterAll(stopAll);

const KINDS: readonly Kind[] = ['serf', 'reeve'];
const OTHER: Readonly<Record<Kind, Kind>> = { serf: 'reeve', reeve: 'serf' };

/** Waits until every observer's handlers have been told exactly this about `name`, updates aside. */
async function waitForHistory(observers: readonly Node[], name: string, history: readonly string[]) {
  for (const { name: observer, seen } of observers) {
    const told = (): string[] => seen.history(name).filter((event) => event !== 'update');
    await waitFor(`${observer} to be told about ${name}`, () => told().length >= history.length).catch(
      () => {},
    );
    expect([observer, ...told()]).toEqual([observer, ...history]);
  }
}

interface Trio {
  /** A real agent and one of ours. */
  readonly observers: readonly [Node, Node];
  readonly victim: Node;
  /** Starts the victim again and waits until everyone lists it as alive. */
  readonly start: (ip: string) => Promise<Node>;
}

/**
 * A real agent and ours, and a third of `kind`. Profile lan: the local one sends every message to two nodes only, of
 * whatever kind. Where one of these is dead, a survivor may hear of it late, or of a pruning never.
 */
async function startTrio(real: Real, group: number, kind: Kind): Promise<Trio> {
  const [first, second] = [real.ip(group, 1), real.ip(group, 2)];
  const s1 = await startNode(real, 'serf', { name: 's1', ip: first, args: ['-profile=lan'] });
  const r1 = await startNode(real, 'reeve', {
    name: 'r1',
    ip: second,
    args: ['-profile=lan', `-join=${first}`],
  });
  const start = async (ip: string): Promise<Node> => {
    const seed = kind === 'serf' ? r1 : s1;
    const args = ['-profile=lan', `-join=${seed.ip}`];
    const node = await startNode(real, kind, { name: 'victim', ip, args });
    await waitForAll([s1, r1, node], ['s1', 'r1', 'victim'], 'alive');
    return node;
  };
  const victim = await start(real.ip(group, 3));
  await waitForHistory([s1, r1], 'victim', ['join']);
  return { observers: [s1, r1], victim, start };
}

describeMixed('death and return among real agents and ours', (real) => {
  describe.concurrent('in clusters of both kinds', () => {
    it('a killed node fails for everyone, and rejoins under its name', async () => {
      const { s1, r1, s2, r2 } = await startCluster(real, 11);
      s2.kill('SIGKILL');
      r2.kill('SIGKILL');
      await waitForAll([s1, r1], ['s2', 'r2'], 'failed');
      await waitForHistory([s1, r1], 's2', ['join', 'failed']);
      await waitForHistory([s1, r1], 'r2', ['join', 'failed']);
      const again = await Promise.all([
        startNode(real, 'serf', { name: 's2', ip: s2.ip, args: [`-join=${r1.ip}`, '-tag', 'life=2'] }),
        startNode(real, 'reeve', { name: 'r2', ip: r2.ip, args: [`-join=${s1.ip}`, '-tag', 'life=2'] }),
      ]);
      const observers = [s1, r1, ...again];
      await waitForAll(observers, ['s1', 's2', 'r1', 'r2'], 'alive');
      for (const observer of observers)
        for (const name of ['s2', 'r2'])
          await waitFor(
            `the new tags of ${name} at ${observer.name}`,
            async () => (await memberOf(observer, name)).tags['life'] === '2',
            40_000,
          );
      await waitForHistory([s1, r1], 's2', ['join', 'failed', 'join']);
      await waitForHistory([s1, r1], 'r2', ['join', 'failed', 'join']);
    });

    it.each(KINDS)(
      'a %s agent that leaves has left for everyone, and returns, also elsewhere',
      async (kind) => {
        const group = kind === 'serf' ? 12 : 13;
        const { observers, victim, start } = await startTrio(real, group, kind);
        const history = ['join'];
        const told = (event: string): Promise<void> => {
          history.push(event);
          return waitForHistory(observers, victim.name, history);
        };
        expect(await succeed(victim, 'leave')).toBe('Graceful leave complete\n');
        expect(await victim.gone).toBe(0);
        await waitForAll(observers, [victim.name], 'left');
        await told('leave');
        const second = await start(victim.ip);
        await told('join');
        expect(await second.stop()).toBe(0);
        await waitForAll(observers, [victim.name], 'left');
        await told('leave');
        const elsewhere = real.ip(group, 33);
        await start(elsewhere);
        await told('join');
        for (const node of observers)
          expect((await memberOf(node, victim.name)).addr).toBe(`${elsewhere}:7946`);
      },
    );

    it.each(KINDS)('a %s agent that is stopped for a moment refutes the suspicion', async (kind) => {
      const { observers, victim } = await startTrio(real, kind === 'serf' ? 14 : 15, kind);
      const all = [...observers, victim];
      victim.kill('SIGSTOP');
      const suspected = `Suspect ${victim.name} has failed, no acks received`;
      await waitFor('a suspicion', () => observers.some(({ logs }) => logs().includes(suspected)));
      victim.kill('SIGCONT');
      await waitFor('the refutation', () => victim.logs().includes('Refuting a suspect message'));
      // Its word has gone round when everyone holds a tag that it set afterwards.
      await succeed(victim, 'tags', '-set', 'refuted=yes');
      for (const node of observers)
        await waitFor(
          `the tag at ${node.name}`,
          async () => (await memberOf(node, victim.name)).tags['refuted'] === 'yes',
        );
      for (const node of all) {
        for (const { name } of all) expect((await memberOf(node, name)).status).toBe('alive');
        expect(node.logs()).not.toContain('EventMemberFailed');
      }
    });

    it.each(KINDS)('a %s agent that is stopped until it is dead comes back by itself', async (kind) => {
      const { observers, victim } = await startTrio(real, kind === 'serf' ? 16 : 23, kind);
      victim.kill('SIGSTOP');
      await waitForAll(observers, [victim.name], 'failed');
      await waitForHistory(observers, victim.name, ['join', 'failed']);
      victim.kill('SIGCONT');
      await waitForAll([...observers, victim], ['s1', 'r1', victim.name], 'alive');
      await waitForHistory(observers, victim.name, ['join', 'failed', 'join']);
      // Waking up, it may suspect others for a moment; it buries nobody.
      expect(victim.logs()).not.toContain('EventMemberFailed');
    });

    it.each(KINDS)('a %s agent finds a failed node again that nobody told to join', async (kind) => {
      const file = join(scratchFolder(), 'reconnect.json');
      writeFileSync(file, JSON.stringify({ reconnect_interval: '1s' }));
      const group = kind === 'serf' ? 17 : 18;
      const finder = await startNode(real, kind, {
        name: 'finder',
        ip: real.ip(group, 1),
        args: [`-config-file=${file}`],
      });
      const lost = { name: 'lost', ip: real.ip(group, 2) };
      const first = await startNode(real, OTHER[kind], { ...lost, args: [`-join=${finder.ip}`] });
      await waitForAll([finder, first], ['finder', 'lost'], 'alive');
      first.kill('SIGKILL');
      await waitForAll([finder], ['lost'], 'failed');
      await first.gone;
      const second = await startNode(real, OTHER[kind], lost);
      await waitForAll([finder, second], ['finder', 'lost'], 'alive');
      expect(finder.logs()).toContain(`attempting reconnect to lost ${lost.ip}:7946`);
    });

    it.each(KINDS)(
      'force-leave of a %s agent is refuted by the living, buries the failed, and prunes',
      async (kind) => {
        const { observers, victim, start } = await startTrio(real, kind === 'serf' ? 19 : 20, kind);
        for (const [i, node] of observers.entries()) {
          await succeed(node, 'force-leave', victim.name);
          const refutations = (): number => victim.logs().split('Refuting an older leave intent').length - 1;
          await waitFor('a refutation', () => refutations() > i);
          await waitForAll(observers, [victim.name], 'alive');
        }
        const bury = async (node: Node, asked: Node, ...earlier: string[]) => {
          node.kill('SIGKILL');
          await waitForAll(observers, [victim.name], 'failed');
          await waitForHistory(observers, victim.name, [...earlier, 'join', 'failed']);
          await succeed(asked, 'force-leave', victim.name);
          await waitForAll(observers, [victim.name], 'left');
          await waitForHistory(observers, victim.name, [...earlier, 'join', 'failed', 'leave']);
          await succeed(asked, 'force-leave', '-prune', victim.name);
          await waitForgotten(observers, victim.name);
          await waitForHistory(observers, victim.name, [...earlier, 'join', 'failed', 'leave', 'reap']);
        };
        const [s1, r1] = observers;
        await bury(victim, r1);
        const second = await start(victim.ip);
        await waitForHistory(observers, victim.name, ['join', 'failed', 'leave', 'reap', 'join']);
        await bury(second, s1, 'join', 'failed', 'leave', 'reap');
      },
    );

    it.each(KINDS)('a failed %s agent is pruned in one step', async (kind) => {
      const { observers, victim } = await startTrio(real, kind === 'serf' ? 21 : 22, kind);
      victim.kill('SIGKILL');
      await waitForAll(observers, [victim.name], 'failed');
      await succeed(observers[kind === 'serf' ? 1 : 0], 'force-leave', '-prune', victim.name);
      await waitForgotten(observers, victim.name);
    });

    it.each(KINDS)(
      'a second agent under the name of a %s agent loses the vote, and ends with 0',
      async (kind) => {
        const group = kind === 'serf' ? 24 : 25;
        const { observers, victim } = await startTrio(real, group, kind);
        const pretender = await startNode(real, OTHER[kind], {
          name: victim.name,
          ip: real.ip(group, 4),
          args: ['-profile=lan', `-join=${observers[kind === 'serf' ? 0 : 1].ip}`],
        });
        expect(await pretender.gone).toBe(0);
        expect(pretender.logs()).toMatch(/minority in name conflict resolution, quitting \[0 \/ \d\]/);
        for (const node of observers) {
          const { addr, status } = await memberOf(node, victim.name);
          expect({ addr, status }).toEqual({ addr: `${victim.ip}:7946`, status: 'alive' });
        }
        await waitForHistory(observers, victim.name, ['join']);
      },
    );
  });
});
