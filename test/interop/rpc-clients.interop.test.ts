import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RpcServer } from '../../src/rpc/server.ts';
import { STREAM_CAPACITY } from '../../src/rpc/streams/event.ts';
import { describeWithSerf } from '../support/interop.ts';
import { FakeBackend, member } from '../unit/rpc/fake-backend.ts';
import { spawnCli, stopAll, waitFor } from './helpers.ts';

/** Other people's clients against our server, records of our own among theirs included. */

const HOST = '127.50.7.1';
const PORT = 7373;
const LOST = 40;

const require = createRequire(import.meta.url);

type Body = Record<string, unknown>;
type Callback<T = Body> = (error: unknown, answer: T) => void;

let backend: FakeBackend;
let server: RpcServer;

beforeEach(async () => {
  backend = new FakeBackend();
  backend.memberList = [member('alpha', { tags: new Map([['role', 'web']]) }), member('beta')];
  backend.groups = new Map([['agent', new Map([['name', 'alpha']])]]);
  server = await RpcServer.listen({ backend, listeners: [{ host: HOST, port: PORT }], log: () => undefined });
});
afterEach(() => server.close());
afterAll(stopAll);

/** More events at once than a stream may hold, and one after the gap. */
function overflow(): void {
  for (let i = 0; i < STREAM_CAPACITY + LOST; i += 1) pushUser(`e${i}`);
}

function pushUser(name: string): void {
  backend.eventFeed.push({ type: 'user', ltime: 1, name, payload: null, coalesce: false });
}

/** Calls a function of the kind of Node.js's own. */
function call<T = Body>(start: (done: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

interface NodeSerf extends Socket {
  members(done: Callback<{ Members: Body[] }>): void;
  event(body: Body, done: Callback): void;
  join(body: Body, done: Callback<{ Num: number }>): void;
  stats(done: Callback): void;
  stream(body: Body, done: Callback): NodeJS.EventEmitter;
  monitor(body: Body, done: Callback): NodeJS.EventEmitter;
  query(body: Body, done: Callback): NodeJS.EventEmitter;
  respond(body: Body, done: Callback): void;
}

describe('the npm client node-serf', () => {
  async function connect(): Promise<NodeSerf> {
    const { connect: dial } = require('node-serf') as {
      connect(options: object, done: Callback): NodeSerf;
    };
    let client: NodeSerf | undefined;
    await call((done) => {
      client = dial({ host: HOST, port: PORT }, done);
    });
    return client as NodeSerf;
  }

  it('lists members, sends events, joins and reads counters', async () => {
    const client = await connect();
    const { Members } = await call<{ Members: Body[] }>((done) => client.members(done));
    expect(Members.map(({ Name, Status }) => [Name, Status])).toEqual([
      ['alpha', 'alive'],
      ['beta', 'alive'],
    ]);
    await call((done) => client.event({ Name: 'deploy', Payload: 'v2', Coalesce: false }, done));
    expect(
      await call<{ Num: number }>((done) => client.join({ Existing: ['x'], Replay: false }, done)),
    ).toMatchObject({ Num: 1 });
    expect(await call((done) => client.stats(done))).toEqual({ agent: { name: 'alpha' } });
    expect(backend.calls).toContainEqual(['userEvent', 'deploy', 'v2', false]);
    client.end();
  });

  it('reads streams, queries and the log, and survives a gap', async () => {
    const client = await connect();
    const seen: Body[] = [];
    const events = client.stream({ Type: 'user,query' }, () => undefined);
    events.on('data', (record: Body) => seen.push(record));
    await backend.eventFeed.subscribed();
    overflow();
    await waitFor('the gap', () => seen.some(({ Event }) => Event === 'gap'));
    expect(seen[STREAM_CAPACITY]).toEqual({ Dropped: LOST, Event: 'gap' });
    pushUser('after');
    await waitFor('what came after', () => seen.at(-1)?.['Name'] === 'after');

    backend.onQuery = async function* () {
      yield { type: 'response', from: 'beta', payload: Buffer.from('pong') };
    };
    const answers: Body[] = [];
    const query = client.query({ Name: 'ping', RequestAck: true, Timeout: 1000 }, () => undefined);
    query.on('data', (record: Body) => answers.push(record));
    await once(query, 'stop');
    expect(answers.map(({ Type, From }) => [Type, From])).toEqual([
      ['response', 'beta'],
      ['done', ''],
    ]);

    const lines: Body[] = [];
    client.monitor({ LogLevel: 'debug' }, () => undefined).on('data', (record: Body) => lines.push(record));
    await backend.logFeed.subscribed();
    for (let i = 0; i < STREAM_CAPACITY + LOST; i += 1) backend.logFeed.push(`[INFO] line ${i}`);
    await waitFor('the line that counts', () => lines.some(({ Dropped }) => Dropped === LOST));
    client.end();
  });
});

interface SerfRpc {
  connect(options: object, done: (error: unknown) => void): void;
  members(done: Callback<{ Members: Body[] }>): void;
  event(body: Body, done: Callback): void;
  listen(type: string, listener: (record: Body) => void): void;
}

describe('the npm client serf-rpc', () => {
  it('lists members, sends events, listens, and survives a gap', async () => {
    const { initialize } = require('serf-rpc/lib/serf.js') as { initialize(): SerfRpc };
    const client = initialize();
    await call((done) => client.connect({ rpc_host: HOST, rpc_port: PORT }, (error) => done(error, {})));
    const { Members } = await call<{ Members: Body[] }>((done) => client.members(done));
    expect(Members.map(({ Name }) => String(Name))).toEqual(['alpha', 'beta']);
    await call((done) => client.event({ Name: 'deploy', Payload: 'v2', Coalesce: false }, done));
    expect(backend.calls).toContainEqual(['userEvent', 'deploy', 'v2', false]);

    const seen: Body[] = [];
    client.listen('user', (record) => seen.push(record));
    await backend.eventFeed.subscribed();
    // It takes what comes in one packet with the answer for the answer: another answer shows that it listens.
    await call<{ Members: Body[] }>((done) => client.members(done));
    // It cannot put a record together that comes in two packets, so the gap comes alone: its buffer is full of events that
    // it has not asked for, and those it has asked for are lost.
    for (let i = 0; i < STREAM_CAPACITY; i += 1) {
      backend.eventFeed.push({ type: 'member-update', members: [member('alpha')] });
    }
    for (let i = 0; i < LOST; i += 1) pushUser(`e${i}`);
    await waitFor('the gap', () => seen.length > 0);
    pushUser('after');
    await waitFor('what came after the gap', () => seen.length > 1);
    expect(seen.map(({ Event, Dropped, Name }) => [Event, Dropped ?? Name])).toEqual([
      ['gap', LOST],
      ['user', 'after'],
    ]);
  });
});

describeWithSerf("Serf's own client", () => {
  it('monitor shows a gap as an event, the missing log lines as a line, and goes on', async () => {
    const monitor = spawnCli('serf', ['monitor', `-rpc-addr=${HOST}:${PORT}`]);
    await backend.eventFeed.subscribed();
    await backend.logFeed.subscribed();
    overflow();
    for (let i = 0; i < STREAM_CAPACITY + LOST; i += 1) backend.logFeed.push(`[INFO] line ${i}`);
    await waitFor('the gap', () => monitor.output().includes('Event: "gap"'));
    expect(monitor.output()).toMatch(/Dropped: 40|Dropped: 0x28/);
    backend.logFeed.push('[INFO] goes on');
    await waitFor('the log to go on', () => monitor.output().includes('[INFO] goes on'));
    expect(monitor.output()).toContain(`${LOST} log lines are missing here: this client reads too slowly`);
    pushUser('after');
    await waitFor('events to go on', () => monitor.output().includes('Name: "after"'));
    monitor.kill('SIGINT');
  });
});
