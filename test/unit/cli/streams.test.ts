import { describe, expect, it, vi } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
import { untilAborted } from '../../../src/cli/until-aborted.ts';
import type { StreamedEvent } from '../../../src/rpc/protocol.ts';
import { ack, member, response, run, silentStream, streamOf } from './fake-context.ts';

const HUNG_UP = new CodedError('ERR_RPC_CLOSED', 'client closed');

describe('query', () => {
  const answers = [ack('a'), response('a', 'one\n'), ack('b'), response('b', 'x\n\n')];

  it('as text shows answers as they come, each less one newline', async () => {
    const query = vi.fn(async () => streamOf(answers));
    expect(await run(['query', 'up', 'now'], { client: { query } })).toMatchObject({
      code: 0,
      stdout:
        "Query 'up' dispatched\nAck from 'a'\nResponse from 'a': one\nAck from 'b'\nResponse from 'b': x\n\nTotal Acks: 2\nTotal Responses: 2\n",
    });
    expect(query).toHaveBeenCalledWith({
      name: 'up',
      payload: Buffer.from('now'),
      filterNodes: [],
      filterTags: new Map(),
      requestAck: true,
      relayFactor: 0,
      timeoutMs: 0,
      until: 'responses',
    });
  });

  it('asks a ping to end with the last acknowledgement: nothing else answers it', async () => {
    const query = vi.fn(async () => streamOf([]));
    await run(['query', '_serf_ping'], { client: { query } });
    expect(query).toHaveBeenCalledWith(expect.objectContaining({ until: 'acks' }));
  });

  it.each([[], ['--json']])(
    'names those that gave no sign on stderr and nowhere else: %s',
    async (...format) => {
      const silent = { type: 'silent' as const, names: ['c', 'd'] };
      const plain = await run(['query', ...format, 'up'], {
        client: { query: async () => streamOf(answers) },
      });
      const named = await run(['query', ...format, 'up'], {
        client: { query: async () => streamOf([...answers, silent]) },
      });
      expect(named).toEqual({ ...plain, stderr: 'No answer from: c, d\n' });
      const none = { client: { query: async () => streamOf([...answers, { ...silent, names: [] }]) } };
      expect(await run(['query', ...format, 'up'], none)).toEqual(plain);
    },
  );

  it('passes its flags on', async () => {
    const query = vi.fn(async () => streamOf([]));
    await run(
      ['query', '-node=a', '-node', 'b', '-tag=r=w', '-timeout=1.5s', '-no-ack', '-relay-factor=0x2', 'up'],
      { client: { query } },
    );
    expect(query).toHaveBeenCalledWith({
      name: 'up',
      payload: null,
      filterNodes: ['a', 'b'],
      filterTags: new Map([['r', 'w']]),
      requestAck: false,
      relayFactor: 2,
      timeoutMs: 1500,
      until: 'responses',
    });
  });

  it('with -no-ack does not count acks', async () => {
    const client = { query: async () => streamOf([response('a', '')]) };
    expect((await run(['query', '-no-ack', 'up'], { client })).stdout).toBe(
      "Query 'up' dispatched\nResponse from 'a': \nTotal Responses: 1\n",
    );
  });

  it('as JSON keeps payloads whole, the last answer of a node wins', async () => {
    const client = { query: async () => streamOf([...answers, response('a', 'two')]) };
    expect((await run(['query', '--json', 'up'], { client })).stdout).toBe(
      '{\n  "Acks": [\n    "a",\n    "b"\n  ],\n  "Responses": {\n    "a": "two",\n    "b": "x\\n\\n"\n  }\n}\n',
    );
  });

  it('without answers is null, {} and exit 0', async () => {
    const outcome = await run(['query', '--json', 'up'], { client: { query: async () => streamOf([]) } });
    expect(outcome).toMatchObject({ code: 0, stdout: '{\n  "Acks": null,\n  "Responses": {}\n}\n' });
  });

  it.each([
    [['-relay-factor=256', 'x'], 'Relay factor must be between 0 and 255'],
    [['-relay-factor=-1', 'x'], 'Relay factor must be between 0 and 255'],
    [['-format=xml', 'x'], 'Invalid format: xml'],
    [['-tag=x', 'x'], "Error: Invalid tag: 'x'"],
  ])('%j is refused', async (words, message) => {
    expect(await run(['query', ...words])).toMatchObject({ code: 1, stdout: '', stderr: `${message}\n` });
  });

  it('interrupted ends with exit 1 and hangs up', async () => {
    const interrupted = AbortSignal.abort();
    const client = { query: async () => silentStream<never>() };
    expect(await run(['query', 'up'], { client, interrupted })).toMatchObject({
      code: 1,
      stderr: '',
      closed: 1,
    });
  });

  it('an agent that hangs up is an error', async () => {
    const client = { query: async () => streamOf([ack('a')], HUNG_UP) };
    expect(await run(['query', 'up'], { client })).toMatchObject({
      code: 1,
      stderr: 'Error sending query: client closed\n',
    });
  });

  it('an agent that never ends it is given up', async () => {
    vi.useFakeTimers();
    const late = new AbortController();
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(late.signal);
    try {
      const outcome = run(['query', '-timeout=2s', 'up'], {
        client: { query: async () => silentStream<never>() },
      });
      await vi.waitFor(() => expect(timeout).toHaveBeenCalledWith(12_000));
      late.abort();
      expect(await outcome).toMatchObject({
        code: 1,
        stderr: 'Error sending query: the agent did not end the query within 12 s; look at its log\n',
      });
    } finally {
      timeout.mockRestore();
      vi.useRealTimers();
    }
  });
});

describe('reachability', () => {
  const members = async () => [member('a'), member('b'), member('c', { status: 'failed' })];
  const asked = (...names: string[]) => ({ members, query: async () => streamOf(names.map(ack)) });

  it('succeeds when all live members answered', async () => {
    expect(await run(['reachability'], { client: asked('b', 'a') })).toMatchObject({
      code: 0,
      stdout:
        'Total members: 3, live members: 2\nStarting reachability test...\nSuccessfully contacted all live nodes\n',
    });
  });

  it('-verbose shows each answer', async () => {
    const { stdout } = await run(['reachability', '-verbose'], { client: asked('b', 'a') });
    expect(stdout).toContain("\tAck from 'b'\n\tAck from 'a'\nQuery time: 0.0");
  });

  it.each([
    [['a'], 'Received less acks than live nodes! Missing acks from:\n\tb\n'],
    [['a', 'b', 'c'], 'Received more acks than live nodes! Acks from non-live nodes:\n\tc\n'],
    [['a', 'a'], "Duplicate response from 'a'\nDuplicate responses means"],
  ])('answers of %j are a failure', async (names, text) => {
    const outcome = await run(['reachability'], { client: asked(...names) });
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toContain(text);
  });

  it('says when it is interrupted', async () => {
    const outcome = await run(['reachability'], {
      client: { members, query: async () => silentStream<never>() },
      interrupted: AbortSignal.abort(),
    });
    expect(outcome).toMatchObject({ code: 1, stderr: 'Test interrupted\n' });
  });
});

describe('reachability --json', () => {
  it('prints the result as one object and nothing else', async () => {
    const client = {
      members: async () => [member('a'), member('b'), member('c', { status: 'failed' })],
      query: async () => streamOf([ack('a'), ack('a'), ack('x')]),
    };
    const outcome = await run(['reachability', '--json'], { client });
    expect(outcome).toMatchObject({ code: 1, stderr: '' });
    expect(JSON.parse(outcome.stdout)).toEqual({
      ok: false,
      members: 3,
      live: 2,
      acks: ['a', 'a', 'x'],
      missing: ['b'],
      unexpected: ['x'],
      duplicates: ['a'],
      last_ack_ms: expect.any(Number),
      total_ms: expect.any(Number),
    });
  });
});

describe('monitor --json', () => {
  const events: StreamedEvent[] = [
    { type: 'user', ltime: 5, name: 'x', payload: Buffer.from('a\nb'), coalesce: false },
    { type: 'query', id: 7, ltime: 6, name: 'y', payload: null },
    { type: 'member-failed', members: [member('a')] },
    { type: 'gap', dropped: 3 },
  ];

  it('prints one line for each event and log line', async () => {
    const client = { monitor: async () => streamOf(['[INFO] one']), stream: async () => streamOf(events) };
    const log = await run(['monitor', '--json', '-events=none'], { client });
    const stdout = log.stdout + (await run(['monitor', '--json', '-log-level=none'], { client })).stdout;
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(5);
    expect(lines).toEqual(
      expect.arrayContaining([
        { type: 'log', line: '[INFO] one' },
        { type: 'user', ltime: 5, name: 'x', payload: 'a\nb', coalesce: false },
        { type: 'query', id: 7, ltime: 6, name: 'y', payload: null },
        { type: 'member-failed', members: [expect.objectContaining({ name: 'a', status: 'alive' })] },
        { type: 'gap', source: 'events', dropped: 3 },
      ]),
    );
  });

  it('asks for what is wanted only', async () => {
    const stream = vi.fn(async () => streamOf(events));
    const { stdout } = await run(['monitor', '-log-level=none', '-events=user'], { client: { stream } });
    expect(stream).toHaveBeenCalledWith('user');
    expect(stdout).toContain('Event: "gap"\n\tDropped: 3\n');
    const monitor = vi.fn(async () => streamOf(['one']));
    expect((await run(['monitor', '-events=none'], { client: { monitor } })).stdout).toBe('one\n');
    expect(await run(['monitor', '-events=none', '-log-level=NONE'])).toMatchObject({
      code: 1,
      stderr: 'Nothing to show: neither log nor events.\n',
    });
  });

  it('says what a reader of its output missed that is too slow', async () => {
    const many = Array.from({ length: 1030 }, (_, i) => `line ${i}`);
    const client = { monitor: async () => streamOf(many) };
    const { stdout } = await run(['monitor', '--json', '-events=none'], { client });
    expect(stdout).toContain('{"type":"gap","source":"log","dropped":6}\n');
  });
});

describe('monitor', () => {
  const user: StreamedEvent = {
    type: 'user',
    ltime: 5,
    name: 'x',
    payload: Buffer.from('pay'),
    coalesce: false,
  };

  it('shows log lines and events until the agent hangs up', async () => {
    const monitor = vi.fn(async () => streamOf(['one', 'two'], HUNG_UP));
    const client = { monitor, stream: async () => streamOf([user]) };
    const outcome = await run(['monitor', '-log-level=debug'], { client });
    expect(monitor).toHaveBeenCalledWith('debug');
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toContain('one\n');
    expect(outcome.stdout).toContain(
      'Event Info:\n\tEvent: "user"\n\tLTime: 5\n\tName: "x"\n\tPayload: "pay"\n\tCoalesce: false\n',
    );
    expect(outcome.stderr).toMatch(/^Remote side ended the monitor!/);
  });

  it.each(['interrupted', 'broken'] as const)('ends with exit 0 when it is %s', async (why) => {
    const client = { monitor: async () => silentStream<string>(), stream: async () => silentStream<never>() };
    expect(await run(['monitor'], { client, [why]: AbortSignal.abort() })).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
      closed: 1,
    });
  });

  it('names a level the agent refuses', async () => {
    const client = {
      stream: async () => silentStream<never>(),
      monitor: () => Promise.reject(new CodedError('ERR_RPC_REMOTE', 'Unknown log level: ZZ')),
    };
    expect(await run(['monitor', '-log-level=zz'], { client })).toMatchObject({
      code: 1,
      stderr: 'Error starting monitor: Unknown log level: ZZ\n',
    });
  });
});

describe('untilAborted', () => {
  it('stops waiting when the signal aborts and closes the source', async () => {
    const source = silentStream<number>();
    const closed = vi.spyOn(source, 'return');
    const controller = new AbortController();
    const seen: number[] = [];
    source.push(1);
    for await (const item of untilAborted(source, controller.signal)) {
      seen.push(item);
      setImmediate(() => controller.abort());
    }
    expect(seen).toEqual([1]);
    expect(closed).toHaveBeenCalled();
  });

  it('throws what the source throws', async () => {
    const items = untilAborted(streamOf([1], HUNG_UP), new AbortController().signal);
    expect(await items.next()).toEqual({ done: false, value: 1 });
    await expect(items.next()).rejects.toBe(HUNG_UP);
  });
});
