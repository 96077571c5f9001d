import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { startReeve, stopAll, waitFor, waitForMember } from '../interop/helpers.ts';
import { DnsServer } from '../support/dns-server.ts';
import { MountSpace, NO_MOUNTS } from '../support/mounts.ts';

const endings: (() => void)[] = [];
afterAll(async () => {
  await stopAll();
  for (const end of endings) end();
});

const DNS_PORT = 53;

describe.skipIf(NO_MOUNTS !== undefined)(
  `an agent with a resolv.conf of its own ${NO_MOUNTS ?? ''}`.trim(),
  () => {
    it('joins what a service record names, looked up anew until it is there', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'srv-'));
      endings.push(() => rmSync(folder, { recursive: true, force: true }));
      const resolv = join(folder, 'resolv.conf');
      writeFileSync(resolv, 'nameserver 127.107.11.53\noptions timeout:1 attempts:2\n');
      const dns = await DnsServer.start('127.107.11.53', DNS_PORT);
      endings.push(() => dns.close());
      const space = await MountSpace.open(`mount --bind ${resolv} /etc/resolv.conf`);
      endings.push(() => space.close());
      const seed = await startReeve({ name: 'seed', ip: '127.107.11.1' });
      const joiner = await startReeve({
        name: 'joiner',
        ip: '127.107.11.2',
        within: space.entering,
        args: ['-retry-join=srv+_serf._tcp.cluster.test', '-retry-interval=2s'],
      });
      await waitFor('the missing record is told of', () =>
        /Join failed: Failed to get join addresses from srv\+_serf\._tcp\.cluster\.test: \S.*, retrying in /.test(
          joiner.logs(),
        ),
      );
      dns.services.set('_serf._tcp.cluster.test', [
        { name: 'gone.cluster.test', port: 7946, priority: 1, weight: 1 },
        { name: 'seed.cluster.test', port: 7946, priority: 2, weight: 1 },
      ]);
      dns.records.set('seed.cluster.test', ['127.107.11.1']);
      await waitForMember(joiner, 'seed', 'alive');
      await waitForMember(seed, 'joiner', 'alive');
      expect(joiner.logs()).toContain(
        'joining: [gone.cluster.test:7946 seed.cluster.test:7946] replay: false',
      );
    });
  },
);
