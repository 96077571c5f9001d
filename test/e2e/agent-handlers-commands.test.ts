import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runAgent } from '../../src/agent/agent.ts';
import { runArguments } from '../../src/agent/config/flags.ts';
import { systemHost } from '../../src/agent/config/host.ts';
import { SignalQueue } from '../../src/agent/signals.ts';
import { RpcClient } from '../../src/rpc/client.ts';
import {
  approve,
  handlerLog,
  listHandlers,
  rerunHandler,
  testHandler,
} from '../../src/rpc/handler-client.ts';
import type { RpcAddress } from '../../src/rpc/protocol.ts';

/** What operators can see and do about handlers, through a running agent. */

const IP = '127.111.1.1';
const TCP = { host: IP, port: 7373 };
const REFUSED = /use the agent's unix socket \(-rpc-addr=unix:\/.*\), or give the agent an RPC key/;

let directory = '';
let signals = new SignalQueue();
let ended: Promise<number> = Promise.resolve(0);
let lines: string[] = [];
const clients: RpcClient[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'reeve-handlers-'));
  lines = [];
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  signals.push('SIGTERM');
  await ended;
  rmSync(directory, { recursive: true, force: true });
});

const socket = (): RpcAddress => {
  const state = join(directory, 'state');
  return { path: join(state, readdirSync(state).find((name) => name.endsWith('.sock')) ?? 'none') };
};

async function connect(address: RpcAddress, authKey = ''): Promise<RpcClient> {
  const client = await RpcClient.connect({ address, authKey });
  clients.push(client);
  return client;
}

async function eventually(what: string, check: () => Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 15_000;
  for (;;) {
    const done = await check().catch(() => false);
    if (done) return;
    if (performance.now() > giveUpAt) throw new Error(`never happened: ${what}`);
    await sleep(20);
  }
}

function configure(config: object): void {
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
}

/** Starts an agent and waits until it answers. */
async function start(config: object): Promise<RpcClient> {
  configure(config);
  signals = new SignalQueue();
  const line = (text: string): boolean => lines.push(text) > 0;
  const out = { line, flush: () => Promise.resolve() };
  const words = [
    '-node=n',
    `-bind=${IP}`,
    `-rpc-addr=${IP}:7373`,
    '-profile=local',
    `-state-dir=${join(directory, 'state')}`,
    `-config-file=${join(directory, 'config.json')}`,
  ];
  const own = signals;
  ended = runAgent(runArguments(words), {
    env: { XDG_RUNTIME_DIR: directory },
    uid: process.getuid?.() ?? -1,
    out,
    err: out,
    host: systemHost,
    now: () => new Date(),
    signals: () => own,
    sleep: (ms, until) => sleep(ms, undefined, { ref: false, signal: until }).catch(() => undefined),
  });
  const key = (config as { readonly rpc_auth?: string }).rpc_auth ?? '';
  await eventually('the agent answers', async () => (await connect(socket(), key)) !== undefined);
  return await connect(socket(), key);
}

const HANDLERS = {
  echo: { run: 'cat; echo "got $SERF_EVENT"', events: ['user'] },
  view: { kind: 'state', run: `cat > DIR/view`, guards: { min_members: 2 } },
};
const handlersIn = (folder: string): object =>
  JSON.parse(JSON.stringify(HANDLERS).replaceAll('DIR', folder)) as object;

describe('handlers of a running agent', () => {
  it('are listed, tried, run again and approved over its socket', async () => {
    const client = await start({ handlers: handlersIn(directory), event_handlers: ['member-join=true'] });
    await client.event('deploy', Buffer.from('v7'), false);
    await eventually('the run', async () => (await handlerLog(client, 'echo', 0))[0]?.state === 'ok');
    const list = await listHandlers(client);
    expect(list.map(({ name, kind }) => [name, kind])).toEqual([
      ['member-join=true', 'script'],
      ['echo', 'classic'],
      ['view', 'state'],
    ]);
    expect(list[2]).toMatchObject({ state: 'held', holds: [expect.stringContaining('min_members')] });
    expect(await rerunHandler(client, 'echo', 0)).toMatchObject({ ok: true, stdout: 'v7\ngot user\n' });
    const event = JSON.stringify({ event: 'user', name: 'other', payload: 'p' });
    const rehearsal = await testHandler(client, { name: 'echo', event, execute: false });
    expect(rehearsal).toMatchObject({ would_run: true, stdin: 'p\n', executed: null });
    const [recorded] = await handlerLog(client, 'echo', 0);
    const tried = await testHandler(client, { name: 'echo', run: recorded?.id, execute: true });
    expect(tried.executed).toMatchObject({ ok: true, stdout: 'v7\ngot user\n' });
    await approve(client, 'view');
    await eventually('the approved run', async () => (await listHandlers(client))[2]?.last?.state === 'ok');
    expect(JSON.parse(readFileSync(join(directory, 'view'), 'utf8'))).toMatchObject({ reason: 'approve' });
    await expect(approve(client, 'echo')).rejects.toThrow("Nothing holds 'echo' back");
    await expect(handlerLog(client, 'nobody', 0)).rejects.toThrow("No handler 'nobody'");
    await expect(approve(client, 'nobody')).rejects.toThrow("No handler 'nobody'; this agent has");
  });

  it('can be read over an open TCP port, and neither run nor approved', async () => {
    await start({ handlers: handlersIn(directory) });
    const client = await connect(TCP);
    expect(await listHandlers(client)).toHaveLength(2);
    expect(await handlerLog(client, 'echo', 0)).toEqual([]);
    await expect(rerunHandler(client, 'echo', 0)).rejects.toThrow(REFUSED);
    await expect(testHandler(client, { name: 'echo', event: '{}', execute: false })).rejects.toThrow(REFUSED);
    await expect(approve(client, 'view')).rejects.toThrow(REFUSED);
  });

  it('can be run over TCP with the RPC key', async () => {
    await start({ handlers: handlersIn(directory), rpc_auth: 'k' });
    const client = await connect(TCP, 'k');
    const event = JSON.stringify({ event: 'user', name: 'u', payload: 'p' });
    const result = await testHandler(client, { name: 'echo', event, execute: true });
    expect(result.executed).toMatchObject({ ok: true, stdout: 'p\ngot user\n' });
  });

  it('change with a reload, and a mistake in the new file changes nothing', async () => {
    const client = await start({ handlers: handlersIn(directory) });
    configure({ handlers: { echo: { run: 'true', tiemout: '1s' } } });
    signals.push('SIGHUP');
    await eventually('the refusal', () =>
      Promise.resolve(lines.some((line) => line.includes('Failed to reload'))),
    );
    expect(lines.join('\n')).toContain("unknown key 'tiemout'");
    expect(await listHandlers(client)).toHaveLength(2);
    configure({ handlers: { fresh: { run: 'true' } } });
    signals.push('SIGHUP');
    await eventually('the change', async () => (await listHandlers(client))[0]?.name === 'fresh');
  });

  it('keep their record over a restart', async () => {
    writeFileSync(join(directory, 't'), '{% for m in members %}{{ m.name }}\n{% endfor %}');
    const renderers = { file: { template: join(directory, 't'), target: join(directory, 'f') } };
    const config = { handlers: handlersIn(directory), renderers };
    const client = await start(config);
    await client.event('deploy', Buffer.from('v7'), false);
    await eventually('the run', async () => (await handlerLog(client, 'echo', 0))[0]?.state === 'ok');
    await eventually('the file', async () => (await handlerLog(client, 'file', 0))[0]?.state === 'ok');
    signals.push('SIGTERM');
    await ended;
    const again = await start(config);
    expect((await handlerLog(again, 'file', 0)).at(-1)).toMatchObject({ cause: 'start', exit: 'created' });
    await expect(rerunHandler(again, 'file', 0)).rejects.toThrow("'file' is a renderer: 'agent render file'");
    const [run] = await handlerLog(again, 'echo', 0);
    expect(run).toMatchObject({ state: 'ok', event: 'user-event: deploy', stdout: 'v7\ngot user\n' });
    expect(await rerunHandler(again, 'echo', run?.id ?? 0)).toMatchObject({
      ok: true,
      stdout: 'v7\ngot user\n',
    });
  });
});
