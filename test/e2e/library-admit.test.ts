import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { Cluster, type ClusterOptions } from '../../src/index.ts';

const clusters: Cluster[] = [];

afterEach(async () => {
  await Promise.all(clusters.splice(0).map((cluster) => cluster.shutdown()));
});

async function start(nodeName: string, ip: string, more: Partial<ClusterOptions> = {}): Promise<Cluster> {
  const cluster = await Cluster.start({ nodeName, bind: { ip }, profile: 'local', ...more });
  clusters.push(cluster);
  return cluster;
}

async function until(done: () => boolean, limitMs = 10_000): Promise<void> {
  const giveUpAt = performance.now() + limitMs;
  while (!done()) {
    if (performance.now() > giveUpAt) throw new Error(`it did not happen within ${limitMs} ms`);
    await sleep(10);
  }
}

const names = (cluster: Cluster): string[] => cluster.members().map(({ name }) => name);

/** Members that carry the tag of our company, and this node itself. */
const onlyOurs: NonNullable<NonNullable<ClusterOptions['serf']>['admit']> = (members) => {
  const stranger = members.find(({ tags }) => tags.get('company') !== 'ours');
  return stranger === undefined ? undefined : `${stranger.name} is none of ours`;
};
const ours = { tags: new Map([['company', 'ours']]), serf: { admit: onlyOurs } };

describe('the admit hook', () => {
  it('lets in whom it likes, sees tags and the merge, and refuses a join with its own text', async () => {
    const asked: string[] = [];
    const admit: typeof onlyOurs = (members, merging) => {
      asked.push(`${members.map(({ name }) => name).join()} ${merging}`);
      return onlyOurs(members, merging);
    };
    const a = await start('a', '127.105.1.1', { ...ours, serf: { admit } });
    const b = await start('b', '127.105.1.2', ours);
    const stranger = await start('stranger', '127.105.1.3');
    expect(await b.join(['127.105.1.1'])).toBe(1);
    await until(() => names(a).join() === 'a,b');
    expect(asked).toContain('b true');
    await expect(a.join(['127.105.1.3'])).rejects.toThrow('stranger is none of ours');
    expect(names(a)).toEqual(['a', 'b']);
    expect(stranger.state).toBe('alive');
  });

  it('keeps a stranger out that joins by itself, and counts what it announces', async () => {
    const a = await start('a', '127.105.2.1', ours);
    const stranger = await start('stranger', '127.105.2.2');
    await stranger.join(['127.105.2.1']);
    await until(() => (a.counters().get('drop:push-pull-not-admitted') ?? 0) > 0);
    await until(() => (a.counters().get('drop:alive-not-admitted') ?? 0) > 0);
    expect(names(a)).toEqual(['a']);
  });
});

describe('nodes on IPv6 alone', () => {
  it('join, tell events, answer a query until all have answered, and leave', async () => {
    const a = await start('a', '::1', { bind: { ip: '::1', port: 0 } });
    const b = await start('b', '::1', { bind: { ip: '::1', port: 0 } });
    expect(await b.join([`[::1]:${a.bindAddress.port}`])).toBe(1);
    await until(() => names(a).join() === 'a,b');
    expect(a.members()[1]?.addr).toHaveLength(16);
    for (const node of [a, b])
      void (async () => {
        for await (const event of node.events({ filter: 'query:load' }))
          if (event.type === 'query') node.respond(event.id, Buffer.from('ok'));
      })();
    const replies = a.query({ name: 'load', until: 'responses', requestAck: true, timeoutMs: 60_000 });
    expect(replies.tally).toBeUndefined();
    for await (const _reply of replies);
    expect(replies.tally).toEqual({ answered: ['a', 'b'], acknowledged: [], silent: [] });
    const heard = a.events({ filter: 'user:deploy' });
    b.userEvent('deploy');
    expect((await heard.next()).value).toMatchObject({ name: 'deploy' });
    await b.leave();
    await until(() => a.members()[1]?.status === 'left');
  });
});
