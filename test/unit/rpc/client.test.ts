import { createServer, type Server, type Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import type { QueryRecord } from '../../../src/rpc/backend.ts';
import { RpcClient } from '../../../src/rpc/client.ts';
import { CLIENT_STREAM_CAPACITY } from '../../../src/rpc/client-stream.ts';
import { encodeFrame } from '../../../src/rpc/codec.ts';
import type { WireValue } from '../../../src/rpc/protocol.ts';
import type { ClientQueryRecord } from '../../../src/rpc/records.ts';
import { member, NO_REPORT } from './fake-backend.ts';
import { HOST, rig, until } from './harness.ts';

/** An agent made of raw bytes: agrees to the handshake, then does as the test says. */
async function scripted(onRequest: (socket: Socket, turn: number) => void) {
  const sockets: Socket[] = [];
  const server: Server = createServer({ noDelay: true }, (socket) => {
    sockets.push(socket);
    let turn = 0;
    socket.on('error', () => {});
    socket.on('data', () => {
      if (turn === 0) socket.write(encodeFrame({ Error: '', Seq: 1 }));
      else onRequest(socket, turn);
      turn += 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as { port: number };
  return {
    address: { host: HOST, port },
    async [Symbol.asyncDispose](): Promise<void> {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const frame = (seq: number, error: string, body?: WireValue) => encodeFrame({ Error: error, Seq: seq }, body);

async function take<T>(stream: AsyncIterator<T>, count: number): Promise<T[]> {
  const out: T[] = [];
  while (out.length < count) out.push((await stream.next()).value);
  return out;
}

describe('connecting', () => {
  it('nobody there: the words of a Go client', async () => {
    const server = createServer().listen(0, HOST);
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    await expect(RpcClient.connect({ address: { host: HOST, port } })).rejects.toMatchObject({
      code: 'ERR_RPC_CONNECT',
      message: `dial tcp ${HOST}:${port}: connect: connection refused`,
    });
    await expect(RpcClient.connect({ address: { path: '/nowhere/s.sock' } })).rejects.toMatchObject({
      code: 'ERR_RPC_CONNECT',
      message: 'dial unix /nowhere/s.sock: connect: no such file or directory',
    });
  });

  it('a good key opens, a bad one is the error of the agent, none is told when it matters', async () => {
    await using rigged = await rig({ authKey: 'secret' });
    const { address } = rigged;
    await using good = await RpcClient.connect({ address, authKey: 'secret' });
    expect(await good.members()).toEqual([]);
    await expect(RpcClient.connect({ address, authKey: 'wrong' })).rejects.toMatchObject({
      code: 'ERR_RPC_REMOTE',
      message: 'Invalid authentication token',
    });
    await using none = await RpcClient.connect({ address });
    const required = { code: 'ERR_RPC_REMOTE', message: 'Authentication required' };
    await expect(none.members()).rejects.toMatchObject(required);
    await expect(none.join(['a'])).rejects.toMatchObject(required);
    await expect(none.keys({ action: 'list', key: '' })).rejects.toMatchObject(required);
    await expect(none.event('x')).rejects.toMatchObject(required);
    await until(() => rigged.server.summary.clients === 2);
  });

  it('an agent that accepts and says nothing is given up, and nothing stays open', async () => {
    const server = createServer().listen(0, HOST);
    await new Promise((resolve) => server.once('listening', resolve));
    const gone = new Promise((resolve) =>
      server.once('connection', (socket) => socket.resume().once('close', resolve)),
    );
    const { port } = server.address() as { port: number };
    await expect(RpcClient.connect({ address: { host: HOST, port }, timeoutMs: 20 })).rejects.toMatchObject({
      code: 'ERR_RPC_TIMEOUT',
      message: expect.stringContaining("no answer to 'handshake' within 0.02 s"),
    });
    await gone;
    server.close();
  });

  it('an abort gives up with its reason, before, during and after connecting', async () => {
    await using rigged = await rig();
    const reason = new Error('enough');
    const { address } = rigged;
    await expect(RpcClient.connect({ address, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const during = new AbortController();
    const connecting = RpcClient.connect({ address, signal: during.signal });
    during.abort(reason);
    await expect(connecting).rejects.toBe(reason);
    const after = new AbortController();
    const client = await RpcClient.connect({ address, signal: after.signal });
    after.abort(reason);
    await expect(client.members()).rejects.toMatchObject({
      code: 'ERR_RPC_CLOSED',
      message: 'client closed',
    });
  });
});

describe('calls against our server', () => {
  it('a forced removal says so, any other key command does not', async () => {
    await using rigged = await rig();
    await using client = await RpcClient.connect({ address: rigged.address });
    rigged.backend.onKeys = ({ force }) => Promise.resolve({ ...NO_REPORT, error: String(force) });
    expect((await client.keys({ action: 'remove', key: 'k', force: true })).error).toBe('true');
    expect((await client.keys({ action: 'remove', key: 'k' })).error).toBe('false');
  });

  it('each command arrives as it was meant and brings its answer back', async () => {
    await using rigged = await rig();
    const { backend } = rigged;
    await using client = await RpcClient.connect({ address: rigged.address });
    backend.memberList = [
      member('a', { tags: new Map([['role', 'web']]) }),
      member('\udcfe', { status: 'left', addr: new Uint8Array(16).fill(1) }),
    ];
    backend.groups = new Map([['agent', new Map([['name', 'a']])]]);
    const coordinate = { vec: [1, 2, 3.5], error: 0, adjustment: -1e-6, height: 1 };
    backend.coordinates.set('a', coordinate);
    const report = { ...NO_REPORT, keys: new Map([['k', 300]]), messages: new Map([['a', 'm']]), numErr: 1 };
    backend.onKeys = ({ action }) =>
      Promise.resolve(action === 'list' ? report : { ...NO_REPORT, error: '1/1 nodes' });
    expect(await client.members()).toEqual(backend.memberList);
    expect(await client.membersFiltered({ name: 'a', tags: new Map([['role', 'w.*']]) })).toHaveLength(1);
    expect(await client.membersFiltered({ status: 'left' })).toEqual([backend.memberList[1]]);
    expect(await client.stats()).toEqual(backend.groups);
    expect(await client.coordinate('a')).toEqual(coordinate);
    expect(await client.coordinate('b')).toBeUndefined();
    expect(await client.keys({ action: 'list', key: '' })).toEqual(report);
    expect(await client.keys({ action: 'use', key: 'k' })).toEqual({ ...NO_REPORT, error: '1/1 nodes' });
    backend.calls.length = 0;
    expect(await client.join(['x', 'y'], true)).toBe(1);
    backend.joinWarnings = ['name taken'];
    const warnings: string[] = [];
    expect(await client.join(['z'], false, (text) => warnings.push(text))).toBe(1);
    expect(warnings).toEqual(['name taken']);
    await client.event('e', Buffer.from('p'), false);
    await client.event('e');
    await client.forceLeave('\udcff', true);
    await client.updateTags(new Map([['a', 'b']]), ['c']);
    await client.leave();
    expect(backend.calls.filter(([name]) => name !== 'afterLeave')).toEqual([
      ['join', ['x', 'y'], true],
      ['join', ['z'], false],
      ['userEvent', 'e', 'p', false],
      ['userEvent', 'e', null, true],
      ['forceLeave', '\udcff', true],
      ['updateTags', { a: 'b' }, ['c']],
      ['leave'],
    ]);
  });

  it("an agent's error is thrown with its own text and the next call works", async () => {
    await using rigged = await rig();
    await using client = await RpcClient.connect({ address: rigged.address });
    rigged.backend.onJoin = () => Promise.reject(new Error('1 error occurred'));
    await expect(client.join(['a'])).rejects.toMatchObject({
      code: 'ERR_RPC_REMOTE',
      message: '1 error occurred',
    });
    await expect(client.membersFiltered({ name: '(' })).rejects.toMatchObject({ code: 'ERR_RPC_REMOTE' });
    await expect(client.stream('bad')).rejects.toMatchObject({ message: 'Invalid event filter' });
    await expect(client.monitor('bad')).rejects.toMatchObject({ message: 'Unknown log level: BAD' });
    await expect(client.query({ name: '_serf_x' })).rejects.toMatchObject({
      message: expect.stringMatching(/prefix/),
    });
    await expect(client.respond(4, Buffer.from('x'))).rejects.toMatchObject({
      message: expect.stringMatching(/No pending queries/),
    });
    expect(await client.members()).toEqual([]);
  });

  it('calls made at the same time each get their own answer', async () => {
    await using rigged = await rig();
    await using client = await RpcClient.connect({ address: rigged.address });
    const [members, , joined, stats] = await Promise.all([
      client.members(),
      client.event('x'),
      client.join(['a']),
      client.stats(),
    ]);
    expect([members, joined, stats]).toEqual([[], 1, new Map()]);
  });

  it('a query that says when it may end hears last who gave no sign; any other ends in the plain way', async () => {
    await using rigged = await rig();
    const { backend } = rigged;
    backend.onQuery = () => ({
      tally: { silent: ['y', 'z'] },
      async *[Symbol.asyncIterator]() {
        yield { type: 'ack', from: 'a' };
      },
    });
    await using client = await RpcClient.connect({ address: rigged.address });
    const early = await client.query({ name: 'q', until: 'acks' });
    expect(backend.calls.at(-1)?.[1]).toMatchObject({ until: 'acks' });
    expect(await take(early, 2)).toEqual([
      { type: 'ack', from: 'a' },
      { type: 'silent', names: ['y', 'z'] },
    ]);
    expect((await early.next()).done).toBe(true);
    const plain = await client.query({ name: 'q' });
    expect(backend.calls.at(-1)?.[1]).toMatchObject({ until: undefined });
    expect(await take(plain, 1)).toEqual([{ type: 'ack', from: 'a' }]);
    expect((await plain.next()).done).toBe(true);
    expect((await plain.next()).done).toBe(true);
  });

  it('streams, a monitor and a query run side by side; a query can be answered from the stream', async () => {
    await using rigged = await rig();
    const { backend } = rigged;
    backend.backlog = ['[INFO] old'];
    let answer: (record: QueryRecord) => void = () => {};
    backend.onQuery = async function* () {
      yield { type: 'ack', from: 'a' };
      yield await new Promise<QueryRecord>((resolve) => (answer = resolve));
    };
    await using client = await RpcClient.connect({ address: rigged.address });
    const events = await client.stream();
    const logs = await client.monitor('info');
    const answers = await client.query({ name: 'q', requestAck: true, timeoutMs: 0.5 });
    expect(backend.calls.at(-1)?.[1]).toMatchObject({
      name: 'q',
      payload: null,
      timeoutMs: 0.5,
      requestAck: true,
    });
    backend.eventFeed.push({
      type: 'query',
      id: 9,
      ltime: 4,
      name: 'q',
      payload: null,
      sourceNode: '',
      timeoutMs: 1000,
    });
    backend.eventFeed.push({ type: 'member-reap', members: [member('z')] });
    expect(await take(events, 2)).toEqual([
      { type: 'query', id: 1, ltime: 4, name: 'q', payload: null },
      { type: 'member-reap', members: [member('z')] },
    ]);
    await client.respond(1, Buffer.from('me'));
    expect(backend.calls.at(-1)).toEqual(['respond', 9, 'me']);
    answer({ type: 'response', from: 'a', payload: Buffer.from('me') });
    const records: ClientQueryRecord[] = [];
    for await (const record of answers) records.push(record);
    expect(records).toEqual([
      { type: 'ack', from: 'a' },
      { type: 'response', from: 'a', payload: new Uint8Array(Buffer.from('me')) },
    ]);
    expect(await take(logs, 1)).toEqual(['[INFO] old']);
  });

  it('leaving a loop stops the stream at the agent; records under way are skipped', async () => {
    await using rigged = await rig();
    const { eventFeed } = rigged.backend;
    await using client = await RpcClient.connect({ address: rigged.address });
    const events = await client.stream('user');
    const event = { type: 'user', ltime: 1, name: 'x', payload: null, coalesce: false } as const;
    for (let i = 0; i < 50; i += 1) eventFeed.push(event);
    for await (const one of events) {
      expect(one).toEqual(event);
      break;
    }
    await eventFeed.subscribed(0);
    expect(await client.members()).toEqual([]);
    expect((await events.next()).done).toBe(true);
    await (await client.stream('user')).return();
    await eventFeed.subscribed(0);
  });

  it('closing ends streams quietly and calls with "client closed"', async () => {
    await using rigged = await rig();
    let finish: (joined: number) => void = () => {};
    rigged.backend.onJoin = () => new Promise((resolve) => (finish = resolve));
    const client = await RpcClient.connect({ address: rigged.address });
    const events = await client.stream();
    const waiting = events.next();
    const joining = client.join(['a']);
    joining.catch(() => {});
    await until(() => rigged.backend.calls.length === 1);
    await client.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await expect(joining).rejects.toMatchObject({ code: 'ERR_RPC_CLOSED', message: 'client closed' });
    await expect(client.event('x')).rejects.toMatchObject({ message: 'client closed' });
    await client.close();
    finish(0);
    await until(() => rigged.server.summary.clients === 0);
  });

  it('an agent that goes away fails calls and streams with "client closed"', async () => {
    const rigged = await rig();
    rigged.backend.onJoin = () => new Promise(() => {});
    await using client = await RpcClient.connect({ address: rigged.address });
    const events = await client.stream();
    const joining = client.join(['a']);
    const failing = expect(joining).rejects.toMatchObject({
      code: 'ERR_RPC_CLOSED',
      message: 'client closed',
    });
    const ending = expect(events.next()).rejects.toMatchObject({
      code: 'ERR_RPC_CLOSED',
      message: 'client closed',
    });
    await rigged.server.close();
    await failing;
    await ending;
    expect((await events.next()).done).toBe(true);
  });
});

describe('calls against an odd agent', () => {
  it('answers of unknown numbers, with or without body, are skipped', async () => {
    await using agent = await scripted((socket) => {
      socket.write(frame(77, ''));
      socket.write(frame(78, '', { Event: 'user', Name: 'x' }));
      socket.write(frame(78, '', new Map([['Seq', 1]])));
      socket.write(frame(79, 'late'));
      socket.write(frame(2, '', { Num: 5 }));
    });
    await using client = await RpcClient.connect({ address: agent.address });
    expect(await client.join(['a'])).toBe(5);
  });

  it('a late answer after a timeout does not shift the next one', async () => {
    await using agent = await scripted((socket, turn) => {
      if (turn === 1) return;
      socket.write(frame(2, '', { Members: [] }));
      socket.write(frame(3, '', new Map([['agent', new Map([['name', 'late']])]])));
    });
    await using client = await RpcClient.connect({ address: agent.address, timeoutMs: 50 });
    await expect(client.members()).rejects.toMatchObject({
      code: 'ERR_RPC_TIMEOUT',
      message: expect.stringContaining("no answer to 'members' within 0.05 s"),
    });
    expect((await client.stats()).get('agent')?.get('name')).toBe('late');
  });

  it('slow commands have their own timeout', async () => {
    await using agent = await scripted(() => {});
    await using client = await RpcClient.connect({
      address: agent.address,
      timeoutMs: 60_000,
      longTimeoutMs: 10,
    });
    await expect(client.join(['a'])).rejects.toMatchObject({ code: 'ERR_RPC_TIMEOUT' });
    await expect(client.leave()).rejects.toMatchObject({ code: 'ERR_RPC_TIMEOUT' });
    await expect(client.keys({ action: 'list', key: '' })).rejects.toMatchObject({ code: 'ERR_RPC_TIMEOUT' });
  });

  it('text in the bytes family, signed integers and integer floats of newer agents are read', async () => {
    const bytes = Buffer.from(
      '82a54572726f72a0a3536571d30000000000000002 81a34e756dd100c8'.replaceAll(' ', ''),
      'hex',
    );
    await using agent = await scripted((socket, turn) => {
      if (turn === 1) socket.write(bytes);
      else
        socket.write(frame(3, '', { Coord: { Adjustment: 0, Error: 1, Height: 0, Vec: [0, 1] }, Ok: true }));
    });
    await using client = await RpcClient.connect({ address: agent.address });
    expect(await client.join(['a'])).toBe(200);
    expect(await client.coordinate('a')).toEqual({ adjustment: 0, error: 1, height: 0, vec: [0, 1] });
  });

  it.each([
    ['no msgpack', Buffer.from([0xc1])],
    ['no header', Buffer.from([0x91, 0x01])],
    ['a member of no known status', frame(2, '', { Members: [{ Status: 'odd' }] })],
    ['members that are no list', frame(2, '', { Members: 5 })],
  ])('%s is an error that says so, never a hang', async (_, bytes) => {
    await using agent = await scripted((socket) => socket.write(bytes));
    await using client = await RpcClient.connect({ address: agent.address });
    const error = await client.members().then(
      () => undefined,
      (thrown) => thrown,
    );
    expect(error).toMatchObject({
      code: 'ERR_RPC_PROTOCOL',
      message: expect.stringMatching(/^the agent sent what is no RPC answer: /),
    });
  });

  it('a record that makes no sense ends the connection with an error', async () => {
    await using agent = await scripted((socket) => {
      socket.write(frame(2, ''));
      socket.write(frame(2, '', { Event: 'odd' }));
    });
    await using client = await RpcClient.connect({ address: agent.address });
    const events = await client.stream();
    await expect(events.next()).rejects.toMatchObject({
      code: 'ERR_RPC_PROTOCOL',
      message: expect.stringMatching(/Event 'odd'/),
    });
  });

  it('records from nobody around the deadline of a query are no end and no record', async () => {
    await using agent = await scripted((socket) => {
      socket.write(frame(2, ''));
      socket.write(frame(2, '', { From: '', Payload: null, Type: 'ack' }));
      socket.write(frame(2, '', { From: 'a', Payload: null, Type: 'response' }));
      socket.write(frame(2, '', { From: '', Payload: null, Type: 'done' }));
    });
    await using client = await RpcClient.connect({ address: agent.address });
    const records: ClientQueryRecord[] = [];
    for await (const record of await client.query({ name: 'x' })) records.push(record);
    expect(records).toEqual([{ type: 'response', from: 'a', payload: new Uint8Array(0) }]);
  });

  it('a reader slower than its stream loses the oldest records, counted', async () => {
    await using agent = await scripted((socket) => {
      socket.write(frame(2, ''));
      for (let i = 0; i < CLIENT_STREAM_CAPACITY + 10; i += 1)
        socket.write(frame(2, '', { Log: `line ${i}` }));
    });
    await using client = await RpcClient.connect({ address: agent.address });
    const logs = await client.monitor('info');
    await until(() => logs.dropped === 10);
    expect(await take(logs, 1)).toEqual(['line 10']);
  });

  it('no timer outlives a call', async () => {
    await using rigged = await rig();
    const clear = vi.spyOn(globalThis, 'clearTimeout');
    const set = vi.spyOn(globalThis, 'setTimeout');
    {
      await using client = await RpcClient.connect({ address: rigged.address });
      await client.members();
    }
    await until(() => rigged.server.summary.clients === 0);
    const cleared = new Set(clear.mock.calls.map(([timer]) => timer));
    const left = set.mock.results.filter((result) => !cleared.has(result.value));
    set.mockRestore();
    clear.mockRestore();
    expect(left).toEqual([]);
  });
});
