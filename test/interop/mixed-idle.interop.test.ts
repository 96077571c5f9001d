import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { type Kind, stopAll, waitFor, waitForMember } from './helpers.ts';
import {
  complaints,
  describeMixed,
  memberOf,
  type Node,
  type Real,
  scratchFolder,
  startCluster,
  startNode,
  succeed,
  waitForAll,
} from './mixed.ts';

afterAll(stopAll);

const IDLE_MS = 60_000;
const KEY = Buffer.alloc(32, 7).toString('base64');

/** A cluster of `kinds`, each joined to the one before. */
async function startRow(real: Real, group: number, kinds: readonly Kind[], args: readonly string[]) {
  const nodes: Node[] = [];
  for (const [i, kind] of kinds.entries()) {
    const seed = nodes.at(-1);
    const more = seed === undefined ? [] : [`-join=${seed.ip}`];
    const options = { name: `n${i}`, ip: real.ip(group, i + 1), args: [...args, ...more] };
    nodes.push(await startNode(real, kind, options));
  }
  await waitForAll(
    nodes,
    nodes.map(({ name }) => name),
    'alive',
  );
  return nodes;
}

/** What a log complains about, whoever it concerns. */
function kindsOfComplaint(nodes: readonly Node[]): Set<string> {
  return new Set(nodes.flatMap(complaints).map((line) => line.replace(/\b[a-z]\d\b|[\d.:]+/g, '#')));
}

describeMixed('a cluster of real agents and ours at rest', (real) => {
  it('reports nobody and complains of nothing that real agents among themselves would not', {
    timeout: 2 * IDLE_MS,
  }, async () => {
    const [baseline, mixed, encrypted] = await Promise.all([
      startRow(real, 70, ['serf', 'serf', 'serf', 'serf'], []),
      startCluster(real, 71).then(({ all }) => all),
      startRow(real, 72, ['reeve', 'serf'], [`-encrypt=${KEY}`, '-profile=lan']),
    ]);
    // The time itself is what is tested: several state exchanges, and many probes of everyone by everyone.
    await wait(IDLE_MS);
    const usual = kindsOfComplaint(baseline);
    for (const nodes of [mixed, encrypted]) {
      const names = nodes.map(({ name }) => name);
      await waitForAll(nodes, names, 'alive');
      expect([...kindsOfComplaint(nodes)].filter((kind) => !usual.has(kind))).toEqual([]);
      for (const { name, seen } of nodes) {
        expect([name, ...names.map((other) => seen.history(other))]).toEqual([
          name,
          ...names.map(() => ['join']),
        ]);
        expect(seen.userEvents()).toEqual([]);
      }
    }
    for (const node of mixed) {
      const info = JSON.parse(await succeed(node, 'info', '-format=json'));
      expect(info.serf).toMatchObject({ failed: '0', left: '0', members: '4', health_score: '0' });
      for (const queue of ['intent_queue', 'event_queue', 'query_queue']) expect(info.serf[queue]).toBe('0');
    }
  });

  it('started by the flags of an old unit file, is configured alike', async () => {
    const folder = scratchFolder();
    const file = (name: string, value: unknown): string => {
      const path = join(folder, name);
      writeFileSync(path, JSON.stringify(value, undefined, 2), { mode: 0o600 });
      return path;
    };
    const said = (kind: Kind): string => join(folder, `${kind}-said`);
    const start = (kind: Kind, host: number, seed?: Node): Promise<Node> => {
      const settings = file(`${kind}-settings.json`, {
        retry_join: seed === undefined ? [] : [seed.ip],
        retry_interval: '1s',
        leave_on_terminate: true,
      });
      const directory = join(folder, `${kind}.d`);
      mkdirSync(directory);
      file(`${kind}.d/10-handlers.json`, { event_handlers: [`user:hello=cat > ${said(kind)}`] });
      file(`${kind}.d/ignored.conf`, { nonsense: true });
      return startNode(real, kind, {
        name: kind,
        ip: real.ip(73, host),
        args: [
          `-config-file=${settings}`,
          `-config-dir=${directory}`,
          `-tags-file=${file(`${kind}.tags`, { role: kind, zone: 'z1' })}`,
          `-keyring-file=${file(`${kind}.keys`, [KEY])}`,
          '-rejoin',
        ],
      });
    };
    const serf = await start('serf', 1);
    const ours = await start('reeve', 2, serf);
    for (const [observer, other] of [
      [serf, ours],
      [ours, serf],
    ] as const) {
      await waitForMember(observer, other.name, 'alive');
      expect((await memberOf(observer, other.name)).tags).toEqual({ role: other.name, zone: 'z1' });
      expect(observer.logs()).toContain("Warning: 'RejoinAfterLeave' enabled without snapshot file");
      expect(observer.logs()).toContain('Encrypted: true');
    }
    await succeed(serf, 'event', 'hello', 'both of you');
    for (const { kind } of [serf, ours])
      await waitFor(`${kind} to hear it`, () => readFileSync(said(kind), 'utf8') === 'both of you\n');
    for (const node of [serf, ours]) {
      await succeed(node, 'tags', '-set', 'role=x', '-delete', 'zone');
      expect(readFileSync(join(folder, `${node.kind}.tags`), 'utf8')).toBe('{\n  "role": "x"\n}');
    }
    ours.kill('SIGTERM');
    expect(await ours.gone).toBe(0);
    await waitForMember(serf, 'reeve', 'left');
  });
});
