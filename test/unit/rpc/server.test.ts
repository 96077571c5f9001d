import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import type { RpcAddress } from '../../../src/rpc/protocol.ts';
import { RpcServer } from '../../../src/rpc/server.ts';
import { FakeBackend } from './fake-backend.ts';
import { HOST, ok, RawClient, rig, until } from './harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'rpc-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const HAS_V6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
);

let count = 0;
function socketPath(): string {
  count += 1;
  return join(folder, `s${count}.sock`);
}

function listen(listeners: readonly RpcAddress[]): Promise<RpcServer> {
  return RpcServer.listen({ backend: new FakeBackend(), listeners, log: () => {} });
}

/** Leaves a socket file behind as a killed process does. */
async function abandon(path: string): Promise<void> {
  const code = `const s = require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await new Promise((resolve) => spawn(process.execPath, ['-e', code]).once('exit', resolve));
  expect(existsSync(path)).toBe(true);
}

describe('listening', () => {
  it('TCP and unix sockets serve the same agent; addresses name the ports the system chose', async () => {
    const path = socketPath();
    await using server = await listen([{ host: HOST, port: 0 }, { path }]);
    expect(server.addresses).toEqual([{ host: HOST, port: expect.any(Number) }, { path }]);
    for (const address of server.addresses) {
      using client = await RawClient.connect(address);
      await client.handshake();
      expect(await client.ask('members', 1, undefined, 2)).toEqual([ok(1), { Members: [] }]);
    }
  });

  it.runIf(HAS_V6)(
    'every IPv4 address is every address, and clients keep the names they have in Serf',
    async () => {
      const lines: string[] = [];
      await using server = await RpcServer.listen({
        backend: new FakeBackend(),
        listeners: [{ host: '0.0.0.0', port: 0 }],
        log: (_, text) => lines.push(text),
      });
      const [address] = server.addresses;
      if (address === undefined || 'path' in address) throw new Error('no TCP listener');
      expect(address.host).toBe('0.0.0.0');
      for (const host of [HOST, '::1']) {
        using client = await RawClient.connect({ host, port: address.port });
        await client.handshake();
        expect(await client.ask('members', 1, undefined, 2)).toEqual([ok(1), { Members: [] }]);
      }
      expect(lines[0]).toMatch(/^agent\.ipc: Accepted client: 127\.[\d.]+:\d+$/);
      expect(lines[1]).toMatch(/^agent\.ipc: Accepted client: \[::1\]:\d+$/);
    },
  );

  it('a unix socket is for its owner only, and is gone after close', async () => {
    const path = socketPath();
    const umask = process.umask(0o022);
    const server = await listen([{ path }]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(process.umask(umask)).toBe(0o022);
    await server.close();
    await server.close();
    expect(existsSync(path)).toBe(false);
  });

  it('the socket of a dead process is replaced, one that answers is not', async () => {
    const path = socketPath();
    await abandon(path);
    await using server = await listen([{ path }]);
    await expect(listen([{ path }])).rejects.toMatchObject({
      code: 'ERR_RPC_IN_USE',
      message: expect.stringContaining('another process listens there'),
    });
    using client = await RawClient.connect({ path });
    await client.handshake();
    await until(() => server.summary.clients >= 1);
  });

  it('a file that is no socket is never removed', async () => {
    const path = socketPath();
    writeFileSync(path, 'precious');
    await expect(listen([{ path }])).rejects.toMatchObject({ code: 'ERR_RPC_LISTEN' });
    expect(statSync(path).size).toBe(8);
  });

  it('a missing directory and a path too long for a socket are named', async () => {
    await expect(listen([{ path: join(folder, 'nope', 's') }])).rejects.toMatchObject({
      code: 'ERR_RPC_LISTEN',
      message: expect.stringMatching(/create .*nope first/),
    });
    await expect(listen([{ path: join(folder, 'x'.repeat(120)) }])).rejects.toMatchObject({
      code: 'ERR_RPC_LISTEN',
      message: expect.stringContaining('longer than 107 bytes'),
    });
  });

  it('a taken port fails in words Serf uses, and nothing stays open', async () => {
    const other = createServer().listen(0, HOST);
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    const path = socketPath();
    await expect(listen([{ path }, { host: HOST, port }])).rejects.toMatchObject({
      code: 'ERR_RPC_IN_USE',
      message: `listen tcp ${HOST}:${port}: bind: address already in use`,
    });
    expect(existsSync(path)).toBe(false);
    other.close();
  });

  it('a unix socket is private also where a thread may not set the umask', async () => {
    vi.resetModules();
    vi.doMock('node:worker_threads', () => ({ isMainThread: false }));
    const { openListener } = await import('../../../src/rpc/listener.ts');
    vi.doUnmock('node:worker_threads');
    const path = socketPath();
    const server = await openListener({ path }, () => {});
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('connections', () => {
  it('one too many is refused and counted; a place freed is taken', async () => {
    await using rigged = await rig({ maxClients: 2 });
    const first = await rigged.client();
    await rigged.client();
    const third = await rigged.client({ handshake: false });
    expect(await third.rest()).toEqual([]);
    expect(rigged.server.summary.clients).toBe(2);
    expect(rigged.server.counters.get('drop:rpc-client-limit')).toBe(1);
    first.socket.destroy();
    await until(() => rigged.server.summary.clients === 1);
    const fourth = await rigged.client();
    expect(await fourth.ask('stop', 1, { Stop: 0 })).toEqual([ok(1)]);
  });

  it('close hangs up on every client, ends every subscription and leaves nothing open', async () => {
    const rigged = await rig();
    const client = await rigged.client();
    const halfway = await rigged.client({ handshake: false });
    await client.ask('stream', 1, { Type: '*' });
    await client.ask('monitor', 2, { LogLevel: 'info' });
    await rigged.server.close();
    expect(await client.rest()).toEqual([]);
    expect(await halfway.rest()).toEqual([]);
    expect(rigged.backend.eventFeed.readers).toBe(0);
    expect(rigged.backend.logFeed.readers).toBe(0);
    expect(rigged.server.summary.clients).toBe(0);
    await expect(RawClient.connect(rigged.address)).rejects.toThrow('ECONNREFUSED');
  });

  it('close does not wait for a request that never ends', async () => {
    const rigged = await rig();
    rigged.backend.onJoin = () => new Promise(() => {});
    const client = await rigged.client();
    client.send('join', 1, { Existing: ['a'] });
    await until(() => rigged.backend.calls.length === 1);
    await rigged.server.close();
    expect(await client.rest()).toEqual([]);
  });

  it('clients of a unix socket have a name in the log', async () => {
    const path = socketPath();
    const logs: string[] = [];
    await using server = await RpcServer.listen({
      backend: new FakeBackend(),
      listeners: [{ path }],
      log: (level, text) => logs.push(`[${level}] ${text}`),
    });
    using client = await RawClient.connect(server.addresses[0] as RpcAddress);
    await client.handshake();
    expect(logs).toEqual([`[INFO] agent.ipc: Accepted client: ${path}#1`]);
  });
});
