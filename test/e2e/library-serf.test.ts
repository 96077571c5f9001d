import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, expect, it } from 'vitest';
import { Cluster, type ClusterEvent, type ClusterOptions, RpcClient } from '../../src/index.ts';
import { describeWithSerf, SERF_BIN } from '../support/interop.ts';

const run = promisify(execFile);
const SERF = SERF_BIN ?? 'serf';
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function until(done: () => boolean | Promise<boolean>, limitMs = 10_000): Promise<void> {
  const giveUpAt = performance.now() + limitMs;
  while (!(await done())) {
    if (performance.now() > giveUpAt) throw new Error(`it did not happen within ${limitMs} ms`);
    await sleep(20);
  }
}

async function cluster(nodeName: string, ip: string, more: Partial<ClusterOptions> = {}): Promise<Cluster> {
  const started = await Cluster.start({ nodeName, bind: { ip }, profile: 'local', ...more });
  cleanups.push(() => started.shutdown());
  return started;
}

/** A real agent at `ip`, its RPC port beside it. */
async function serf(node: string, ip: string, ...flags: string[]) {
  const rpc = `${ip}:7373`;
  const args = ['agent', `-node=${node}`, `-bind=${ip}`, `-rpc-addr=${rpc}`, '-profile=local', ...flags];
  const child: ChildProcess = spawn(SERF, args, { stdio: 'ignore' });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  cleanups.push(async () => {
    child.kill('SIGKILL');
    await gone;
  });
  const command = async (name: string, ...rest: string[]): Promise<string> =>
    (await run(SERF, [name, `-rpc-addr=${rpc}`, ...rest])).stdout;
  const isUp = (): Promise<boolean> =>
    command('members').then(
      () => true,
      () => false,
    );
  await until(isUp);
  return { child, command, rpc, gone };
}

function watch(node: Cluster): string[] {
  const lines: string[] = [];
  void (async () => {
    for await (const event of node.events()) lines.push(lineOf(event));
  })();
  return lines;
}

function lineOf(event: ClusterEvent): string {
  if (event.type === 'user') return `user ${event.name} ${Buffer.from(event.payload ?? []).toString()}`;
  if (event.type === 'query') return `query ${event.name}`;
  return `${event.type} ${event.members.map(({ name }) => name).join()}`;
}

const status = (node: Cluster, name: string): string =>
  node.members().find((member) => member.name === name)?.status ?? 'unknown';

describeWithSerf('a library node and real serf agents', () => {
  it('join in both directions, exchange tags, events and answers, and see each other leave', async () => {
    const a = await cluster('a', '127.84.10.1', { tags: new Map([['role', 'web']]) });
    const told = watch(a);
    const real = await serf('real', '127.84.10.2', '-tag', 'role=db');
    const other = await serf('other', '127.84.10.3', '-event-handler=query:up=echo yes');

    expect(await a.join(['127.84.10.2'])).toBe(1);
    await other.command('join', '127.84.10.1');
    await until(
      async () => (await other.command('members', '-status=alive')).trim().split('\n').length === 3,
    );
    expect(await real.command('members', '-name=a')).toMatch(/^a +127\.84\.10\.1:7946 +alive +role=web$/m);
    expect(a.members().find(({ name }) => name === 'real')?.tags).toEqual(new Map([['role', 'db']]));

    await a.setTags(new Map([['role', 'cache']]));
    await until(async () => (await other.command('members', '-name=a')).includes('role=cache'));

    const rpc = await RpcClient.connect({ address: { host: '127.84.10.2', port: 7373 } });
    cleanups.push(() => rpc.close());
    const toldReal: string[] = [];
    const stream = await rpc.stream('user');
    // The stream breaks when the agent leaves, further down.
    void (async () => {
      for await (const event of stream) if (event.type === 'user') toldReal.push(event.name);
    })().catch(() => undefined);
    await real.command('event', '-coalesce=false', 'from-serf', 'one');
    a.userEvent('from-us', Buffer.from('two'));
    await until(() => told.includes('user from-serf one') && told.includes('user from-us two'));
    await until(() => toldReal.length === 2);

    const replies: string[] = [];
    for await (const reply of a.query({ name: 'up', requestAck: true })) {
      replies.push(
        reply.type === 'ack'
          ? `ack ${reply.from}`
          : `${reply.from}: ${Buffer.from(reply.payload).toString().trim()}`,
      );
    }
    expect(replies.sort()).toEqual(['ack a', 'ack other', 'ack real', 'other: yes']);

    await real.command('leave');
    await until(() => status(a, 'real') === 'left');
    await a.leave();
    await until(async () => /^a .* left /m.test(await other.command('members')));
    await sleep(500);
    expect(toldReal.sort()).toEqual(['from-serf', 'from-us']);
    expect(told.filter((line) => line.startsWith('user')).sort()).toEqual([
      'user from-serf one',
      'user from-us two',
    ]);
    expect(told.filter((line) => line.endsWith(' real'))).toEqual(['member-join real', 'member-leave real']);
  });

  it('see each other fail, and come back', async () => {
    const a = await cluster('a', '127.84.11.1');
    const told = watch(a);
    const real = await serf('real', '127.84.11.2');
    await a.join(['127.84.11.2']);
    await until(() => status(a, 'real') === 'alive');
    real.child.kill('SIGKILL');
    await real.gone;
    await until(() => status(a, 'real') === 'failed', 20_000);
    const again = await serf('real', '127.84.11.2');
    await again.command('join', '127.84.11.1');
    await until(() => status(a, 'real') === 'alive');
    expect(told.filter((line) => line.endsWith(' real'))).toEqual([
      'member-join real',
      'member-failed real',
      'member-join real',
    ]);
    await a.shutdown();
    await until(async () => /^a .* failed/m.test(await again.command('members')), 20_000);
  });

  it('understand each other with a key, and refuse each other with different ones', async () => {
    const key = Buffer.alloc(32, 5);
    const a = await cluster('a', '127.84.12.1', { keys: [key] });
    const wrong = await cluster('w', '127.84.12.3', { keys: [Buffer.alloc(32, 6)] });
    const real = await serf('real', '127.84.12.2', `-encrypt=${key.toString('base64')}`);
    expect(await a.join(['127.84.12.2'])).toBe(1);
    await until(() => status(a, 'real') === 'alive');
    await until(async () => (await real.command('members', '-status=alive')).trim().split('\n').length === 2);
    await expect(wrong.join(['127.84.12.2'])).rejects.toMatchObject({ code: 'ERR_JOIN_FAILED' });
    expect(await real.command('members')).not.toContain('127.84.12.3');
  });
});
