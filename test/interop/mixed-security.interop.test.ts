import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Daemon, type Kind, reeveCli, stopAll, waitFor } from './helpers.ts';
import {
  type Cluster,
  describeMixed,
  type Node,
  type Real,
  scratchFolder,
  startCluster,
  startNode,
  succeed,
  waitForAll,
} from './mixed.ts';

afterAll(stopAll);

function key(bytes: number, fill: number): string {
  return Buffer.alloc(bytes, fill).toString('base64');
}

const FIRST = key(32, 1);
const SECOND = key(16, 2);

/** A real agent and ours with the same flags, the second joined through the first. */
async function startPair(real: Real, group: number, seed: Kind, ...args: string[]): Promise<[Node, Node]> {
  const other: Kind = seed === 'serf' ? 'reeve' : 'serf';
  const first = await startNode(real, seed, { name: seed, ip: real.ip(group, 1), args });
  const second = await startNode(real, other, {
    name: other,
    ip: real.ip(group, 2),
    args: [...args, `-join=${first.ip}`],
  });
  await waitForAll([first, second], [first.name, second.name], 'alive');
  return [first, second];
}

/** One event from each node to all, both well compressible and not. */
async function exchangeEvents(nodes: readonly Node[]): Promise<void> {
  const payloads = ['squeeze'.repeat(50), 'ab'];
  for (const node of nodes)
    for (const payload of payloads)
      await succeed(node, 'event', '-coalesce=false', `by-${node.name}`, payload);
  for (const { name, seen } of nodes)
    for (const from of nodes) {
      await waitFor(
        `the events of ${from.name} at ${name}`,
        () => seen.payloads(`by-${from.name}`).length >= 2,
      );
      expect(seen.payloads(`by-${from.name}`).sort()).toEqual([...payloads].sort());
    }
}

describeMixed('real agents and ours', (real) => {
  describe.concurrent('understand one another', () => {
    it.each<[string, Kind, number, string[]]>([
      ['without compression', 'serf', 41, ['-disable-compression']],
      ['with a key of 16 bytes', 'reeve', 42, [`-encrypt=${key(16, 3)}`]],
      ['with a key of 24 bytes', 'serf', 43, [`-encrypt=${key(24, 4)}`]],
      ['with a key of 32 bytes', 'reeve', 44, [`-encrypt=${key(32, 5)}`]],
      ['with a key and no compression', 'serf', 45, [`-encrypt=${key(32, 6)}`, '-disable-compression']],
      ['speaking protocol 4', 'reeve', 46, ['-protocol=4']],
    ])('%s', async (_title, seed, group, args) => {
      const nodes = await startPair(real, group, seed, ...args);
      await exchangeEvents(nodes);
      for (const node of nodes)
        expect(await succeed(node, 'reachability')).toContain('Successfully contacted all live nodes');
      expect(await nodes[1].stop()).toBe(0);
      await waitForAll([nodes[0]], [nodes[1].name], 'left');
    });
  });

  describe('refuse', () => {
    type Guard = 'first key' | 'second key' | 'no key' | 'label one' | 'label two';
    const flags: Readonly<Record<Guard, string[]>> = {
      'first key': [`-encrypt=${FIRST}`],
      'second key': [`-encrypt=${SECOND}`],
      'no key': [],
      'label one': ['-label=one'],
      'label two': ['-label=two'],
    };
    const agents = new Map<string, Daemon>();
    const agent = (kind: Kind, guard: Guard): Daemon => {
      const found = agents.get(`${kind} ${guard}`);
      if (found === undefined) throw new Error(`no ${kind} agent with ${guard}`);
      return found;
    };
    beforeAll(async () => {
      const wanted: [Kind, Guard][] = [
        ['serf', 'first key'],
        ['serf', 'second key'],
        ['serf', 'no key'],
        ['reeve', 'first key'],
        ['reeve', 'second key'],
        ['reeve', 'no key'],
        ['reeve', 'label one'],
        ['reeve', 'label two'],
      ];
      const started = wanted.map(async ([kind, guard], i) => {
        const name = `${kind} ${guard}`;
        const args = flags[guard];
        agents.set(name, await startNode(real, kind, { name, ip: real.ip(50, i + 1), args }));
      });
      await Promise.all(started);
    });

    const wrongKey = 'no installed keys could decrypt the message';
    const missingKey = 'remote state is encrypted and encryption is not configured';
    const plainPeer = 'encryption is configured but remote state is not encrypted';
    const label = 'its cluster label may differ from ours';
    it.each<[Kind, Guard, Kind, Guard, string]>([
      ['reeve', 'first key', 'serf', 'second key', wrongKey],
      ['reeve', 'first key', 'reeve', 'second key', wrongKey],
      ['serf', 'first key', 'reeve', 'second key', wrongKey],
      ['reeve', 'no key', 'serf', 'first key', missingKey],
      ['reeve', 'no key', 'reeve', 'first key', missingKey],
      ['serf', 'no key', 'reeve', 'first key', missingKey],
      ['reeve', 'first key', 'serf', 'no key', plainPeer],
      ['reeve', 'first key', 'reeve', 'no key', plainPeer],
      ['serf', 'first key', 'reeve', 'no key', plainPeer],
      ['reeve', 'label one', 'reeve', 'label two', label],
      ['reeve', 'label one', 'reeve', 'no key', label],
      ['reeve', 'no key', 'reeve', 'label one', label],
      ['reeve', 'label one', 'serf', 'no key', label],
    ])('%s with %s to join %s with %s, and say why', async (kind, guard, peer, peerGuard, why) => {
      const joiner = agent(kind, guard);
      const target = agent(peer, peerGuard);
      const { code, stdout, stderr } = await joiner.cli(['join', target.ip]);
      const said = kind === 'serf' ? stdout : stderr;
      expect(code).toBe(1);
      expect(said).toMatch(/^Error joining the cluster: 1 error occurred:\n\t\* Failed to join 127\./);
      expect(said.toLowerCase()).toContain(why);
      for (const node of [joiner, target]) expect([...(await node.members()).keys()]).toEqual([node.name]);
    });

    it('at start, ending with 1', async () => {
      const target = agent('serf', 'first key');
      const ip = real.ip(50, 20);
      const started = await reeveCli([
        'run',
        `-bind=${ip}`,
        `-rpc-addr=${ip}:7373`,
        `-encrypt=${SECOND}`,
        `-join=${target.ip}`,
      ]);
      expect(started.code).toBe(1);
      expect(started.stderr).toContain(`Failed to join ${target.ip}:7946: ${wrongKey}`);
    });
  });

  describe('with keys that rotate', () => {
    const folder = scratchFolder();
    const keyring = (name: string): string => join(folder, `${name}.json`);
    let cluster: Cluster;

    beforeAll(async () => {
      cluster = await startCluster(real, 60, (name) => {
        writeFileSync(keyring(name), JSON.stringify([FIRST]), { mode: 0o600 });
        const encrypted = name.endsWith('2') ? [`-keyring-file=${keyring(name)}`] : [`-encrypt=${FIRST}`];
        return ['-profile=lan', ...encrypted];
      });
    });

    /** The lines of a table in one order. */
    const listed = async (): Promise<string[]> =>
      (await succeed(cluster.s1, 'keys', '-list'))
        .split('\n')
        .filter((line) => line.includes('['))
        .map((line) => line.trim().replace(/ +/, '  '))
        .sort();

    it('installs, uses and removes them everywhere, by the word of a real agent', async () => {
      const { s1, r1, all } = cluster;
      expect(await listed()).toEqual([`${FIRST}  [4/4]`]);
      const change = (...args: string[]): Promise<string> => succeed(s1, 'keys', ...args);
      expect(await change(`-install=${SECOND}`)).toContain('Successfully installed key!');
      expect(await change(`-install=${SECOND}`)).toContain('Successfully installed key!');
      expect(await listed()).toEqual([`${FIRST}  [4/4]`, `${SECOND}  [4/4]`]);
      expect(await change(`-use=${SECOND}`)).toContain('Successfully changed primary key!');
      await exchangeEvents(all);
      expect(await change(`-remove=${FIRST}`)).toContain('Successfully removed key!');
      expect(await change(`-remove=${FIRST}`)).toContain('Successfully removed key!');
      expect(await listed()).toEqual([`${SECOND}  [4/4]`]);
      for (const node of [s1, r1])
        expect(await succeed(node, 'reachability')).toContain('Successfully contacted all live nodes');
    });

    it('leave the same keyring files', () => {
      const [theirs, ours] = [keyring('s2'), keyring('r2')];
      expect(readFileSync(ours, 'utf8')).toBe(readFileSync(theirs, 'utf8'));
      expect(statSync(ours).mode & 0o777).toBe(0o600);
    });

    it.each([
      ['-remove', SECOND, 'removing the primary key is not allowed'],
      ['-use', FIRST, 'requested key is not in the keyring'],
      ['-install', Buffer.alloc(17).toString('base64'), 'key size must be 16, 24 or 32 bytes'],
    ])('refuse %s of %s with the same words', async (action, value, words) => {
      const { code, stdout } = await cluster.s1.cli(['keys', `${action}=${value}`]);
      expect(code).toBe(1);
      const failed = stdout.split('\n').filter((line) => line.startsWith('failed:'));
      const rows = failed.map((line) => line.toLowerCase().split(/ {2,}/)).sort();
      expect(rows).toEqual(['r1', 'r2', 's1', 's2'].map((name) => ['failed:', name, words]));
      expect(stdout).toContain('4/4 nodes reported failure');
    });

    it('admit who has the new key, and nobody with the old one', async () => {
      const { s1, r1, all } = cluster;
      const joiner = (kind: Kind, name: string, host: number, value: string) => {
        const args = ['-profile=lan', `-encrypt=${value}`];
        return startNode(real, kind, { name, ip: real.ip(60, host), args });
      };
      const [s3, r3, s4, r4] = await Promise.all([
        joiner('serf', 's3', 5, SECOND),
        joiner('reeve', 'r3', 6, SECOND),
        joiner('serf', 's4', 7, FIRST),
        joiner('reeve', 'r4', 8, FIRST),
      ]);
      await succeed(s3, 'join', r1.ip);
      await succeed(r3, 'join', s1.ip);
      await waitForAll([...all, s3, r3], ['s1', 's2', 's3', 'r1', 'r2', 'r3'], 'alive');
      expect((await s4.cli(['join', r1.ip])).code).toBe(1);
      expect((await r4.cli(['join', s1.ip])).code).toBe(1);
    });
  });

  it('without keys say so alike when asked for them', async () => {
    const [serf] = await startPair(real, 61, 'serf', '-profile=lan');
    for (const [args, words] of [
      [['-list'], 'Keyring is empty (encryption not enabled)'],
      [[`-install=${FIRST}`], 'No keyring to modify (encryption not enabled)'],
    ] as const) {
      const { code, stdout } = await serf.cli(['keys', ...args]);
      expect(code).toBe(1);
      for (const name of ['serf', 'reeve'])
        expect(stdout).toMatch(new RegExp(`^failed: +${name} +${words.replace(/[()]/g, '\\$&')}$`, 'm'));
      expect(stdout).toContain('2/2 nodes reported failure');
    }
  });
});
