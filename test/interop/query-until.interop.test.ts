import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stopAll } from './helpers.ts';
import { type Cluster, describeMixed, startCluster, succeed } from './mixed.ts';

afterAll(stopAll);

/** Far beyond what a test waits: a query that ends in time has ended early. */
const TIMEOUT = '-timeout=80s';

describeMixed('queries in a mixed cluster', (real) => {
  describe('end early for our command line at our agent', () => {
    let cluster: Cluster;

    beforeAll(async () => {
      // The local profile sends each message only twice, which now and then misses a member.
      cluster = await startCluster(real, 79, (name) => [
        '-profile=lan',
        '-event-handler=query:all=printf ok',
        ...(name.endsWith('1') ? ['-event-handler=query:some=printf ok', '-tag=half=first'] : []),
      ]);
    });

    it('once every member, real or ours, has answered', async () => {
      const said = await succeed(cluster.r1, 'query', TIMEOUT, 'all');
      expect(said.match(/^Response from '\w+': ok$/gm)).toHaveLength(4);
      expect(said).toMatch(/\nTotal Acks: 4\nTotal Responses: 4\n$/);
    });

    it('once all those the filters choose have answered', async () => {
      const tagged = await succeed(cluster.r2, 'query', TIMEOUT, '-tag=half=^f', 'some');
      expect(tagged).toMatch(/\nTotal Responses: 2\n$/);
      const named = await succeed(cluster.r2, 'query', TIMEOUT, '-node=s1', 'some');
      expect(named).toMatch(/\nTotal Responses: 1\n$/);
    });

    it('with nobody to wait for, naming on stderr whom nothing came from', async () => {
      const { code, stdout, stderr } = await cluster.r1.cli(['query', TIMEOUT, '-node=ghost', 'all']);
      expect({ code, stdout, stderr }).toEqual({
        code: 0,
        stdout: "Query 'all' dispatched\nTotal Acks: 0\nTotal Responses: 0\n",
        stderr: 'No answer from: ghost\n',
      });
    });

    it('and so does a test of reachability', async () => {
      const startedAt = performance.now();
      expect(await succeed(cluster.r1, 'reachability')).toContain('Successfully contacted all live nodes');
      expect(performance.now() - startedAt).toBeLessThan(3_000);
    });
  });
});
