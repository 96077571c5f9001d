import { describe, expect, it } from 'vitest';
import { WireError } from '../../../src/base/errors.ts';
import { COMMAND_TABLE } from '../../../src/rpc/commands/index.ts';
import { COMMANDS, type CommandName } from '../../../src/rpc/protocol.ts';
import { member } from './fake-backend.ts';
import { failed, ok, rig, until } from './harness.ts';

describe('handshake', () => {
  it('any other command first is refused and the connection closed', async () => {
    await using rigged = await rig();
    for (const command of ['members', 'bogus', 'auth']) {
      const client = await rigged.client({ handshake: false });
      client.send(command, 7);
      expect(await client.rest()).toEqual([failed(7, 'Handshake required')]);
    }
  });

  it('a bad version leaves the connection open, a second handshake is an error, a bad version is told first', async () => {
    await using rigged = await rig();
    const client = await rigged.client({ handshake: false });
    expect(await client.ask('handshake', 1, { Version: 2 })).toEqual([failed(1, 'Unsupported IPC version')]);
    expect(await client.ask('handshake', 2, { Version: -1 })).toEqual([failed(2, 'Unsupported IPC version')]);
    expect(await client.ask('handshake', 3, { Version: 1 })).toEqual([ok(3)]);
    expect(await client.ask('handshake', 4, { Version: 1 })).toEqual([
      failed(4, 'Handshake already performed'),
    ]);
    expect(await client.ask('handshake', 5, { Version: 9 })).toEqual([failed(5, 'Unsupported IPC version')]);
    expect(await client.ask('stop', 6, { Stop: 1 })).toEqual([ok(6)]);
  });

  it('an unknown command is refused and the connection closed', async () => {
    await using rigged = await rig();
    for (const command of ['bogus', 'constructor', '__proto__', '']) {
      const client = await rigged.client();
      client.send(command, 3);
      expect(await client.rest()).toEqual([failed(3, 'Unsupported command')]);
    }
  });

  it('handshake, auth and a command in one packet are answered in order', async () => {
    await using rigged = await rig({ authKey: 'k' });
    const client = await rigged.client({ handshake: false });
    client.bytes(
      '82a7436f6d6d616e64a968616e647368616b65a35365710181a756657273696f6e01' +
        '82a7436f6d6d616e64a461757468a35365710281a7417574684b6579a16b' +
        '82a7436f6d6d616e64a76d656d62657273a353657103',
    );
    expect(await client.read(4)).toEqual([ok(1), ok(2), ok(3), { Members: [] }]);
  });

  it('a client that never completes it is let go', async () => {
    await using rigged = await rig({ handshakeTimeoutMs: 10, authKey: 'k' });
    const silent = await rigged.client({ handshake: false });
    const halfway = await rigged.client();
    expect(await silent.rest()).toEqual([]);
    expect(await halfway.rest()).toEqual([]);
    await until(() => rigged.server.summary.clients === 0);
    expect(rigged.logs.filter((line) => line.includes('no complete handshake in time'))).toHaveLength(2);
  });

  it('a client that has completed it may be idle', async () => {
    await using rigged = await rig({ handshakeTimeoutMs: 10 });
    const idle = await rigged.client();
    const late = await rigged.client({ handshake: false });
    await late.rest();
    expect(await idle.ask('stop', 1, { Stop: 1 })).toEqual([ok(1)]);
  });
});

describe('authentication', () => {
  const REQUIRED = 'Authentication required';

  it('every command but handshake and auth is refused without a body, known or not, and the connection stays', async () => {
    await using rigged = await rig({ authKey: 'secret' });
    const client = await rigged.client();
    let seq = 0;
    for (const [command, shape] of Object.entries(COMMANDS)) {
      if (command === 'handshake' || command === 'auth') continue;
      seq += 1;
      client.send(command, seq, shape.request ? { Name: 'x', Seq: 99, Command: 'members' } : undefined);
      expect(await client.read(1)).toEqual([failed(seq, REQUIRED)]);
    }
    expect(await client.ask('bogus', 50)).toEqual([failed(50, REQUIRED)]);
    expect(await client.ask('auth', 51, { AuthKey: 'secret' })).toEqual([ok(51)]);
    expect(await client.ask('members', 52, undefined, 2)).toEqual([ok(52), { Members: [] }]);
    expect(rigged.backend.calls).toEqual([['members']]);
  });

  it('a wrong token is refused, also a longer or empty one, and takes nothing back after a good one', async () => {
    await using rigged = await rig({ authKey: 'secret' });
    const client = await rigged.client();
    for (const [seq, key] of ['wrong', '', 'secret2', 'secre'].entries()) {
      expect(await client.ask('auth', seq, { AuthKey: key })).toEqual([
        failed(seq, 'Invalid authentication token'),
      ]);
    }
    await client.ask('auth', 10, { AuthKey: 'secret' });
    expect(await client.ask('auth', 11, { AuthKey: 'wrong' })).toEqual([
      failed(11, 'Invalid authentication token'),
    ]);
    expect(await client.ask('stop', 12, { Stop: 1 })).toEqual([ok(12)]);
  });

  it('an agent without a key takes the empty token only, and commands without any', async () => {
    await using rigged = await rig();
    const client = await rigged.client();
    expect(await client.ask('auth', 1, { AuthKey: 'x' })).toEqual([
      failed(1, 'Invalid authentication token'),
    ]);
    expect(await client.ask('auth', 2, { AuthKey: '' })).toEqual([ok(2)]);
    expect(await client.ask('members', 3, undefined, 2)).toEqual([ok(3), { Members: [] }]);
  });

  it('a stranger may not send large values', async () => {
    await using rigged = await rig({ authKey: 'k' });
    const client = await rigged.client();
    client.send('event', 1, { Name: 'x', Payload: new Uint8Array(100_000) });
    expect(await client.rest()).toEqual([]);
    expect(rigged.logs.at(-1)).toMatch(
      /bad request: malformed frame: value of 1000\d\d bytes; at most 65536/,
    );
  });
});

describe('requests', () => {
  it('the Seq is echoed exactly up to 2^64 - 1; zero, absent and repeated ones are legal', async () => {
    await using rigged = await rig();
    const client = await rigged.client();
    client.send('stop', 0xffff_ffff_ffff_ffffn, { Stop: 1 });
    client.send('stop', 2n ** 53n + 1n, { Stop: 1 });
    client.send('stop', 0, { Stop: 1 });
    client.bytes('81a7436f6d6d616e64a473746f70 81a453746f7001');
    expect(await client.read(4)).toEqual([
      { Error: '', Seq: 0xffff_ffff_ffff_ffffn },
      { Error: '', Seq: 2n ** 53n + 1n },
      ok(0),
      ok(0),
    ]);
  });

  it('every width of integer, bytes for text, text for bytes, nil and unknown fields are accepted', async () => {
    await using rigged = await rig();
    const client = await rigged.client();
    // {Command: bin "event", Seq: d3 1} {Name: bin "n", Payload: str "pay", Coalesce: nil, New: [1]}
    client.bytes('82a7436f6d6d616e64c4056576656e74a3536571d30000000000000001');
    client.bytes('84a44e616d65c4016ea75061796c6f6164a3706179a8436f616c65736365c0a34e65779101');
    expect(await client.read(1)).toEqual([ok(1)]);
    // A nil body is one without fields.
    client.bytes('82a7436f6d6d616e64a56576656e74a353657102 c0');
    expect(await client.read(1)).toEqual([ok(2)]);
    expect(rigged.backend.calls).toEqual([
      ['userEvent', 'n', 'pay', false],
      ['userEvent', '', null, false],
    ]);
  });

  it.each([
    [
      'a negative Seq',
      '82a7436f6d6d616e64a473746f70a3536571ff',
      'Seq must be within 0 and 18446744073709551615, got -1',
    ],
    ['a Seq of text', '82a7436f6d6d616e64a473746f70a3536571a131', 'Seq must be an integer, got text'],
    ['a command of numbers', '81a7436f6d6d616e6401', 'Command must be text, got a number'],
    ['a header that is no map', '9101', 'request header must be a map, got an array'],
    ['a body that is no map', '82a7436f6d6d616e64a473746f70a353657101 01', 'request body must be a map'],
    ['a negative Stop', '82a7436f6d6d616e64a473746f70a353657101 81a453746f70ff', 'Stop must be within 0'],
    [
      'a flag of numbers',
      '82a7436f6d6d616e64a56576656e74a353657101 81a8436f616c6573636502',
      'Coalesce must be a boolean',
    ],
    [
      'a list of text',
      '82a7436f6d6d616e64a46a6f696ea353657101 81a84578697374696e67a161',
      'Existing must be an array, got text',
    ],
    [
      'tags of numbers',
      '82a7436f6d6d616e64a474616773a353657101 81a45461677381a16101',
      'Tags must be text, got a number',
    ],
    [
      'a fraction',
      '82a7436f6d6d616e64a473746f70a353657101 81a453746f70cb3ff8000000000000',
      'Stop must be an integer',
    ],
  ])('%s closes the connection without an answer and says why in the log', async (_, bytes, text) => {
    await using rigged = await rig();
    const client = await rigged.client();
    client.bytes(bytes);
    expect(await client.rest()).toEqual([]);
    expect(rigged.logs.at(-1)).toContain(`bad request: ${text}`);
    expect(rigged.backend.calls).toEqual([]);
  });

  it('a body beside a command that takes none is skipped, as old clients send one', async () => {
    await using rigged = await rig();
    const client = await rigged.client();
    client.send('members', 1, {});
    client.send('members', 2, { Name: 'x' });
    client.bytes('90');
    client.send('members', 3);
    const list = { Members: [] };
    expect(await client.read(6)).toEqual([ok(1), list, ok(2), list, ok(3), list]);
  });

  it('an empty array is an empty map and the other way round, as languages with one kind of table write it', async () => {
    await using rigged = await rig();
    const client = await rigged.client();
    client.bytes('82a7436f6d6d616e64a56576656e74a353657101 90');
    client.bytes('82a7436f6d6d616e64a474616773a353657102 81a45461677390');
    client.send('tags', 3, { Tags: [], DeleteTags: {} });
    client.send('event', 4, { Payload: {} });
    expect(await client.read(4)).toEqual([ok(1), ok(2), ok(3), ok(4)]);
    expect(rigged.backend.calls).toEqual([
      ['userEvent', '', null, false],
      ['updateTags', {}, []],
      ['updateTags', {}, []],
      ['userEvent', '', null, false],
    ]);
  });

  it.each([
    ['0 and 1 for a flag', '81a8436f616c6573636501', ['', null, true]],
    ['an array of integers for bytes', '81a75061796c6f6164920102', ['', '\u0001\u0002', false]],
    ['an empty array for bytes', '81a75061796c6f616490', ['', null, false]],
    ['nil for every field', '83a8436f616c65736365c0a44e616d65c0a75061796c6f6164c0', ['', null, false]],
  ])('a body may hold %s', async (_, body, call) => {
    await using rigged = await rig();
    const client = await rigged.client();
    client.bytes(`82a7436f6d6d616e64a56576656e74a353657101${body}`);
    expect(await client.read(1)).toEqual([ok(1)]);
    expect(rigged.backend.calls).toEqual([['userEvent', ...call]]);
  });

  it('nil in a list of texts is an empty one', async () => {
    await using rigged = await rig();
    const client = await rigged.client();
    client.send('join', 1, { Existing: [null] });
    await client.read(2);
    expect(rigged.backend.calls).toEqual([['join', [''], false]]);
  });

  it('a blocking request delays the next one, while stream records go on', async () => {
    await using rigged = await rig();
    const { backend } = rigged;
    let finish: (joined: number) => void = () => {};
    backend.onJoin = () => new Promise((resolve) => (finish = resolve));
    const client = await rigged.client();
    await client.ask('stream', 1, { Type: 'user' });
    client.send('join', 2, { Existing: ['a'], Replay: true });
    client.send('members', 3);
    await until(() => backend.calls.length === 1);
    backend.eventFeed.push({ type: 'user', ltime: 1, name: 'x', payload: null, coalesce: false });
    expect(await client.read(2)).toEqual([ok(1), expect.objectContaining({ Event: 'user', Name: 'x' })]);
    expect(backend.calls).toEqual([['join', ['a'], true]]);
    finish(3);
    expect(await client.read(4)).toEqual([ok(2), { Num: 3 }, ok(3), { Members: [] }]);
  });

  it('requests sent before the client shut its side are all answered', async () => {
    await using rigged = await rig();
    rigged.backend.onJoin = () => new Promise((resolve) => setImmediate(() => resolve(1)));
    const client = await rigged.client();
    client.send('join', 1, { Existing: ['a'] });
    client.send('members', 2);
    client.socket.end();
    expect(await client.rest()).toEqual([ok(1), { Num: 1 }, ok(2), { Members: [] }]);
  });

  it('the table has a body beside errors exactly for the commands clients read one after', () => {
    for (const [name, shape] of Object.entries(COMMANDS)) {
      const command = COMMAND_TABLE[name as CommandName];
      expect([name, 'emptyBody' in command]).toEqual([name, shape.answer]);
    }
  });

  it('an error of the backend that looks like a bad frame of a peer still cannot crash the server', async () => {
    await using rigged = await rig();
    rigged.backend.failures = { members: new WireError('ERR_X', 'odd') };
    const client = await rigged.client();
    client.send('members', 1);
    expect(await client.rest()).toEqual([]);
    rigged.backend.failures = {};
    rigged.backend.memberList = [member('a')];
    const next = await rigged.client();
    expect(await next.ask('members', 1, undefined, 2)).toHaveLength(2);
  });
});
