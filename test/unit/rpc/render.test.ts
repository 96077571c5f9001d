import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RpcClient } from '../../../src/rpc/client.ts';
import type { RpcAddress } from '../../../src/rpc/protocol.ts';
import type { PreviewRecord } from '../../../src/rpc/render-records.ts';
import { FakeBackend } from './fake-backend.ts';
import { HOST, rig } from './harness.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'reeve-rpc-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const PREVIEW: PreviewRecord = {
  target: '/etc/x',
  same: false,
  members: 1,
  leftOut: [],
  holds: [],
  diff: '-secret',
  isPublic: false,
};

/** What a client that came this way gets. */
async function ask<T>(
  how: 'tcp' | 'tcp with a key' | 'unix',
  question: (client: RpcClient) => Promise<T>,
  backend = new FakeBackend(),
): Promise<T> {
  const listeners: readonly RpcAddress[] =
    how === 'unix' ? [{ path: join(directory, 's') }] : [{ host: HOST, port: 0 }];
  const authKey = how === 'tcp with a key' ? 'k' : '';
  await using server = await rig({ listeners, authKey }, backend);
  await using client = await RpcClient.connect({ address: server.address, authKey });
  return await question(client);
}

describe('renderers over RPC', () => {
  it.each(['tcp with a key', 'unix'] as const)('are run through %s', async (how) => {
    const backend = new FakeBackend();
    expect(await ask(how, (client) => client.runRenderer('hosts'), backend)).toEqual({ holds: [] });
    expect(backend.calls).toEqual([['runRenderer', 'hosts']]);
  });

  it('are not run over a TCP port without a key, and the reason is told', async () => {
    const backend = new FakeBackend();
    const asked = ask('tcp', (client) => client.runRenderer('hosts'), backend);
    await expect(asked).rejects.toThrow("use the agent's unix socket, or give the agent an RPC key");
    expect(backend.calls).toEqual([]);
  });

  it('are refused with the socket that would do, where there is one', async () => {
    const path = join(directory, 's');
    await using server = await rig(
      { listeners: [{ host: HOST, port: 0 }, { path }], authKey: '' },
      new FakeBackend(),
    );
    await using client = await RpcClient.connect({ address: server.address });
    await expect(client.runRenderer('hosts')).rejects.toThrow(`unix socket (-rpc-addr=unix:${path}), or`);
  });

  it.each([
    ['unix', false, '-secret'],
    ['tcp', false, ''],
    ['tcp', true, '-secret'],
  ] as const)('through %s show the difference of a file (public: %s) as %j', async (how, isPublic, diff) => {
    const backend = new FakeBackend();
    backend.onPreview = async () => ({ ...PREVIEW, isPublic });
    const found = await ask(how, (client) => client.previewRenderer('hosts'), backend);
    expect(found).toEqual({ ...PREVIEW, isPublic, diff });
  });

  it('are listed for everybody', async () => {
    expect(await ask('tcp', (client) => client.renderers())).toEqual([]);
  });

  it('say why they could not be asked', async () => {
    await expect(ask('tcp', (client) => client.previewRenderer('x'))).rejects.toThrow('no such renderer');
  });
});
