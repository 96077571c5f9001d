import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { MemberEvent, MemberEventType } from '../../src/events/event.ts';
import { RpcClient } from '../../src/rpc/client.ts';
import type { RpcStream } from '../../src/rpc/client-stream.ts';
import type { StreamedEvent } from '../../src/rpc/protocol.ts';
import type { ClientQueryRecord } from '../../src/rpc/records.ts';
import { describeWithSerf } from '../support/interop.ts';
import { type Daemon, startSerf, stopAll, waitFor } from './helpers.ts';

const KEY = 'AwoRGB8mLTQ7QklQV15laHN6gYiPlp2kq7K5wMfO1dw=';
const OTHER_KEY = 'HjtYdZKvzOkGI0BdepextMHO2+j1Ag8cKTZDUF1qd4Q=';
const AUTH = 's3cret';

const folder = mkdtempSync(join(tmpdir(), 'rpc-client-'));
const AUTH_FILE = join(folder, 'auth.json');
writeFileSync(AUTH_FILE, JSON.stringify({ rpc_auth: AUTH }));

afterAll(async () => {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
});

type EventOf<T extends StreamedEvent['type']> = T extends MemberEventType
  ? MemberEvent
  : Extract<StreamedEvent, { readonly type: T }>;

/** The next event of a type that `wanted` accepts; Serf coalesces and repeats member events as it likes. */
async function until<T extends StreamedEvent['type']>(
  events: RpcStream<StreamedEvent>,
  type: T,
  wanted: (event: EventOf<T>) => boolean = () => true,
): Promise<EventOf<T>> {
  for (;;) {
    const { value, done } = await events.next();
    if (done) throw new Error(`the stream ended before ${type}`);
    if (value.type === type && wanted(value as EventOf<T>)) return value as EventOf<T>;
  }
}

describeWithSerf('our RPC client against a real agent', () => {
  let one: Daemon;
  let two: Daemon;

  beforeAll(async () => {
    const args = [`-encrypt=${KEY}`];
    [one, two] = await Promise.all([
      startSerf({
        name: 'one',
        ip: '127.83.2.1',
        args: [...args, `-config-file=${AUTH_FILE}`, '-tag', 'role=web'],
      }),
      startSerf({ name: 'two', ip: '127.83.2.2', args }),
    ]);
  });

  function connect(daemon: Daemon, authKey = AUTH): Promise<RpcClient> {
    return RpcClient.connect({ address: { host: daemon.ip, port: 7373 }, authKey });
  }

  it('authentication: required, refused, accepted', async () => {
    await using stranger = await connect(one, '');
    await expect(stranger.members()).rejects.toMatchObject({ message: 'Authentication required' });
    await expect(stranger.join(['127.83.2.2'])).rejects.toMatchObject({ message: 'Authentication required' });
    await expect(connect(one, 'wrong')).rejects.toMatchObject({
      code: 'ERR_RPC_REMOTE',
      message: 'Invalid authentication token',
    });
  });

  it('streams deliver joins, updates, user events and queries, which can be answered; the rest works beside them', async () => {
    await using client = await connect(one);
    await using events = await client.stream();
    expect(await client.join(['127.83.2.2'])).toBe(1);
    await waitFor('both members', async () => (await client.members()).length === 2);
    const joined = await until(events, 'member-join', (event) =>
      event.members.some(({ name }) => name === 'two'),
    );
    const two = joined.members.find(({ name }) => name === 'two');
    expect(two).toMatchObject({ port: 7946, status: 'alive' });

    await client.updateTags(
      new Map([
        ['role', 'db'],
        ['x', 'y'],
      ]),
      ['nope'],
    );
    expect((await until(events, 'member-update')).members[0]).toMatchObject({ name: 'one' });
    const payload = Uint8Array.of(0, 0xff, 10);
    await client.event('deploy', payload, false);
    expect(await until(events, 'user')).toMatchObject({ name: 'deploy', payload, coalesce: false });

    const answers = await client.query({ name: 'ask', payload, requestAck: true, timeoutMs: 1500 });
    const asked = await until(events, 'query');
    expect(asked).toMatchObject({ name: 'ask', payload });
    await client.respond(asked.id, Buffer.from('mine'));
    await expect(client.respond(asked.id, Buffer.from('again'))).rejects.toMatchObject({
      message: expect.stringMatching(/already sent/),
    });
    await expect(client.respond(999, Buffer.from('x'))).rejects.toMatchObject({
      message: expect.stringMatching(/No pending queries/),
    });
    const records: ClientQueryRecord[] = [];
    for await (const record of answers) records.push(record);
    expect(
      records
        .filter((record) => record.type === 'ack')
        .map((record) => record.from)
        .sort(),
    ).toEqual(['one', 'two']);
    expect(records).toContainEqual({
      type: 'response',
      from: 'one',
      payload: new Uint8Array(Buffer.from('mine')),
    });
  });

  it('members, filters, stats and coordinates', async () => {
    await using client = await connect(one);
    const [own] = await client.membersFiltered({
      name: 'one',
      status: 'alive',
      tags: new Map([['role', 'd.']]),
    });
    expect(own).toMatchObject({ name: 'one', status: 'alive', port: 7946, delegateCur: 5 });
    expect(own?.addr).toEqual(Uint8Array.of(127, 83, 2, 1));
    expect(own?.tags).toEqual(
      new Map([
        ['role', 'db'],
        ['x', 'y'],
      ]),
    );
    expect(await client.membersFiltered({ name: 'nobody' })).toEqual([]);
    const stats = await client.stats();
    expect(stats.get('agent')?.get('name')).toBe('one');
    expect(stats.get('serf')?.get('members')).toBe('2');
    expect((await client.coordinate('one'))?.vec).toHaveLength(8);
    expect(await client.coordinate('nobody')).toBeUndefined();
  });

  it('errors of the agent arrive in its own words', async () => {
    await using client = await connect(one);
    await expect(client.join(['127.83.2.9:1'])).rejects.toMatchObject({
      code: 'ERR_RPC_REMOTE',
      message: expect.stringMatching(/^1 error occurred:\n\t\* Failed to join 127\.83\.2\.9/),
    });
    await expect(client.event('x', Buffer.alloc(600))).rejects.toMatchObject({
      message: expect.stringMatching(/exceeds configured limit/),
    });
    await expect(client.query({ name: '_serf_x' })).rejects.toMatchObject({
      message: expect.stringMatching(/cannot contain/),
    });
    await expect(client.stream('bad')).rejects.toMatchObject({ message: 'Invalid event filter' });
    await expect(client.monitor('bad')).rejects.toMatchObject({ message: 'Unknown log level: BAD' });
    expect(await client.members()).toHaveLength(2);
  });

  it('a bad filter makes the agent hang up, which is told', async () => {
    await using client = await connect(one);
    await expect(client.membersFiltered({ name: '(' })).rejects.toMatchObject({
      code: 'ERR_RPC_CLOSED',
      message: 'client closed',
    });
  });

  it('a monitor delivers the backlog; leaving it lets another begin', async () => {
    await using client = await connect(one);
    for (let round = 0; round < 2; round += 1) {
      const logs = await client.monitor('debug');
      await expect(client.monitor('debug')).rejects.toMatchObject({ message: 'Monitor already exists' });
      for await (const line of logs) if (line.includes('agent.ipc: Accepted client')) break;
    }
  });

  it('the life of a key', async () => {
    await using client = await connect(one);
    const keys = (action: 'install' | 'use' | 'remove' | 'list', key = '') => client.keys({ action, key });
    expect(await keys('install', OTHER_KEY)).toMatchObject({ numNodes: 2, numResp: 2, numErr: 0 });
    expect((await keys('list')).keys).toEqual(
      new Map([
        [KEY, 2],
        [OTHER_KEY, 2],
      ]),
    );
    expect(await keys('use', OTHER_KEY)).not.toHaveProperty('error');
    const refused = await keys('remove', OTHER_KEY);
    expect(refused).toMatchObject({ error: '2/2 nodes reported failure', numErr: 2 });
    expect(refused.messages.size).toBe(2);
    expect(await keys('remove', KEY)).not.toHaveProperty('error');
    expect(await keys('install', 'bad')).toMatchObject({
      error: expect.stringContaining('base64'),
      numNodes: 0,
    });
  });

  it('force-leave and leave; the connection closes behind the leave', async () => {
    await using client = await connect(one);
    two.kill('SIGKILL');
    await waitFor(
      'two to fail',
      async () => (await client.membersFiltered({ status: 'failed' })).length === 1,
    );
    await client.forceLeave('two');
    await waitFor(
      'two to be left',
      async () => (await client.membersFiltered({ status: 'left' })).length === 1,
    );
    await client.forceLeave('two', true);
    expect(await client.membersFiltered({ name: 'two' })).toEqual([]);
    await client.leave();
    expect(await one.gone).toBe(0);
    await expect(client.members()).rejects.toMatchObject({ message: 'client closed' });
    await expect(connect(one)).rejects.toMatchObject({
      code: 'ERR_RPC_CONNECT',
      message: 'dial tcp 127.83.2.1:7373: connect: connection refused',
    });
  });
});
