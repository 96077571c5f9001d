import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import type { QueryRecord } from '../../src/rpc/backend.ts';
import { RpcServer } from '../../src/rpc/server.ts';
import { describeWithSerf } from '../support/interop.ts';
import { FakeBackend, member, NO_REPORT } from '../unit/rpc/fake-backend.ts';
import { serfCli, spawnCli, stopAll, waitFor } from './helpers.ts';

const HOST = '127.83.1.1';
const PORT = 7373;
const ADDRESS = `-rpc-addr=${HOST}:${PORT}`;

afterAll(stopAll);

describeWithSerf("Serf's command line against our RPC server", () => {
  let backend: FakeBackend;
  let server: RpcServer;
  const logs: string[] = [];

  beforeEach(async () => {
    backend = new FakeBackend();
    backend.memberList = [
      member('alpha', { tags: new Map([['role', 'web']]) }),
      member('beta', { status: 'failed', addr: Uint8Array.of(10, 0, 0, 2), port: 8000 }),
    ];
    logs.length = 0;
    server = await RpcServer.listen({
      backend,
      listeners: [{ host: HOST, port: PORT }],
      log: (level, text) => logs.push(`[${level}] ${text}`),
    });
  });
  afterEach(() => server.close());

  async function serf(command: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await serfCli([command, ADDRESS, ...args]);
    expect([code, stderr]).toEqual([0, '']);
    return stdout;
  }

  it('members: columns, filters and the detailed form', async () => {
    expect((await serf('members')).split('\n').map((line) => line.trimEnd().split(/ {2,}/))).toEqual([
      ['alpha', '127.0.0.1:7946', 'alive', 'role=web'],
      ['beta', '10.0.0.2:8000', 'failed'],
      [''],
    ]);
    expect(await serf('members', '-status=alive', '-tag', 'role=w.*')).toMatch(/^alpha[^\n]*\n$/);
    expect(await serf('members', '-detailed')).toContain('Protocol Version: 5');
    expect(JSON.parse(await serf('members', '-format=json', '-name=b.*')).members).toHaveLength(1);
  });

  it('members: a bad expression is an error, and the next command works', async () => {
    const { code, stdout } = await serfCli(['members', ADDRESS, '-name=(']);
    expect([code, stdout]).toEqual([
      1,
      expect.stringMatching(/^Error retrieving members: Failed to compile/),
    ]);
  });

  it('event, tags, join and force-leave arrive with all their flags', async () => {
    expect(await serf('event', '-coalesce=false', 'deploy', 'v2')).toContain("Event 'deploy' dispatched!");
    expect(await serf('event', 'bare')).toContain("Event 'bare' dispatched!");
    expect(await serf('tags', '-set', 'a=b', '-delete', 'c')).toContain('Successfully updated agent tags');
    expect(await serf('join', '-replay', '10.0.0.9')).toContain(
      'Successfully joined cluster by contacting 1 nodes.',
    );
    await serf('force-leave', '-prune', 'beta');
    expect(backend.calls).toEqual([
      ['userEvent', 'deploy', 'v2', false],
      ['userEvent', 'bare', null, true],
      ['updateTags', { a: 'b' }, ['c']],
      ['join', ['10.0.0.9'], true],
      ['forceLeave', 'beta', true],
    ]);
  });

  it('join and event: a refusal is shown word for word', async () => {
    backend.onJoin = () => Promise.reject(new Error('1 error occurred:\n\t* Failed to join x\n\n'));
    backend.failures = { userEvent: new Error('user event exceeds configured limit') };
    const join = await serfCli(['join', ADDRESS, 'x']);
    expect([join.code, join.stdout]).toEqual([1, expect.stringContaining('* Failed to join x')]);
    const event = await serfCli(['event', ADDRESS, 'x']);
    expect([event.code, event.stdout]).toEqual([
      1,
      expect.stringContaining('user event exceeds configured limit'),
    ]);
  });

  it('leave waits for the leave, then the agent may go', async () => {
    expect(await serf('leave')).toContain('Graceful leave complete');
    await waitFor('the agent to be let go', () => backend.calls.length === 2);
    expect(backend.calls).toEqual([['leave'], ['afterLeave']]);
  });

  it('info and rtt', async () => {
    backend.groups = new Map([
      ['agent', new Map([['name', 'alpha']])],
      ['serf', new Map([['members', '2']])],
    ]);
    expect(await serf('info')).toContain('members = 2');
    const coordinate = { vec: [0, 0, 0, 0, 0, 0, 0, 0], error: 1, adjustment: 0, height: 0 };
    backend.coordinates.set('alpha', coordinate);
    backend.coordinates.set('beta', { ...coordinate, vec: [0.01, 0, 0, 0, 0, 0, 0, 0] });
    expect(await serf('rtt', 'beta')).toMatch(/beta <-> alpha rtt: 10\.000 ms/);
    const unknown = await serfCli(['rtt', ADDRESS, 'nobody']);
    expect([unknown.code, unknown.stdout]).toEqual([
      1,
      expect.stringContaining('Could not find a coordinate'),
    ]);
  });

  it('query: acks, answers, the end; what was asked', async () => {
    backend.onQuery = async function* (): AsyncGenerator<QueryRecord> {
      yield { type: 'ack', from: 'alpha' };
      yield { type: 'response', from: 'alpha', payload: Buffer.from('0.42') };
      // The command reads records and the end in no fixed order.
      await new Promise((resolve) => setTimeout(resolve, 500));
    };
    const out = await serf(
      'query',
      '-timeout=2s',
      '-node=alpha',
      '-tag',
      'role=web',
      '-relay-factor=3',
      'load',
      'p',
    );
    expect(out).toContain("Ack from 'alpha'");
    expect(out).toContain("Response from 'alpha': 0.42");
    expect(out).toContain('Total Acks: 1\nTotal Responses: 1');
    expect(backend.calls).toEqual([
      [
        'query',
        {
          name: 'load',
          payload: new Uint8Array(Buffer.from('p')),
          filterNodes: ['alpha'],
          filterTags: new Map([['role', 'web']]),
          requestAck: true,
          relayFactor: 3,
          timeoutMs: 2000,
        },
      ],
    ]);
  });

  it('reachability asks every member that lives', async () => {
    backend.onQuery = async function* (): AsyncGenerator<QueryRecord> {
      yield { type: 'ack', from: 'alpha' };
    };
    expect(await serf('reachability')).toContain('Successfully contacted all live nodes');
    expect(backend.calls.at(-1)?.[1]).toMatchObject({ name: '_serf_ping', payload: null, requestAck: true });
  });

  it('keys: lists and failures', async () => {
    const key = '5K9OtfP7efFrNKe5WCQvXvnaXJ5cWP0SvXiwe0kkjM4=';
    backend.onKeys = ({ action }) =>
      Promise.resolve(
        action === 'list'
          ? { ...NO_REPORT, keys: new Map([[key, 2]]), numNodes: 2, numResp: 2 }
          : {
              ...NO_REPORT,
              messages: new Map([['beta', 'no such key']]),
              numErr: 1,
              numNodes: 2,
              numResp: 2,
              error: '1/2 nodes reported failure',
            },
      );
    expect(await serf('keys', '-list')).toMatch(/kjM4= +\[2\/2\]/);
    const failed = await serfCli(['keys', ADDRESS, `-use=${key}`]);
    expect(failed.code).toBe(1);
    expect(failed.stdout).toContain('no such key');
    expect(backend.calls.at(-1)).toEqual(['keys', 'use', key]);
  });

  it('monitor shows the backlog, live lines and every event, whatever it holds', async () => {
    backend.backlog = [
      '2026/01/01 00:00:00 [INFO] agent: old',
      '',
      '2026/01/01 00:00:00 [DEBUG] agent: hidden',
    ];
    const monitor = spawnCli('serf', ['monitor', ADDRESS]);
    await waitFor('the backlog', () => monitor.output().includes('agent: old'));
    backend.logFeed.push('');
    backend.logFeed.push('2026/01/01 00:00:00 [ERR] agent: live');
    backend.eventFeed.push({ type: 'user', ltime: 3, name: 'deploy', payload: null, coalesce: true });
    backend.eventFeed.push({ type: 'member-join', members: backend.memberList });
    await waitFor('the live line', () => monitor.output().includes('agent: live'));
    await waitFor('the events', () => /deploy.*member-join/s.test(monitor.output()));
    expect(monitor.output()).not.toContain('hidden');
    expect(server.summary).toMatchObject({ monitors: 1, eventStreams: 1 });
    monitor.kill('SIGKILL');
    await waitFor('the streams to end', () => server.summary.clients === 0);
    expect(backend.eventFeed.readers + backend.logFeed.readers).toBe(0);
  });

  it('a key is asked for and taken', async () => {
    await server.close();
    server = await RpcServer.listen({
      backend,
      listeners: [{ host: HOST, port: PORT }],
      authKey: 'secret',
      log: () => {},
    });
    expect(await serf('members', '-rpc-auth=secret')).toContain('alpha');
    for (const command of ['members', 'join', 'leave', 'info']) {
      const args = command === 'join' ? ['x'] : [];
      const { code, stdout } = await serfCli([command, ADDRESS, ...args]);
      expect([command, code, stdout]).toEqual([
        command,
        1,
        expect.stringContaining('Authentication required'),
      ]);
    }
    const wrong = await serfCli(['members', ADDRESS, '-rpc-auth=wrong']);
    expect([wrong.code, wrong.stdout]).toEqual([1, expect.stringContaining('Invalid authentication token')]);
  });
});
