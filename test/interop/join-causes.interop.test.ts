import { writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { NetTransport } from '../../src/runtime/net-transport.ts';
import { Pump } from '../../src/runtime/pump.ts';
import { systemClock, systemRandom } from '../../src/runtime/system.ts';
import { PROFILES } from '../../src/swim/config.ts';
import type { SwimDelegate } from '../../src/swim/delegate.ts';
import { Swim } from '../../src/swim/swim.ts';
import { describeWithSerf } from '../support/interop.ts';
import { swimConfig } from '../support/swim-node.ts';
import { type Daemon, startReeve, startSerf, stopAll, waitFor, waitForMember } from './helpers.ts';
import { scratchFolder } from './mixed.ts';

/** Every cause of a failed join made real, and what the operator is told: by the command, and by the agent's log. */

const KEY = (fill: number): string => `-encrypt=${Buffer.alloc(32, fill).toString('base64')}`;

const endings: (() => void)[] = [];
afterAll(async () => {
  for (const end of endings) end();
  await stopAll();
});

/** A member that speaks Serf protocols 2 to 3 and nothing newer, as agents of ten years ago. */
async function startOld(ip: string): Promise<void> {
  const transport = new NetTransport({ ip, port: 7946 });
  const delegate: SwimDelegate = {
    meta: () => new Uint8Array(0),
    receive() {},
    hasBroadcasts: () => false,
    contribute() {},
    localState: () => new Uint8Array(0),
    mergeRemoteState() {},
    ackPayload: () => undefined,
    admit: () => undefined,
    notice() {},
    settled() {},
  };
  const controller = new AbortController();
  endings.push(() => controller.abort());
  const onFatal = (error: unknown): void => {
    throw error;
  };
  const config = swimConfig('old', { ip, port: 7946 }, { ...PROFILES.local, delegateVersion: [2, 3, 3] });
  const pump = new Pump<Swim>({ transport, clock: systemClock, onFatal });
  const make = () => new Swim({ config, random: systemRandom(), effects: transport, delegate });
  await pump.start(make, controller.signal);
}

/** Takes connections and never says a word. */
function startSilent(ip: string): Promise<void> {
  const server = createServer((socket) => void socket.on('error', () => undefined));
  endings.push(() => server.close());
  return new Promise((resolve) => server.listen(7946, ip, resolve));
}

/** Carries TCP from one address to another and nothing else, as a firewall does that forgets UDP. */
function carryTcp(from: string, to: string): Promise<void> {
  const server = createServer((near) => {
    const far = createConnection({ host: to, port: 7946 });
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
    near.pipe(far).pipe(near);
  });
  endings.push(() => server.close());
  return new Promise((resolve) => server.listen(7946, from, resolve));
}

describeWithSerf('a join that fails', () => {
  const ip = (host: number): string => `127.108.1.${host}`;
  const start = (kind: typeof startSerf, host: number, ...args: string[]): Promise<Daemon> =>
    kind({ name: `n${host}`, ip: ip(host), args });

  const CLOSED = `${ip(1)}:7999`;
  const NAMELESS = 'nowhere.invalid';
  const JOINERS = {
    'other key': { host: 11, flags: [KEY(2)], to: [ip(2)] },
    key: { host: 12, flags: [KEY(1)], to: [ip(1)] },
    label: { host: 13, flags: ['-label=ours'], to: [ip(1), ip(3)] },
    plain: { host: 14, flags: [], to: [ip(2), ip(3), CLOSED, ip(4), ip(5), NAMELESS] },
  };
  const joiners = new Map<string, Daemon>();

  beforeAll(async () => {
    await Promise.all([
      start(startSerf, 1),
      start(startSerf, 2, KEY(1)),
      start(startReeve, 3, '-label=theirs'),
      startOld(ip(4)),
      startSilent(ip(5)),
    ]);
    const started = Object.entries(JOINERS).map(async ([name, { host, flags, to }]) => {
      const args = [...flags, ...to.map((place) => `-retry-join=${place}`)];
      joiners.set(name, await startReeve({ name, ip: ip(host), args }));
    });
    await Promise.all(started);
  });

  type Joiner = keyof typeof JOINERS;
  it.concurrent.each<[cause: string, joiner: Joiner, to: string, why: RegExp, next: string]>([
    [
      'another key',
      'other key',
      ip(2),
      /no installed keys could decrypt the message \(the two nodes have different encrypt keys\)$/im,
      'Give this agent a key of that cluster',
    ],
    [
      'a key at the peer alone',
      'plain',
      ip(2),
      /remote state is encrypted .*\(the peer has an encrypt key and this node has none\)$/im,
      'Start this agent with the key of that cluster: -encrypt',
    ],
    [
      'a key here alone',
      'key',
      ip(1),
      /remote state is not encrypted \(this node has an encrypt key and the peer has none\)$/im,
      'Start that agent with the same key, or this one without',
    ],
    [
      'a label at the peer alone',
      'plain',
      ip(3),
      /EOF: 127\.108\.1\.3:7946 closed .*; its cluster label may differ from ours/,
      'Give both agents the same -label',
    ],
    [
      'another label',
      'label',
      ip(3),
      /EOF: 127\.108\.1\.3:7946 closed .*; its cluster label may differ from ours/,
      'Give both agents the same -label',
    ],
    [
      'a label that the real agent does not have',
      'label',
      ip(1),
      /EOF: 127\.108\.1\.1:7946 closed .*; its cluster label may differ from ours/,
      'Give both agents the same -label',
    ],
    [
      'a closed port',
      'plain',
      CLOSED,
      /dial tcp 127\.108\.1\.1:7999: connect: connection refused$/m,
      'Nothing listens on that port',
    ],
    [
      'a peer of older protocols',
      'plain',
      ip(4),
      /Node 'plain' delegate protocol version \(5\) is incompatible: \[2, 3\] \(a member of one side speaks/,
      'Give the agent named there a -protocol within that range',
    ],
    [
      'a peer that says nothing',
      'plain',
      ip(5),
      /i\/o timeout$/m,
      'That host does not answer: is it up, and does every firewall',
    ],
    ['a name without an address', 'plain', NAMELESS, /nowhere\.invalid/, ''],
  ])('%s: the command says why and what to do, and so does the log, at start too', async (...row) => {
    const [, name, to, why, next] = row;
    const joiner = joiners.get(name);
    if (joiner === undefined) throw new Error(`no joiner ${name}`);
    const { code, stdout, stderr } = await joiner.cli(['join', to], { via: 'reeve' });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^Error joining the cluster: 1 error occurred:\n\t\* /);
    expect(stderr).toMatch(why);
    expect(stderr).toContain(next);
    const atStart = await waitFor(
      'the line of the retry',
      () => /\[WARN\] agent: Join failed: (.*?), retrying in /s.exec(joiner.logs())?.[1],
    );
    expect(atStart).toMatch(why);
    expect(joiner.logs()).toContain(`[INFO] agent: ${next}`);
    expect([...(await joiner.members()).keys()]).toEqual([joiner.name]);
  });

  it.concurrent.each<[Daemon['kind'], number]>([
    ['serf', 30],
    ['reeve', 40],
  ])(
    'a name that a %s agent has: the command fails and names it, and the agent that loses the vote ends with 0',
    async (kind, host) => {
      const startOwner = kind === 'serf' ? startSerf : startReeve;
      const owner = await startOwner({ name: 'twin', ip: ip(host), args: ['-profile=lan'] });
      const seed = await startSerf({
        name: 'seed',
        ip: ip(host + 1),
        args: ['-profile=lan', `-join=${ip(host)}`],
      });
      await waitForMember(seed, 'twin', 'alive');
      const late = await startReeve({ name: 'twin', ip: ip(host + 2), args: ['-profile=lan'] });
      const { code, stdout, stderr } = await late.cli(['join', seed.ip], { via: 'reeve' });
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toBe(
        `Error joining the cluster: contacted 1 nodes, but the name 'twin' is already used by ${owner.ip}:7946: ` +
          'the members vote, and this node stops if they know the name by that address. ' +
          'Start this node under another name, or stop the other one first.\n',
      );
      expect(late.logs()).toContain(
        `[WARN] agent: joined, but the name 'twin' is already used by ${owner.ip}:7946`,
      );
      expect(await late.gone).toBe(0);
      expect(late.logs()).toMatch(/minority in name conflict resolution, quitting \[0 \/ [12]\]/);
      expect((await seed.members()).get('twin')?.addr).toBe(`${owner.ip}:7946`);
    },
  );

  it.concurrent('a taken name is a join to a real command line, which reads what it always did', async () => {
    const config = join(scratchFolder(), 'config.json');
    writeFileSync(config, '{"disable_name_resolution": true}');
    const owner = await startSerf({ name: 'two', ip: ip(50), args: ['-profile=lan'] });
    const late = await startReeve({
      name: 'two',
      ip: ip(51),
      args: ['-profile=lan', `-config-file=${config}`],
    });
    const { code, stdout, stderr } = await late.cli(['join', owner.ip], { via: 'serf' });
    expect([code, stdout, stderr]).toEqual([0, 'Successfully joined cluster by contacting 1 nodes.\n', '']);
    const ours = await late.cli(['join', owner.ip], { via: 'reeve' });
    expect([ours.code, ours.stderr]).toEqual([1, expect.stringContaining('the members go on with that one')]);
  });

  it.concurrent('UDP blocked and TCP open: the join succeeds, and the log of the joiner says what to open', async () => {
    await carryTcp(ip(61), ip(60));
    await startSerf({ name: 'behind', ip: ip(60), args: [`-advertise=${ip(61)}:7946`] });
    const joiner = await startReeve({ name: 'joiner', ip: ip(62) });
    expect((await joiner.cli(['join', ip(61)], { via: 'reeve' })).code).toBe(0);
    await waitFor('the warning', () =>
      joiner
        .logs()
        .includes(
          `UDP probes failed, network may be misconfigured: let UDP through to and from ${ip(61)}:7946`,
        ),
    );
    const { stdout } = await joiner.cli(['info', '-format=json'], { via: 'reeve' });
    const { drops } = JSON.parse(stdout) as { drops?: Record<string, string> };
    expect(Number(drops?.['udp-blocked'])).toBeGreaterThan(0);
  });
});
