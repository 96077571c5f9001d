import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { connectToAgent, parseRpcAddress } from '../../../src/cli/connect.ts';

describe('the RPC address', () => {
  it.each([
    ['127.0.0.1:7373', { host: '127.0.0.1', port: 7373 }],
    ['agent.example:1', { host: 'agent.example', port: 1 }],
    ['[::1]:7373', { host: '::1', port: 7373 }],
    [':7373', { host: '127.0.0.1', port: 7373 }],
    ['unix:/run/x.sock', { path: '/run/x.sock' }],
    ['unix:///run/x.sock', { path: '/run/x.sock' }],
    ['unix:./x.sock', { path: './x.sock' }],
  ])('%s', (text, address) => {
    expect(parseRpcAddress(text)).toEqual(address);
  });

  it.each([
    ['foo', 'address foo: missing port in address'],
    ['::1:7373', 'address ::1:7373: too many colons in address'],
    ['host:http', 'address host:http: invalid port'],
    ['host:65536', 'address host:65536: invalid port'],
    ['host:', 'address host:: invalid port'],
    ['[::1]', 'address [::1]: missing port in address'],
  ])('%s is refused', (text, why) => {
    expect(() => parseRpcAddress(text)).toThrow(`Error connecting to Serf agent: dial tcp: ${why}`);
  });
});

describe('connecting', () => {
  const servers: Server[] = [];
  const folders: string[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  /** Hangs up on whoever comes, and remembers that somebody did. */
  async function listen(
    address: { readonly host: string; readonly port: number } | { readonly path: string },
  ) {
    const visits = { count: 0, port: 0 };
    const server = createServer((socket) => {
      visits.count += 1;
      socket.on('error', () => undefined);
      socket.end();
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(address, resolve));
    const bound = server.address();
    visits.port = typeof bound === 'object' ? (bound?.port ?? 0) : 0;
    return visits;
  }

  function folder(): string {
    const path = mkdtempSync(join(tmpdir(), 'reeve-cli-'));
    folders.push(path);
    return path;
  }

  const here = { host: '127.81.0.1', port: 0 };
  const uid = process.getuid?.() ?? -1;

  it('the flag goes before the environment', async () => {
    const [flag, env] = [await listen(here), await listen(here)];
    const caller = { env: { SERF_RPC_ADDR: `127.81.0.1:${env.port}` }, uid };
    await expect(connectToAgent(`127.81.0.1:${flag.port}`, '', caller)).rejects.toThrow('client closed');
    expect([flag.count, env.count]).toEqual([1, 0]);
  });

  it("this program's variable goes before Serf's, and an empty one does not count", async () => {
    const [own, serf] = [await listen(here), await listen(here)];
    const env = { REEVE_RPC_ADDR: `127.81.0.1:${own.port}`, SERF_RPC_ADDR: `127.81.0.1:${serf.port}` };
    await expect(connectToAgent('', '', { env, uid })).rejects.toThrow('client closed');
    expect([own.count, serf.count]).toEqual([1, 0]);
    await expect(connectToAgent('', '', { env: { ...env, REEVE_RPC_ADDR: '' }, uid })).rejects.toThrow();
    expect([own.count, serf.count]).toEqual([1, 1]);
  });

  it('told nothing, it goes to the local socket', async () => {
    const runtime = folder();
    const socket = await listen({ path: join(runtime, 'reeve-127.0.0.1-7373.sock') });
    await expect(connectToAgent('', '', { env: { XDG_RUNTIME_DIR: runtime }, uid })).rejects.toThrow(
      'Error connecting to Serf agent: client closed',
    );
    expect(socket.count).toBe(1);
  });

  it('refused, it says so as Go does', async () => {
    const gone = await listen(here);
    const server = servers.pop();
    await new Promise((resolve) => server?.close(resolve));
    await expect(connectToAgent(`127.81.0.1:${gone.port}`, '', { env: {}, uid })).rejects.toThrow(
      `Error connecting to Serf agent: dial tcp 127.81.0.1:${gone.port}: connect: connection refused; is an agent running there?`,
    );
  });

  it('refused, it names the variable the address came from', async () => {
    const gone = await listen(here);
    const server = servers.pop();
    await new Promise((resolve) => server?.close(resolve));
    const env = { SERF_RPC_ADDR: `127.81.0.1:${gone.port}` };
    await expect(connectToAgent('', '', { env, uid })).rejects.toThrow(
      /connection refused; the address comes from the environment variable SERF_RPC_ADDR$/,
    );
  });
});
