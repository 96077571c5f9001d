import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
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

it('of two nodes of one name the others keep the one they knew; the later one is told why it goes', async () => {
  const voters = [
    await start('v1', '127.105.5.1'),
    await start('v2', '127.105.5.2'),
    await start('v3', '127.105.5.3'),
  ];
  const owner = await start('twin', '127.105.5.4');
  for (const node of [...voters.slice(1), owner]) await node.join(['127.105.5.1']);
  await expect
    .poll(() => voters.every((node) => node.members().length === 4), { timeout: 10_000 })
    .toBe(true);

  const evicted: string[] = [];
  const late = await start('twin', '127.105.5.5', { onEvict: (reason) => evicted.push(reason) });
  await late.join(['127.105.5.2']);
  await expect.poll(() => evicted, { timeout: 15_000 }).toHaveLength(1);
  expect(evicted[0]).toMatch(/^minority in name conflict resolution, quitting \[0 \/ [1-3]\]$/);
  expect(late.state).toBe('shutdown');
  await sleep(1_000);
  expect(owner.state).toBe('alive');
  for (const node of voters) {
    const twin = node.members().find(({ name }) => name === 'twin');
    expect([twin?.status, [...(twin?.addr ?? [])].join('.')]).toEqual(['alive', '127.105.5.4']);
  }
});
