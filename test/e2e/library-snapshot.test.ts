import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { Cluster, type ClusterOptions } from '../../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'library-snapshot-'));
const started: Cluster[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((cluster) => cluster.shutdown()));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(nodeName: string, ip: string, more: Partial<ClusterOptions> = {}): Promise<Cluster> {
  const cluster = await Cluster.start({ nodeName, bind: { ip }, profile: 'local', ...more });
  started.push(cluster);
  return cluster;
}

async function until(done: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 20_000;
  while (!done()) {
    if (performance.now() > giveUpAt) throw new Error('it did not happen in time');
    await sleep(20);
  }
}

const status = (node: Cluster, name: string): string | undefined =>
  node.members().find((member) => member.name === name)?.status;

describe('a library node with a snapshot', () => {
  it('rejoins by itself after it was shut down without a leave, and not after a leave', async () => {
    const snapshot = { path: join(folder, 'a') };
    const peer = await start('peer', '127.100.30.1');
    const first = await start('node', '127.100.30.2', { snapshot });
    await first.join(['127.100.30.1']);
    await until(() => status(first, 'peer') === 'alive');
    await first.shutdown();
    expect(readFileSync(snapshot.path, 'utf8')).toContain('alive: peer 127.100.30.1:7946\n');

    const second = await start('node', '127.100.30.2', { snapshot });
    expect(second.remembered()).toEqual([{ name: 'peer', address: { ip: '127.100.30.1', port: 7946 } }]);
    await until(() => status(second, 'peer') === 'alive');
    await second.leave();
    await second.shutdown();
    expect(readFileSync(snapshot.path, 'utf8')).toMatch(/^leave\nclock: \d+\n$/m);
    await until(() => status(peer, 'node') === 'left');

    const third = await start('node', '127.100.30.2', { snapshot });
    await sleep(1_500);
    expect(third.remembered()).toEqual([]);
    expect(third.members().map(({ name }) => name)).toEqual(['node']);
  });

  it('does not start on a path that cannot be opened, and leaves the port free', async () => {
    const path = join(folder, 'missing', 'folder');
    await expect(start('node', '127.100.31.1', { snapshot: { path } })).rejects.toMatchObject({
      code: 'ERR_SNAPSHOT',
    });
    await start('node', '127.100.31.1');
  });

  it('stopped while it is still starting leaves nothing open', async () => {
    const controller = new AbortController();
    const snapshot = { path: join(folder, 'b') };
    const starting = start('node', '127.100.32.1', { snapshot, signal: controller.signal });
    controller.abort(new Error('changed my mind'));
    await expect(starting).rejects.toThrow('changed my mind');
    await start('node', '127.100.32.1', { snapshot });
  });
});
