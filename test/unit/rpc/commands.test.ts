import { describe, expect, it } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
import type { KeyReport } from '../../../src/rpc/backend.ts';
import { FakeBackend, member, NO_REPORT } from './fake-backend.ts';
import { failed, ok, rig, until } from './harness.ts';

const NO_KEYS = { Keys: null, Messages: {}, NumErr: 0, NumNodes: 0, NumResp: 0 };

/** Asks one command of a fresh server and returns what comes back. */
async function ask(backend: FakeBackend, command: string, body?: object, values = 1): Promise<unknown[]> {
  await using rigged = await rig({}, backend);
  const client = await rigged.client();
  return await client.ask(command, 1, body as never, values);
}

describe('simple commands', () => {
  it('event, force-leave and tags reach the backend as they were sent', async () => {
    const backend = new FakeBackend();
    expect(
      await ask(backend, 'event', { Coalesce: true, Name: 'deploy', Payload: Buffer.from('v2') }),
    ).toEqual([ok(1)]);
    expect(await ask(backend, 'event', { Name: 'empty', Payload: new Uint8Array(0) })).toEqual([ok(1)]);
    expect(await ask(backend, 'force-leave', { Node: 'a', Prune: true })).toEqual([ok(1)]);
    expect(await ask(backend, 'tags', { DeleteTags: ['x', 'y'], Tags: { role: 'web' } })).toEqual([ok(1)]);
    expect(backend.calls).toEqual([
      ['userEvent', 'deploy', 'v2', true],
      ['userEvent', 'empty', null, false],
      ['forceLeave', 'a', true],
      ['updateTags', { role: 'web' }, ['x', 'y']],
    ]);
  });

  it("a refusal of the backend is the answer's error, word for word, and the connection stays", async () => {
    const backend = new FakeBackend();
    const text = 'user event exceeds configured limit of 512 bytes before encoding';
    backend.failures = { userEvent: new CodedError('ERR_EVENT_SIZE', text) };
    await using rigged = await rig({}, backend);
    const client = await rigged.client();
    expect(await client.ask('event', 1, { Name: 'x' })).toEqual([failed(1, text)]);
    expect(await client.ask('stop', 2, { Stop: 0 })).toEqual([ok(2)]);
  });

  it('join without addresses is zero and asks nobody', async () => {
    const backend = new FakeBackend();
    expect(await ask(backend, 'join', { Existing: [], Replay: false }, 2)).toEqual([ok(1), { Num: 0 }]);
    expect(backend.calls).toEqual([]);
  });

  it('join tells what may part the agent from the others, to those who ask for it alone', async () => {
    const backend = new FakeBackend();
    backend.joinWarnings = ['the name is taken'];
    const body = { Existing: ['a'], Replay: false };
    expect(await ask(backend, 'join', body, 2)).toEqual([ok(1), { Num: 1 }]);
    expect(await ask(backend, 'join', { ...body, Warn: true }, 2)).toEqual([
      ok(1),
      { Num: 1, Warnings: ['the name is taken'] },
    ]);
  });

  it('a failed join still has a body', async () => {
    const backend = new FakeBackend();
    const text = '1 error occurred:\n\t* Failed to join 127.0.0.1: dial tcp\n\n';
    backend.onJoin = () => Promise.reject(new CodedError('ERR_JOIN', text));
    expect(await ask(backend, 'join', { Existing: ['127.0.0.1'] }, 2)).toEqual([failed(1, text), { Num: 0 }]);
  });

  it('stats are groups of texts', async () => {
    const backend = new FakeBackend();
    backend.groups = new Map([
      ['agent', new Map([['name', 'a']])],
      ['tags', new Map()],
    ]);
    expect(await ask(backend, 'stats', undefined, 2)).toEqual([ok(1), { agent: { name: 'a' }, tags: {} }]);
  });

  it('an unknown coordinate is not Ok, without an error', async () => {
    const backend = new FakeBackend();
    backend.coordinates.set('a', { vec: [1, 0.5], error: 1.5, adjustment: 0, height: 1e-5 });
    expect(await ask(backend, 'get-coordinate', { Node: 'zzz' }, 2)).toEqual([
      ok(1),
      { Coord: { Adjustment: 0, Error: 0, Height: 0, Vec: null }, Ok: false },
    ]);
    expect(await ask(backend, 'get-coordinate', { Node: 'a' }, 2)).toEqual([
      ok(1),
      { Coord: { Adjustment: 0, Error: 1.5, Height: 1e-5, Vec: [1, 0.5] }, Ok: true },
    ]);
    backend.failures = { coordinate: new CodedError('ERR_X', 'coordinates are disabled') };
    expect(await ask(backend, 'get-coordinate', { Node: 'a' }, 2)).toEqual([
      failed(1, 'coordinates are disabled'),
      { Coord: { Adjustment: 0, Error: 0, Height: 0, Vec: null }, Ok: false },
    ]);
  });
});

describe('members', () => {
  it('all have every field; the address keeps its bytes; names that are not UTF-8 keep theirs', async () => {
    const backend = new FakeBackend();
    const v6 = Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
    backend.memberList = [
      member('a', { tags: new Map([['role', 'web']]) }),
      member('\udcff', { addr: v6, status: 'failed', port: 65535 }),
    ];
    const versions = {
      ProtocolMin: 1,
      ProtocolMax: 5,
      ProtocolCur: 2,
      DelegateMin: 2,
      DelegateMax: 5,
      DelegateCur: 5,
    };
    expect(await ask(backend, 'members', undefined, 2)).toEqual([
      ok(1),
      {
        Members: [
          { Name: 'a', Addr: '0x7f000001', Port: 7946, Tags: { role: 'web' }, Status: 'alive', ...versions },
          {
            Name: '0xff',
            Addr: '0x20010db8000000000000000000000001',
            Port: 65535,
            Tags: {},
            Status: 'failed',
            ...versions,
          },
        ],
      },
    ]);
  });

  it('nobody is an empty array, never nil', async () => {
    expect(await ask(new FakeBackend(), 'members', undefined, 2)).toEqual([ok(1), { Members: [] }]);
  });
});

describe('members-filtered', () => {
  const backend = new FakeBackend();
  backend.memberList = [
    member('alpha', { tags: new Map([['role', 'web']]) }),
    member('beta', {
      tags: new Map([
        ['role', 'db'],
        ['dc', 'east'],
      ]),
      status: 'leaving',
    }),
    member('web', { status: 'failed' }),
    member('two\nlines'),
  ];

  async function names(filter: object): Promise<unknown> {
    const [header, body] = await ask(backend, 'members-filtered', filter, 2);
    expect(header).toEqual(ok(1));
    return (body as { Members: { Name: string }[] }).Members.map((one) => one.Name);
  }

  it.each([
    ['empty filters let all through', {}, ['alpha', 'beta', 'web', 'two\nlines']],
    ['a name is anchored at both ends', { Name: 'alph' }, []],
    ['alternatives are not grouped: starts with a, or ends with b', { Name: 'a|b' }, ['alpha', 'web']],
    ['a group makes them whole', { Name: '(a|b).*' }, ['alpha', 'beta']],
    ['the end is the end of the text, and a dot is no newline', { Name: 'two' }, []],
    ['a dot is no newline', { Name: 'two.lines' }, []],
    ['a status', { Status: 'leaving' }, ['beta']],
    ['several statuses as users write them', { Status: 'failed|leaving' }, ['beta', 'web']],
    ['a tag', { Tags: { role: 'w.*' } }, ['alpha']],
    ['two tags', { Tags: { role: 'd.', dc: 'east' } }, ['beta']],
    ['one wrong tag of two', { Tags: { role: 'db', dc: 'west' } }, []],
    ['an empty expression is a missing or empty tag', { Tags: { role: '' } }, ['web', 'two\nlines']],
    ['a missing tag is empty text', { Tags: { nope: '.*' } }, ['alpha', 'beta', 'web', 'two\nlines']],
    ['name, status and tag together', { Name: 'a.*', Status: 'alive', Tags: { role: 'web' } }, ['alpha']],
    ['Perl classes as in RE2', { Name: '\\w{3}' }, ['web']],
  ])('%s', async (_, filter, wanted) => {
    expect(await names(filter)).toEqual(wanted);
  });

  it.each([
    { Name: '(' },
    { Status: '[' },
    { Tags: { role: '(?=x)' } },
    { Name: 'a{1001}' },
    { Name: 'x'.repeat(9000) },
  ])('a bad expression is an error beside an empty list: %j', async (filter) => {
    const [header, body] = await ask(backend, 'members-filtered', filter, 2);
    expect(header).toMatchObject({ Seq: 1, Error: expect.stringMatching(/^Fail|^Filter of/) });
    expect(body).toEqual({ Members: [] });
  });

  it('an expression that takes exponential time elsewhere does not here', async () => {
    const slow = new FakeBackend();
    slow.memberList = [member('a'.repeat(100))];
    expect(await ask(slow, 'members-filtered', { Name: '(a*)*b' }, 2)).toEqual([ok(1), { Members: [] }]);
  });
});

describe('keys', () => {
  const report: KeyReport = {
    messages: new Map([['a', 'Reported error']]),
    keys: new Map([['k1', 3]]),
    numNodes: 3,
    numErr: 1,
    numResp: 3,
    error: '1/3 nodes reported failure',
  };

  it.each(['install', 'use', 'remove'] as const)(
    '%s-key passes the key on; its Keys are nil',
    async (action) => {
      const backend = new FakeBackend();
      backend.onKeys = () => Promise.resolve(report);
      expect(await ask(backend, `${action}-key`, { Key: 'abc=' }, 2)).toEqual([
        failed(1, '1/3 nodes reported failure'),
        { Keys: null, Messages: { a: 'Reported error' }, NumErr: 1, NumNodes: 3, NumResp: 3 },
      ]);
      expect(backend.calls).toEqual([['keys', action, 'abc=']]);
    },
  );

  it.each([
    [{ Key: 'abc=' }, false],
    [{ Force: true, Key: 'abc=' }, true],
  ])('remove-key %j is forced: %s', async (body, force) => {
    const backend = new FakeBackend();
    let request: unknown;
    backend.onKeys = (asked) => {
      request = asked;
      return Promise.resolve(NO_REPORT);
    };
    await ask(backend, 'remove-key', body, 2);
    expect(request).toEqual({ action: 'remove', key: 'abc=', force });
  });

  it('list-keys has no body and fills Keys', async () => {
    const backend = new FakeBackend();
    backend.onKeys = () => Promise.resolve({ ...NO_REPORT, keys: report.keys, numNodes: 200 });
    expect(await ask(backend, 'list-keys', undefined, 2)).toEqual([
      ok(1),
      { Keys: { k1: 3 }, Messages: {}, NumErr: 0, NumNodes: 200, NumResp: 0 },
    ]);
  });

  it('a key command that throws still has a body', async () => {
    const backend = new FakeBackend();
    backend.onKeys = () => Promise.reject(new CodedError('ERR_KEY', 'illegal base64 data at input byte 0'));
    expect(await ask(backend, 'install-key', { Key: 'bad' }, 2)).toEqual([
      failed(1, 'illegal base64 data at input byte 0'),
      NO_KEYS,
    ]);
  });
});

describe('leave', () => {
  it('is answered after the leave is over, and only then may the agent go', async () => {
    const backend = new FakeBackend();
    let finish: () => void = () => {};
    backend.onLeave = () => new Promise((resolve) => (finish = resolve));
    await using rigged = await rig({}, backend);
    const client = await rigged.client();
    client.send('leave', 1);
    await until(() => backend.calls.length === 1);
    expect(backend.calls).toEqual([['leave']]);
    finish();
    expect(await client.read(1)).toEqual([ok(1)]);
    await until(() => backend.calls.length === 2);
    expect(backend.calls).toEqual([['leave'], ['afterLeave']]);
    expect(rigged.logs).toContain('[INFO] agent.ipc: Graceful leave triggered');
  });

  it('the agent goes after a failed leave too, but not when another leave is under way', async () => {
    const failing = new FakeBackend();
    failing.onLeave = () => Promise.reject(new Error('timeout while waiting for graceful leave'));
    expect(await ask(failing, 'leave')).toEqual([failed(1, 'timeout while waiting for graceful leave')]);
    await until(() => failing.calls.length === 2);
    const second = new FakeBackend();
    second.onLeave = () => Promise.reject(new Error('Leave already in progress'));
    expect(await ask(second, 'leave')).toEqual([failed(1, 'Leave already in progress')]);
    expect(second.calls).toEqual([['leave']]);
  });

  it('the agent goes also when the client did not wait', async () => {
    const backend = new FakeBackend();
    let finish: () => void = () => {};
    backend.onLeave = () => new Promise((resolve) => (finish = resolve));
    await using rigged = await rig({}, backend);
    const client = await rigged.client();
    client.send('leave', 1);
    await until(() => backend.calls.length === 1);
    client.socket.resetAndDestroy();
    finish();
    await until(() => backend.calls.length === 2);
    expect(backend.calls[1]).toEqual(['afterLeave']);
  });
});
