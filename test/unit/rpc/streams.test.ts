import { describe, expect, it } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
import type { ClusterEvent, QueryEvent, UserEvent } from '../../../src/events/event.ts';
import type { QueryRecord } from '../../../src/rpc/backend.ts';
import { SLOW_CLIENT_BYTES, STUCK_CLIENT_BYTES } from '../../../src/rpc/output.ts';
import { passesLevel } from '../../../src/rpc/streams/monitor.ts';
import { PendingQueries } from '../../../src/rpc/streams/pending.ts';
import { MAX_STREAMS } from '../../../src/rpc/streams/table.ts';
import { FakeBackend, member } from './fake-backend.ts';
import { failed, ok, rig, until } from './harness.ts';

function user(name: string, more: Partial<UserEvent> = {}): UserEvent {
  return { type: 'user', ltime: 1, name, payload: null, coalesce: false, ...more };
}

function query(id: number, more: Partial<QueryEvent> = {}): QueryEvent {
  return {
    type: 'query',
    id,
    ltime: 2,
    name: 'load',
    payload: null,
    sourceNode: 'a',
    timeoutMs: 1000,
    ...more,
  };
}

describe('stream', () => {
  it('records have the Seq of the stream and the fields of their event', async () => {
    await using rigged = await rig();
    const { eventFeed } = rigged.backend;
    const client = await rigged.client();
    expect(await client.ask('stream', 5, { Type: '*' })).toEqual([ok(5)]);
    eventFeed.push({ type: 'member-join', members: [member('a'), member('b')] });
    eventFeed.push(user('deploy', { ltime: 2 ** 40, payload: Buffer.from('v2'), coalesce: true }));
    eventFeed.push(query(77, { payload: new Uint8Array(0) }));
    expect(await client.read(6)).toEqual([
      ok(5),
      {
        Event: 'member-join',
        Members: [expect.objectContaining({ Name: 'a' }), expect.objectContaining({ Name: 'b' })],
      },
      ok(5),
      { Event: 'user', LTime: 2 ** 40, Name: 'deploy', Payload: '0x7632', Coalesce: true },
      ok(5),
      { Event: 'query', ID: 1, LTime: 2, Name: 'load', Payload: null },
    ]);
  });

  it.each<[string, string[]]>([
    ['', ['member-failed', 'user', 'user', 'query']],
    ['member-failed', ['member-failed']],
    ['user:deploy', ['user']],
    ['user', ['user', 'user']],
    ['query:load,user:nope', ['query']],
    ['user:deploy,user,*', ['member-failed', 'user', 'user', 'query']],
  ])('a stream of type "%s" carries %j, each once', async (type, wanted) => {
    await using rigged = await rig();
    const { eventFeed } = rigged.backend;
    const client = await rigged.client();
    await client.ask('stream', 1, { Type: type });
    const events: ClusterEvent[] = [
      { type: 'member-failed', members: [member('a')] },
      user('deploy'),
      user('restart'),
      query(1),
    ];
    for (const event of events) eventFeed.push(event);
    const records = await client.read(2 * wanted.length);
    expect(
      records.filter((_, i) => i % 2 === 1).map((record) => (record as { Event: string }).Event),
    ).toEqual(wanted);
    expect(await client.ask('stop', 9, { Stop: 3 })).toEqual([ok(9)]);
  });

  it('a bad filter and a Seq in use are refused; a stopped Seq is free again', async () => {
    await using rigged = await rig();
    const client = await rigged.client();
    for (const type of ['User', 'member', 'member-join,bad', 'member-join,', ' user']) {
      expect(await client.ask('stream', 1, { Type: type })).toEqual([failed(1, 'Invalid event filter')]);
    }
    await client.ask('stream', 1, { Type: 'user' });
    expect(await client.ask('stream', 1, { Type: 'user' })).toEqual([
      failed(1, 'Stream with given sequence exists'),
    ]);
    expect(await client.ask('stop', 2, { Stop: 1 })).toEqual([ok(2)]);
    await rigged.backend.eventFeed.subscribed(0);
    rigged.backend.eventFeed.push(user('lost'));
    expect(await client.ask('stream', 1, { Type: 'user' })).toEqual([ok(1)]);
    rigged.backend.eventFeed.push(user('seen'));
    expect(await client.read(2)).toEqual([ok(1), expect.objectContaining({ Name: 'seen' })]);
  });

  it('nothing that happened before is delivered, and nothing precedes the answer', async () => {
    await using rigged = await rig();
    const client = await rigged.client();
    rigged.backend.eventFeed.push(user('before'));
    client.send('stream', 1, { Type: '*' });
    await rigged.backend.eventFeed.subscribed();
    rigged.backend.eventFeed.push(user('after'));
    expect(await client.read(3)).toEqual([ok(1), ok(1), expect.objectContaining({ Name: 'after' })]);
  });

  it('a disconnect ends the subscriptions', async () => {
    await using rigged = await rig();
    const client = await rigged.client();
    await client.ask('stream', 1, { Type: '*' });
    await client.ask('monitor', 2, { LogLevel: 'info' });
    expect(rigged.server.summary).toMatchObject({ clients: 1, eventStreams: 1, monitors: 1 });
    client.socket.destroy();
    await rigged.backend.eventFeed.subscribed(0);
    await rigged.backend.logFeed.subscribed(0);
    await until(() => rigged.server.summary.clients === 0);
    expect(rigged.server.summary).toMatchObject({ eventStreams: 0, monitors: 0 });
  });

  it('one connection has a bounded number of streams', async () => {
    await using rigged = await rig();
    const client = await rigged.client();
    for (let seq = 1; seq <= MAX_STREAMS; seq += 1) await client.ask('stream', seq, { Type: 'user' });
    expect(await client.ask('stream', 999, { Type: 'user' })).toEqual([
      failed(999, expect.stringContaining(`${MAX_STREAMS} streams`) as unknown as string),
    ]);
    expect(await client.ask('query', 999, { Name: 'x' })).toEqual([
      failed(999, expect.stringContaining(`${MAX_STREAMS} streams`) as unknown as string),
    ]);
    await client.ask('stop', 1000, { Stop: 1 });
    expect(await client.ask('stream', 999, { Type: 'user' })).toEqual([ok(999)]);
  });
});

describe('slow clients', () => {
  it('a client that stops reading loses events, which are counted and logged; others lose none', async () => {
    await using rigged = await rig();
    const { eventFeed } = rigged.backend;
    const slow = await rigged.client();
    const fast = await rigged.client();
    await slow.ask('stream', 1, { Type: 'user' });
    await fast.ask('stream', 1, { Type: 'user:last' });
    slow.socket.pause();
    const event = user('big', { payload: new Uint8Array(256 * 1024) });
    for (let i = 0; (rigged.server.counters.get('drop:rpc-event') ?? 0) === 0 && i < 100_000; i += 1) {
      eventFeed.push(event);
      if (i % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(rigged.server.counters.get('drop:rpc-event') ?? 0).toBeGreaterThan(0);
    const port = slow.socket.localPort;
    expect(rigged.logs).toContain(`[WARN] agent.ipc: Dropping event to ipc.client: 127.0.0.1:${port}`);
    eventFeed.push(user('last'));
    expect(await fast.read(2)).toEqual([ok(1), expect.objectContaining({ Name: 'last' })]);
    // Events that do not match are nothing lost.
    const dropped = rigged.server.counters.get('drop:rpc-event') ?? 0;
    eventFeed.push({ type: 'member-leave', members: [] });
    expect(rigged.server.counters.get('drop:rpc-event') ?? 0).toBe(dropped);
    // Reading again, it goes on with whole records, and is told what it missed where it missed it.
    const sent = { Event: 'user', LTime: 1, Coalesce: false };
    const names: string[] = [];
    eventFeed.push(user('after'));
    slow.socket.resume();
    let missed = 0;
    while (names.at(-1) !== 'last' && names.at(-1) !== 'after') {
      const [, record] = (await slow.read(2)) as [unknown, typeof sent & { Name: string; Dropped: number }];
      if (record.Event === 'gap') {
        expect(record).toEqual({ Event: 'gap', Dropped: expect.any(Number) });
        missed += record.Dropped;
      }
      names.push(record.Event === 'gap' ? 'gap' : record.Name);
      if (eventFeed.readers > 0 && missed > 0 && names.at(-1) === 'gap') eventFeed.push(user('after'));
    }
    expect(missed).toBe(rigged.server.counters.get('drop:rpc-event'));
    expect(names.indexOf('gap')).toBe(names.lastIndexOf('big') + 1);
  });

  it('requests wait while their answers are not read, so memory stays bounded', async () => {
    const backend = new FakeBackend();
    backend.groups = new Map([['serf', new Map([['blob', 'x'.repeat(300_000)]])]]);
    await using rigged = await rig({}, backend);
    const client = await rigged.client();
    client.socket.pause();
    const requests = 200;
    for (let i = 0; i < requests; i += 1) client.send('stats', i);
    let before = -1;
    while (backend.calls.length !== before) {
      before = backend.calls.length;
      for (let i = 0; i < 200; i += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(backend.calls.length).toBeLessThan(requests);
    client.socket.resume();
    expect(await client.read(2 * requests)).toHaveLength(2 * requests);
    expect(SLOW_CLIENT_BYTES).toBeLessThan(STUCK_CLIENT_BYTES);
  });

  it('a client that leaves query records unread beyond the limit is cut off', async () => {
    const backend = new FakeBackend();
    const payload = new Uint8Array(1024 * 1024);
    let ended = false;
    backend.onQuery = async function* (): AsyncGenerator<QueryRecord> {
      try {
        for (;;) {
          await new Promise((resolve) => setImmediate(resolve));
          yield { type: 'response', from: 'a', payload };
        }
      } finally {
        ended = true;
      }
    };
    await using rigged = await rig({}, backend);
    const client = await rigged.client();
    client.socket.pause();
    client.send('query', 1, { Name: 'x' });
    await until(() => rigged.server.summary.clients === 0 && ended);
    expect(rigged.logs.at(-1)).toMatch(
      /\[WARN\] agent.ipc: ipc.client: 127.*: does not read its answers, closing/,
    );
  });

  it('lost log lines are told once a stall, outside the log path', async () => {
    await using rigged = await rig();
    const { logFeed } = rigged.backend;
    const client = await rigged.client();
    await client.ask('monitor', 1, { LogLevel: 'debug' });
    client.socket.pause();
    const line = `[INFO] ${'x'.repeat(512 * 1024)}`;
    let told = 0;
    for (let i = 0; (rigged.server.counters.get('drop:rpc-logs') ?? 0) < 20 && i < 100_000; i += 1) {
      logFeed.push(line);
      told = rigged.logs.filter((text) => text.includes('Dropping logs to ipc.client')).length;
      if (i % 8 === 0 && told === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(rigged.logs.filter((text) => text.includes('Dropping logs to ipc.client'))).toHaveLength(1);
    const dropped = rigged.server.counters.get('drop:rpc-logs') ?? 0;
    expect(dropped).toBeGreaterThanOrEqual(20);
    // Reading again, it finds a line that counts what is missing: a text to clients that know nothing of gaps.
    client.socket.resume();
    let gap: unknown;
    for (let i = 0; gap === undefined && i < 5000; i += 1) {
      const [, record] = (await client.read(2)) as [unknown, { Log: string; Dropped?: number }];
      if (record.Dropped !== undefined) gap = record;
    }
    expect(gap).toEqual({
      Dropped: dropped,
      Log: `[WARN] agent.ipc: ${dropped} log lines are missing here: this client reads too slowly`,
    });
  });
});

describe('monitor', () => {
  it('the backlog comes first, at the level and above, one newline less, never empty', async () => {
    await using rigged = await rig();
    rigged.backend.backlog = ['d [DEBUG] no', 'i [INFO] one\n', '', '\n', 'plain', 'two\nlines\n'];
    const client = await rigged.client();
    client.send('monitor', 4, { LogLevel: 'info' });
    expect(await client.read(7)).toEqual([
      ok(4),
      ok(4),
      { Log: 'i [INFO] one' },
      ok(4),
      { Log: 'plain' },
      ok(4),
      { Log: 'two\nlines' },
    ]);
    rigged.backend.logFeed.push('t [TRACE] no');
    rigged.backend.logFeed.push('e [ERR] yes');
    expect(await client.read(2)).toEqual([ok(4), { Log: 'e [ERR] yes' }]);
  });

  it('the level is checked before whether there is a monitor; stop frees the place', async () => {
    await using rigged = await rig();
    const client = await rigged.client();
    expect(await client.ask('monitor', 1, { LogLevel: 'zzz' })).toEqual([
      failed(1, 'Unknown log level: ZZZ'),
    ]);
    await client.ask('monitor', 2, { LogLevel: 'Warn' });
    expect(await client.ask('monitor', 3, { LogLevel: 'INFO' })).toEqual([
      failed(3, 'Monitor already exists'),
    ]);
    expect(await client.ask('monitor', 3, { LogLevel: '' })).toEqual([failed(3, 'Unknown log level: ')]);
    await client.ask('stop', 4, { Stop: 2 });
    expect(await client.ask('monitor', 5, { LogLevel: 'TRACE' })).toEqual([ok(5)]);
  });

  it('the acceptance of the client itself is in the log', async () => {
    await using rigged = await rig();
    const client = await rigged.client();
    expect(rigged.logs).toEqual([`[INFO] agent.ipc: Accepted client: 127.0.0.1:${client.socket.localPort}`]);
  });

  it.each([
    ['[INFO] x', 'INFO', true],
    ['[DEBUG] x', 'INFO', false],
    ['[ERR] x', 'WARN', true],
    ['x [y] [DEBUG] z', 'INFO', true],
    ['no level', 'ERR', true],
    ['] [DEBUG', 'ERR', true],
    ['a ] b [DEBUG] c', 'ERR', false],
  ] as const)('the line "%s" at %s: %s', (line, level, passes) => {
    expect(passesLevel(line, level)).toBe(passes);
  });
});

describe('query', () => {
  it('acks and responses in order of arrival, then done; nothing from nobody; the Seq is free again', async () => {
    await using rigged = await rig();
    rigged.backend.onQuery = async function* () {
      yield { type: 'response', from: 'b', payload: Buffer.from('pong') };
      yield { type: 'ack', from: '' };
      yield { type: 'ack', from: 'a' };
    };
    const client = await rigged.client();
    for (let round = 0; round < 2; round += 1) {
      client.send('query', 3, { Name: 'foo' });
      expect(await client.read(7)).toEqual([
        ok(3),
        ok(3),
        { Type: 'response', From: 'b', Payload: '0x706f6e67' },
        ok(3),
        { Type: 'ack', From: 'a', Payload: null },
        ok(3),
        { Type: 'done', From: '', Payload: null },
      ]);
    }
  });

  it('done waits for the deadline even when all have answered', async () => {
    await using rigged = await rig();
    let deadline: () => void = () => {};
    rigged.backend.onQuery = async function* () {
      yield { type: 'ack', from: 'a' };
      await new Promise<void>((resolve) => (deadline = resolve));
    };
    const client = await rigged.client();
    expect(await client.ask('query', 1, { Name: 'x' }, 3)).toHaveLength(3);
    expect(await client.ask('stop', 2, { Stop: 1 })).toEqual([ok(2)]);
    deadline();
    expect(await client.read(2)).toEqual([ok(1), { Type: 'done', From: '', Payload: null }]);
  });

  it('every field reaches the backend; nanoseconds become milliseconds; negative ones pass', async () => {
    await using rigged = await rig();
    const client = await rigged.client();
    const body = { FilterNodes: ['a'], FilterTags: { role: 'w' }, Name: 'q', Payload: 'p', RelayFactor: 255 };
    await client.ask('query', 1, { ...body, RequestAck: true, Timeout: 1_500_000 }, 3);
    await client.ask('query', 2, { Name: 'n', Timeout: -5 }, 3);
    await client.ask('query', 3, { Name: 'n' }, 3);
    expect(rigged.backend.calls).toEqual([
      [
        'query',
        {
          name: 'q',
          payload: new Uint8Array(Buffer.from('p')),
          filterNodes: ['a'],
          filterTags: new Map([['role', 'w']]),
          requestAck: true,
          relayFactor: 255,
          timeoutMs: 1.5,
        },
      ],
      ['query', expect.objectContaining({ name: 'n', payload: null, timeoutMs: -5e-6 })],
      [
        'query',
        expect.objectContaining({ timeoutMs: 0, filterNodes: [], filterTags: new Map(), requestAck: false }),
      ],
    ]);
  });

  it('an end of another kind than acks and responses is refused', async () => {
    await using rigged = await rig();
    const client = await rigged.client();
    expect(await client.ask('query', 1, { Name: 'q', Until: 'dawn' })).toEqual([
      { Seq: 1, Error: "Unknown query end 'dawn': give acks or responses" },
    ]);
    expect(rigged.backend.calls).toEqual([]);
  });

  it('internal names are refused, except a ping without payload', async () => {
    await using rigged = await rig();
    const client = await rigged.client();
    const refused = "Queries cannot contain the '_serf_' prefix";
    expect(await client.ask('query', 1, { Name: '_serf_x' })).toEqual([failed(1, refused)]);
    expect(await client.ask('query', 2, { Name: '_serf_ping', Payload: 'x' })).toEqual([failed(2, refused)]);
    expect(await client.ask('query', 3, { Name: '_serf_pingg' })).toEqual([failed(3, refused)]);
    expect(await client.ask('query', 4, { Name: '_serf_ping', Payload: null })).toEqual([ok(4)]);
    await client.read(2);
    expect(await client.ask('query', 5, { Name: '_serf_ping', Payload: new Uint8Array(0) })).toEqual([ok(5)]);
  });

  it('a query that cannot start is an error without records; one that breaks later still ends', async () => {
    await using rigged = await rig();
    rigged.backend.failures = { query: new CodedError('ERR_SIZE', 'query exceeds limit of 1024 bytes') };
    const client = await rigged.client();
    expect(await client.ask('query', 1, { Name: 'x' })).toEqual([
      failed(1, 'query exceeds limit of 1024 bytes'),
    ]);
    rigged.backend.failures = {};
    // biome-ignore lint/correctness/useYield: it breaks before its first record
    rigged.backend.onQuery = async function* () {
      throw new Error('gone');
    };
    expect(await client.ask('query', 2, { Name: 'x' }, 3)).toEqual([
      ok(2),
      ok(2),
      { Type: 'done', From: '', Payload: null },
    ]);
    await until(() => rigged.logs.some((line) => line.includes('stream failed: gone')));
  });
});

describe('respond', () => {
  it('ids count from 1 per connection and copy, and belong to their connection', async () => {
    await using rigged = await rig();
    const { backend } = rigged;
    const one = await rigged.client();
    const two = await rigged.client();
    await one.ask('stream', 1, { Type: 'query' });
    await one.ask('stream', 2, { Type: '*' });
    await two.ask('stream', 1, { Type: 'query' });
    backend.eventFeed.push(query(70));
    backend.eventFeed.push(query(71));
    const ids = (values: unknown[]) =>
      values.filter((_, i) => i % 2 === 1).map((value) => (value as { ID: number }).ID);
    expect(ids(await one.read(8)).sort()).toEqual([1, 2, 3, 4]);
    expect(ids(await two.read(4))).toEqual([1, 2]);
    expect(await two.ask('respond', 9, { ID: 2, Payload: Buffer.from('hi') })).toEqual([ok(9)]);
    expect(await two.ask('respond', 10, { ID: 3, Payload: null })).toEqual([
      failed(10, 'No pending queries matching ID'),
    ]);
    expect(await two.ask('respond', 11, { ID: 0 })).toEqual([failed(11, 'No pending queries matching ID')]);
    expect(backend.calls).toEqual([['respond', 71, 'hi']]);
  });

  it("the backend's refusals pass through and the id stays", async () => {
    await using rigged = await rig();
    const client = await rigged.client();
    await client.ask('stream', 1, { Type: 'query' });
    rigged.backend.eventFeed.push(query(5));
    await client.read(2);
    const sent = 'failed to respond to key query: response already sent';
    rigged.backend.failures = { respond: new CodedError('ERR_RESPOND', sent) };
    expect(await client.ask('respond', 2, { ID: 1, Payload: 'x' })).toEqual([failed(2, sent)]);
    rigged.backend.failures = {};
    expect(await client.ask('respond', 3, { ID: 1, Payload: 'x' })).toEqual([ok(3)]);
  });

  it('an id is unknown after the deadline of its query', async () => {
    let now = 0;
    await using rigged = await rig({ now: () => now });
    const client = await rigged.client();
    await client.ask('stream', 1, { Type: 'query' });
    rigged.backend.eventFeed.push(query(5, { timeoutMs: 100 }));
    await client.read(2);
    now = 99;
    expect(await client.ask('respond', 2, { ID: 1, Payload: 'x' })).toEqual([ok(2)]);
    now = 100;
    expect(await client.ask('respond', 3, { ID: 1, Payload: 'x' })).toEqual([
      failed(3, 'No pending queries matching ID'),
    ]);
  });

  it('ids of the past leave nothing behind and a flood is bounded', () => {
    let now = 0;
    const pending = new PendingQueries(() => now);
    for (let i = 0; i < 5000; i += 1) pending.register(i, 10 + i);
    expect(pending.size).toBe(4096);
    expect(pending.find(1n)).toBeUndefined();
    expect(pending.find(5000n)).toBe(4999);
    now = 1e9;
    pending.register(1, 1);
    expect(pending.size).toBe(1);
  });
});
