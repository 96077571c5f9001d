import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { describeWithSerf } from '../support/interop.ts';
import { describeCommandLines } from './cli-suite.ts';
import { startReeve, stopAll } from './helpers.ts';

afterAll(stopAll);

describeWithSerf("our command line and Serf's against our agent", () => {
  describeCommandLines({ start: startReeve, net: '127.82' });
});

describe('our command line and the unix socket', () => {
  it('reach our agent, also when the TCP address is another', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'reeve-interop-'));
    try {
      const socket = join(folder, 'rpc.sock');
      const agent = await startReeve({ name: 'local', ip: '127.82.5.1', args: [`-rpc-socket=${socket}`] });
      const members = await agent.cli(['members', `-rpc-addr=unix:${socket}`], { via: 'reeve' });
      expect(members).toEqual({ code: 0, stdout: 'local  127.82.5.1:7946  alive\n', stderr: '' });
      expect(await agent.stop()).toBe(0);
      const gone = await agent.cli(['members', `-rpc-addr=unix:${socket}`], { via: 'reeve' });
      expect(gone.code).toBe(1);
      expect(gone.stderr).toMatch(/^Error connecting to Serf agent: dial unix .*rpc\.sock: connect: /);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
