import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Coordinate, distance, isFiniteCoordinate } from '../../src/coordinates/coordinate.ts';
import { RpcClient } from '../../src/rpc/client.ts';
import { describeWithSerf } from '../support/interop.ts';
import { type Daemon, startReeve, startSerf, stopAll, waitFor, waitForMember } from './helpers.ts';

/** Error of a coordinate that has measured nothing. */
const FRESH_ERROR = 1.5;
/** Far above any round trip on loopback, also on a busy machine. */
const LOOPBACK_SECONDS = 0.25;
/** Each agent probes one member a second. */
const SETTLE_TIMEOUT_MS = 75_000;

const folder = mkdtempSync(join(tmpdir(), 'reeve-coordinates-'));

afterAll(async () => {
  await stopAll();
  rmSync(folder, { recursive: true });
});

describeWithSerf('network coordinates in a mixed cluster', () => {
  let real: Daemon;
  let first: Daemon;
  let second: Daemon;
  let without: Daemon;

  beforeAll(async () => {
    const config = join(folder, 'without.json');
    writeFileSync(config, JSON.stringify({ disable_coordinates: true }));
    const args = ['-log-level=trace'];
    real = await startSerf({ name: 'real', ip: '127.99.1.1', args });
    [first, second, without] = await Promise.all([
      startReeve({ name: 'first', ip: '127.99.1.2', args: [...args, '-join=127.99.1.1'] }),
      startReeve({ name: 'second', ip: '127.99.1.3', args: [...args, '-join=127.99.1.1'] }),
      startReeve({
        name: 'without',
        ip: '127.99.1.4',
        args: [...args, '-join=127.99.1.1', `-config-file=${config}`],
      }),
    ]);
    for (const agent of [real, first, second]) {
      for (const other of [real, first, second, without]) await waitForMember(agent, other.name, 'alive');
    }
  });

  /** What an agent says of a node, by our RPC client. */
  async function coordinate(agent: Daemon, node: string): Promise<Coordinate | undefined> {
    const client = await RpcClient.connect({ address: { host: agent.ip, port: 7373 } });
    try {
      return await client.coordinate(node);
    } finally {
      await client.close();
    }
  }

  it('every agent learns where every other one is, near enough for loopback', {
    timeout: 120_000,
  }, async () => {
    const agents = [real, first, second];
    await waitFor(
      'settled coordinates',
      async () => {
        for (const agent of agents) {
          const own = await coordinate(agent, agent.name);
          if (own === undefined || own.error >= FRESH_ERROR) return false;
          for (const other of agents) {
            const theirs = await coordinate(agent, other.name);
            if (theirs === undefined || theirs.error >= FRESH_ERROR) return false;
            expect(theirs.vec).toHaveLength(8);
            expect(isFiniteCoordinate(theirs)).toBe(true);
            const seconds = distance(own, theirs);
            expect(seconds).toBeGreaterThan(0);
            expect(seconds).toBeLessThan(LOOPBACK_SECONDS);
          }
        }
        return true;
      },
      SETTLE_TIMEOUT_MS,
    );
  });

  it('both command lines estimate round trips against both agents', async () => {
    for (const [agent, node] of [
      [first, 'real'],
      [first, 'second'],
      [real, 'first'],
    ] as const) {
      for (const via of ['serf', 'reeve'] as const) {
        const { stdout, code } = await agent.cli(['rtt', node], { via });
        const estimate = /^Estimated (\S+) <-> (\S+) rtt: (\d+\.\d{3}) ms\n$/.exec(stdout);
        expect([code, estimate?.slice(1, 3)]).toEqual([0, [node, agent.name]]);
        expect(Number(estimate?.[3])).toBeLessThan(LOOPBACK_SECONDS * 1e3);
      }
    }
  });

  it('an unknown node has no coordinate on either side', async () => {
    expect(await coordinate(real, 'nobody')).toBeUndefined();
    expect(await coordinate(first, 'nobody')).toBeUndefined();
    for (const via of ['serf', 'reeve'] as const) {
      const { stdout, stderr, code } = await first.cli(['rtt', 'nobody'], { via });
      expect(code).toBe(1);
      expect(stdout + stderr).toContain('Could not find a coordinate for node "nobody"');
    }
  });

  it('a node with coordinates disabled says so, and nobody has one of it', async () => {
    for (const agent of [real, first]) expect(await coordinate(agent, 'without')).toBeUndefined();
    for (const via of ['serf', 'reeve'] as const) {
      const { stdout, stderr, code } = await without.cli(['rtt', 'real'], { via });
      expect(code).toBe(1);
      expect(stdout + stderr).toContain('Error getting coordinates: Coordinates are disabled');
    }
    const info = await without.cli(['info'], { via: 'serf' });
    expect(info.stdout).not.toContain('coordinate_resets');
  });

  it('statistics tell how often coordinates started again: never', async () => {
    for (const agent of [real, first]) {
      const { stdout } = await agent.cli(['info'], { via: 'serf' });
      expect(stdout).toMatch(/\bcoordinate_resets = 0\n/);
    }
  });

  it('nobody refused a coordinate or an ack', () => {
    for (const agent of [real, first, second, without]) {
      const complaints = agent
        .logs()
        .split('\n')
        .filter((text) => /Rejected coordinate|ping version|decode coordinate|\[ERR\]/.test(text));
      expect(complaints).toEqual([]);
    }
  });
});
