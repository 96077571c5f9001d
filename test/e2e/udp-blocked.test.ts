import { createConnection, createServer, type Server } from 'node:net';
import { afterAll, afterEach, expect, it } from 'vitest';
import { startReeve, stopAll, waitFor, waitForMember } from '../interop/helpers.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
afterAll(stopAll);

/** Carries TCP from one address to another, and nothing else: what a firewall that forgets UDP does. */
function carryTcp(from: string, to: string): Promise<void> {
  const server = createServer((near) => {
    const far = createConnection({ host: to, port: 7946 });
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
    near.pipe(far).pipe(near);
  });
  servers.push(server);
  return new Promise((resolve) => server.listen(7946, from, resolve));
}

it('a member whose UDP port is blocked joins over TCP, stays alive, and the log says what to open', async () => {
  await carryTcp('127.106.1.3', '127.106.1.1');
  const open = await startReeve({ name: 'open', ip: '127.106.1.2' });
  const blocked = await startReeve({
    name: 'blocked',
    ip: '127.106.1.1',
    args: ['-advertise=127.106.1.3:7946', '-join=127.106.1.2'],
  });
  await waitForMember(open, 'blocked', 'alive');
  await waitForMember(blocked, 'open', 'alive');
  await waitFor('the warning', () => open.logs().includes('let UDP through to and from 127.106.1.3:7946'));
  const drops = JSON.parse((await open.cli(['info', '-format=json'])).stdout) as {
    drops?: Record<string, string>;
  };
  expect(Number(drops.drops?.['udp-blocked'])).toBeGreaterThan(0);
  expect((await open.members()).get('blocked')?.status).toBe('alive');
});
