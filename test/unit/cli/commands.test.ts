import { describe, expect, it, vi } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
import { member, run } from './fake-context.ts';

const remote = (text: string) => Promise.reject(new CodedError('ERR_RPC_REMOTE', text));

describe('members', () => {
  const members = [
    member('a', {
      tags: new Map([
        ['role', 'web'],
        ['dc', 'e"<st'],
      ]),
    }),
    member('b2', { addr: Buffer.from(`${'00'.repeat(15)}01`, 'hex'), port: 7, status: 'failed' }),
  ];
  const client = { membersFiltered: async () => members };

  it('as text are columns with sorted tags', async () => {
    expect(await run(['members'], { client })).toEqual({
      code: 0,
      stdout: 'a   127.0.0.1:7946  alive   dc=e"<st,role=web\nb2  [::1]:7         failed\n',
      stderr: '',
      closed: 1,
    });
  });

  it('-detailed adds the protocol versions', async () => {
    const { stdout } = await run(['members', '-detailed'], {
      client: { membersFiltered: async () => [member('a')] },
    });
    expect(stdout).toBe(
      'a  127.0.0.1:7946  alive    Protocol Version: 5  Available Protocol Range: [2, 5]\n',
    );
  });

  it.each([[['-format=json']], [['-format', 'json']], [['--json']]])('%j gives JSON', async (flags) => {
    const { stdout } = await run(['members', ...flags], { client });
    expect(stdout.split('\n').slice(0, 10)).toEqual([
      '{',
      '  "members": [',
      '    {',
      '      "name": "a",',
      '      "addr": "127.0.0.1:7946",',
      '      "port": 7946,',
      '      "tags": {',
      '        "dc": "e\\"\\u003cst",',
      '        "role": "web"',
      '      },',
    ]);
    expect(JSON.parse(stdout).members[1]).toEqual({
      name: 'b2',
      addr: '[::1]:7',
      port: 7,
      tags: {},
      status: 'failed',
      protocol: { max: 5, min: 2, version: 5 },
    });
  });

  it('nobody is an empty line as text and null as JSON', async () => {
    const none = { membersFiltered: async () => [] };
    expect((await run(['members'], { client: none })).stdout).toBe('\n');
    expect((await run(['members', '--json'], { client: none })).stdout).toBe('{\n  "members": null\n}\n');
  });

  it('passes the filters on; -role is a tag and says that it is deprecated', async () => {
    const membersFiltered = vi.fn(async () => []);
    const { stdout } = await run(
      ['members', '-name=n.*', '-status', 'alive', '-tag', 'a=b=c', '-tag=d=', '-role=web'],
      { client: { membersFiltered } },
    );
    expect(stdout).toBe("Deprecation warning: 'Role' has been replaced with 'Tags'\n\n");
    const tags = new Map([
      ['a', 'b=c'],
      ['d', ''],
      ['role', 'web'],
    ]);
    expect(membersFiltered).toHaveBeenCalledWith({ name: 'n.*', status: 'alive', tags });
  });

  it.each(['foo', '=bar', ''])('-tag %j is refused', async (tag) => {
    expect(await run(['members', `-tag=${tag}`])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `Error: Invalid tag: '${tag}'\n`,
      closed: 0,
    });
  });

  it('an unknown format is refused', async () => {
    expect(await run(['members', '-format=xml'], { client })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'Encoding error: Invalid output format "xml"\n',
    });
  });

  it('a missing key is named with what to do', async () => {
    const outcome = await run(['members'], {
      client: { membersFiltered: () => remote('Authentication required') },
    });
    expect(outcome).toMatchObject({ code: 1, stdout: '', closed: 1 });
    expect(outcome.stderr).toMatch(/^Error retrieving members: Authentication required; .*-rpc-auth/);
  });

  it('text, not numbers: a name of digits stays what it is', async () => {
    const membersFiltered = vi.fn(async () => []);
    await run(['members', '-name=007', '-status=1e3'], { client: { membersFiltered } });
    expect(membersFiltered).toHaveBeenCalledWith({ name: '007', status: '1e3', tags: new Map() });
  });
});

describe('event', () => {
  it('without payload sends nil', async () => {
    const event = vi.fn(async () => undefined);
    expect(await run(['event', 'deploy'], { client: { event } })).toMatchObject({
      code: 0,
      stdout: "Event 'deploy' dispatched! Coalescing enabled: true\n",
    });
    expect(event).toHaveBeenCalledWith('deploy', null, true);
  });

  it.each([
    [['-coalesce=false', 'deploy', 'v2'], 'deploy', 'v2', false],
    [['deploy', ''], 'deploy', '', true],
    [['deploy', '-coalesce=false'], 'deploy', '-coalesce=false', true],
    [['--', '-deploy', '--'], '-deploy', '--', true],
    [['deploy', '0x10'], 'deploy', '0x10', true],
    [['7', 'größe "x"'], '7', 'größe "x"', true],
    [['deploy', "'quoted'"], 'deploy', "'quoted'", true],
    [['deploy', '--no-coalesce'], 'deploy', '--no-coalesce', true],
  ])('%j', async (words, name, payload, coalesce) => {
    const event = vi.fn(async () => undefined);
    await run(['event', ...words], { client: { event } });
    expect(event).toHaveBeenCalledWith(name, Buffer.from(payload), coalesce);
  });

  it.each([
    [[], 'An event name must be specified.'],
    [['a', 'b', 'c'], 'Too many command line arguments. Only a name and payload must be specified.'],
  ])('%j is a usage error: message on stderr, help on stdout', async (words, message) => {
    const outcome = await run(['event', ...words]);
    expect(outcome).toMatchObject({ code: 1, stderr: `${message}\n`, closed: 0 });
    expect(outcome.stdout).toMatch(/^Usage: agent event /);
  });

  it("the agent's refusal is shown", async () => {
    const text = 'user event exceeds configured limit of 512 bytes before encoding';
    expect(await run(['event', 'x'], { client: { event: () => remote(text) } })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `Error sending event: ${text}\n`,
    });
  });
});

describe('join, leave, force-leave, tags, info', () => {
  it('join says how many answered', async () => {
    const join = vi.fn(async () => 2);
    expect(await run(['join', '-replay', 'a', 'b:1'], { client: { join } })).toMatchObject({
      code: 0,
      stdout: 'Successfully joined cluster by contacting 2 nodes.\n',
    });
    expect(join).toHaveBeenCalledWith(['a', 'b:1'], true, expect.any(Function));
  });

  it('join without an address is a usage error', async () => {
    expect(await run(['join'])).toMatchObject({
      code: 1,
      stderr: 'At least one address to join must be specified.\n',
    });
  });

  it('a failed join shows the reason', async () => {
    const client = { join: () => remote('1 error occurred:\n\t* x\n\n') };
    expect(await run(['join', 'a'], { client })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'Error joining the cluster: 1 error occurred:\n\t* x\n\n\n',
    });
  });

  it('a failed join also shows the next step, where there is one', async () => {
    const client = { join: () => remote('1 error occurred:\n\t* a: connection refused\n\n') };
    expect((await run(['join', 'a'], { client })).stderr).toBe(
      'Error joining the cluster: 1 error occurred:\n\t* a: connection refused\n' +
        'Nothing listens on that port: start the agent there, or name its gossip port (host:port).\n',
    );
  });

  it('a join under a name that somebody has is none', async () => {
    const join = async (_to: unknown, _replay: unknown, onWarning: (text: string) => void) => {
      onWarning("the name 'x' is taken");
      return 1;
    };
    expect(await run(['join', 'a'], { client: { join } })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: "Error joining the cluster: contacted 1 nodes, but the name 'x' is taken.\n",
    });
  });

  it('leave waits for the leave', async () => {
    expect(await run(['leave'], { client: { leave: async () => undefined } })).toEqual({
      code: 0,
      stdout: 'Graceful leave complete\n',
      stderr: '',
      closed: 1,
    });
  });

  it('force-leave says nothing when it worked', async () => {
    const forceLeave = vi.fn(async () => undefined);
    expect(await run(['force-leave', '-prune', 'db3'], { client: { forceLeave } })).toMatchObject({
      code: 0,
      stdout: '',
      stderr: '',
    });
    expect(forceLeave).toHaveBeenCalledWith('db3', true);
  });

  it.each([[[]], [['a', 'b']], [['a', '-prune']]])('force-leave %j is a usage error', async (words) => {
    expect(await run(['force-leave', ...words])).toMatchObject({
      code: 1,
      stderr: 'A node name must be specified to force leave.\n',
      closed: 0,
    });
  });

  it('tags sets and deletes in one call', async () => {
    const updateTags = vi.fn(async () => undefined);
    expect(
      await run(['tags', '-set', 'a=1', '-set=b=', '-delete', 'c', '-delete=d'], { client: { updateTags } }),
    ).toMatchObject({ code: 0, stdout: 'Successfully updated agent tags\n' });
    expect(updateTags).toHaveBeenCalledWith(
      new Map([
        ['a', '1'],
        ['b', ''],
      ]),
      ['c', 'd'],
    );
  });

  it('tags with nothing to do shows its help, exit 1', async () => {
    const outcome = await run(['tags']);
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toMatch(/^Usage: agent tags/);
  });

  const stats = async () =>
    new Map([
      [
        'serf',
        new Map([
          ['members', '3'],
          ['failed', '0'],
        ]),
      ],
      ['agent', new Map([['name', 'a']])],
      ['tags', new Map<string, string>()],
    ]);

  it('info as text is sorted and ends without blanks', async () => {
    expect((await run(['info'], { client: { stats } })).stdout).toBe(
      'agent:\n\tname = a\nserf:\n\tfailed = 0\n\tmembers = 3\ntags:\n',
    );
  });

  it('info as JSON is the same object', async () => {
    expect((await run(['info', '--json'], { client: { stats } })).stdout).toBe(
      '{\n  "agent": {\n    "name": "a"\n  },\n  "serf": {\n    "failed": "0",\n    "members": "3"\n  },\n  "tags": {}\n}\n',
    );
  });
});

describe('keygen', () => {
  it('prints 32 fresh bytes in base64', async () => {
    const [first, second] = [await run(['keygen']), await run(['keygen'])];
    expect(Buffer.from(first.stdout.trim(), 'base64')).toHaveLength(32);
    expect(first.stdout).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
    expect(first.stdout).not.toBe(second.stdout);
  });
});

describe('keys', () => {
  const report = { messages: new Map(), keys: new Map(), numNodes: 3, numErr: 0, numResp: 3 };

  it('-list --json prints one object, after a failure too', async () => {
    const found = { ...report, keys: new Map([['b==', 3]]), messages: new Map([['n', 'locked']]) };
    const fields = { keys: { 'b==': 3 }, nodes: 3, responses: 3, errors: 0, messages: { n: 'locked' } };
    const good = await run(['keys', '-list', '--json'], { client: { keys: async () => found } });
    expect(good).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(good.stdout)).toEqual(fields);
    const failing = { keys: async () => ({ ...found, error: '1/3 nodes reported failure' }) };
    const bad = await run(['keys', '-list', '--json'], { client: failing });
    expect(bad).toMatchObject({ code: 1, stderr: expect.stringContaining('1/3 nodes reported failure') });
    expect(JSON.parse(bad.stdout)).toEqual(fields);
    expect(await run(['keys', '-use=k', '--json'])).toMatchObject({
      code: 1,
      stderr: '-format=json goes with -list only.\n',
    });
  });

  it('-list shows each key with its count', async () => {
    const keys = vi.fn(async () => ({
      ...report,
      keys: new Map([
        ['b==', 3],
        ['aaaa==', 1],
      ]),
    }));
    expect((await run(['keys', '-list'], { client: { keys } })).stdout).toBe(
      '==> Asking all members for installed keys...\n==> Keys gathered, listing cluster keys...\n\naaaa==  [1/3]\nb==     [3/3]\n',
    );
    expect(keys).toHaveBeenCalledWith({ action: 'list', key: '' });
  });

  it.each([
    ['install', '==> Installing key on all members...\n==> Successfully installed key!\n'],
    ['use', '==> Changing primary key on all members...\n==> Successfully changed primary key!\n'],
    ['remove', '==> Removing key on all members...\n==> Successfully removed key!\n'],
  ])('-%s', async (action, stdout) => {
    const keys = vi.fn(async () => report);
    expect(await run(['keys', `-${action}=k==`], { client: { keys } })).toMatchObject({ code: 0, stdout });
    expect(keys).toHaveBeenCalledWith({ action, key: 'k==' });
  });

  it('-remove -force overrides the guard; -force alone is a mistake', async () => {
    const keys = vi.fn(async () => report);
    await run(['keys', '-remove=k==', '-force'], { client: { keys } });
    expect(keys).toHaveBeenCalledWith({ action: 'remove', key: 'k==', force: true });
    const wrong = await run(['keys', '-use=k==', '-force'], { client: { keys } });
    expect(wrong).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('-force goes with -remove only.'),
    });
    expect(keys).toHaveBeenCalledTimes(1);
  });

  it('what members say beside success is a warning on stderr', async () => {
    const messages = new Map([['b', 'truncated']]);
    const keys = async () => ({ ...report, messages });
    expect(await run(['keys', '-install=k=='], { client: { keys } })).toMatchObject({
      code: 0,
      stdout: '==> Installing key on all members...\n==> Successfully installed key!\n',
      stderr: 'warning: b: truncated\n',
    });
  });

  it('a failure names the nodes on stderr, exit 1', async () => {
    const messages = new Map([
      ['node2', 'm2'],
      ['b', 'm1'],
    ]);
    const keys = async () => ({ ...report, messages, error: '2/3 nodes reported failure' });
    expect(await run(['keys', '-list'], { client: { keys } })).toMatchObject({
      code: 1,
      stdout: '==> Asking all members for installed keys...\n',
      stderr:
        'failed:  b      m1\nfailed:  node2  m2\n\nFailed to gather member keys: 2/3 nodes reported failure\n',
    });
  });

  it('a failure without messages has none', async () => {
    const keys = async () => ({ ...report, error: 'bad' });
    expect((await run(['keys', '-use=x'], { client: { keys } })).stderr).toBe(
      '\nError changing primary key: bad\n',
    );
  });

  it('only one action at a time', async () => {
    expect(await run(['keys', '-list', '-use=x'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'Only one of -install, -use, -remove, or -list allowed\n',
    });
    expect((await run(['keys'])).code).toBe(1);
  });
});

describe('rtt', () => {
  const at = (vec: readonly number[], height = 0, adjustment = 0) => ({ vec, error: 1, height, adjustment });

  it.each([
    ['distance and heights', at([0, 0.003], 0.001), at([0.004, 0], 0.002), '8.000'],
    ['adjustments', at([0, 0.003], 0, -0.001), at([0.004, 0], 0, -0.001), '3.000'],
    ['adjustments that would make it negative do not count', at([0.001], 0, -1), at([0]), '1.000'],
  ])('adds %s', async (_title, a, b, ms) => {
    const coordinate = async (node: string) => (node === 'a' ? a : b);
    expect((await run(['rtt', 'a', 'b'], { client: { coordinate } })).stdout).toBe(
      `Estimated a <-> b rtt: ${ms} ms\n`,
    );
  });

  it('as JSON has both names and milliseconds', async () => {
    const client = { coordinate: async (node: string) => (node === 'a' ? at([0.0005]) : at([0])) };
    expect(JSON.parse((await run(['rtt', '--json', 'a', 'b'], { client })).stdout)).toEqual({
      nodes: ['a', 'b'],
      rtt_ms: 0.5,
    });
  });

  it('the second node is the agent itself', async () => {
    const client = {
      coordinate: async () => at([0], 0.0005),
      stats: async () => new Map([['agent', new Map([['name', 'me']])]]),
    };
    expect((await run(['rtt', 'b'], { client })).stdout).toBe('Estimated b <-> me rtt: 1.000 ms\n');
  });

  it('an unknown node is an error', async () => {
    expect(await run(['rtt', 'a', 'zzz'], { client: { coordinate: async () => undefined } })).toMatchObject({
      code: 1,
      stderr: 'Could not find a coordinate for node "a"\n',
    });
  });

  it.each([[[]], [['a', 'b', 'c']]])('%j is a usage error', async (words) => {
    expect(await run(['rtt', ...words])).toMatchObject({
      code: 1,
      stderr: 'One or two node names must be specified\n',
    });
  });
});
