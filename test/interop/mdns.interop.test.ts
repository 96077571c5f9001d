import { spawn, spawnSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SERF_BIN } from '../support/interop.ts';
import { collect, type Kind, type ListedMember, reeveCommand, stopAll, track, waitFor } from './helpers.ts';

/**
 * Two network namespaces with a link between them, since loopback cannot multicast. Making them takes root and the
 * program `ip`; without, the tests are skipped and the run says so.
 */

const LEFT = `reeve-${process.pid}-l`;
const RIGHT = `reeve-${process.pid}-r`;
const LINK = 'link0';
/** An interface that leads nowhere, and has no IPv4 address. */
const DECOY = 'decoy0';
const STARTED_MS = 30_000;

function ip(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${error?.message ?? stderr}`);
}

function hasNamespaces(): boolean {
  try {
    ip('netns', 'add', LEFT);
    ip('netns', 'del', LEFT);
    return true;
  } catch (error) {
    process.stdout.write(`     Skipped  mDNS: no network namespaces here (${String(error)})\n`);
    return false;
  }
}

function createNamespaces(): void {
  for (const namespace of [LEFT, RIGHT]) ip('netns', 'add', namespace);
  ip('link', 'add', LINK, 'netns', LEFT, 'type', 'veth', 'peer', 'name', LINK, 'netns', RIGHT);
  for (const [namespace, side] of [
    [LEFT, '1'],
    [RIGHT, '2'],
  ] as const) {
    const inside = (...args: readonly string[]): void => ip('-n', namespace, ...args);
    inside('link', 'set', 'lo', 'up');
    // Two addresses for two agents side by side; a fixed IPv6 one needs no wait for the check for duplicates.
    inside('addr', 'add', `10.77.${side}.1/16`, 'dev', LINK);
    inside('addr', 'add', `10.77.${side}.2/16`, 'dev', LINK);
    inside('link', 'set', LINK, 'up');
    inside('addr', 'add', `fe80::${side}/64`, 'dev', LINK, 'nodad');
    inside('link', 'add', DECOY, 'type', 'veth', 'peer', 'name', `${DECOY}-end`);
    for (const end of [DECOY, `${DECOY}-end`]) inside('link', 'set', end, 'up');
    inside('addr', 'add', 'fe80::9/64', 'dev', DECOY, 'nodad');
    groupsVia(namespace, LINK);
  }
}

/** Which interface the system chooses for groups. */
function groupsVia(namespace: string, device: string): void {
  ip('-n', namespace, 'route', 'replace', '224.0.0.0/4', 'dev', device);
}

function deleteNamespaces(): void {
  for (const namespace of [LEFT, RIGHT]) spawnSync('ip', ['netns', 'del', namespace]);
}

interface Agent {
  readonly name: string;
  readonly logs: () => string;
  readonly members: () => Map<string, ListedMember>;
}

async function start(
  kind: Kind,
  namespace: string,
  address: string,
  ...flags: readonly string[]
): Promise<Agent> {
  const name = `${kind}-${address}`;
  const rpc = `127.77.${address.split('.').slice(2).join('.')}:7373`;
  const program = kind === 'serf' ? [SERF_BIN ?? 'serf', 'agent'] : [...reeveCommand(), 'run'];
  const common = [
    `-node=${name}`,
    `-bind=${address}`,
    `-rpc-addr=${rpc}`,
    '-profile=local',
    '-log-level=debug',
  ];
  const child = spawn('ip', ['netns', 'exec', namespace, ...program, ...common, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  track(child);
  const logs = collect(child);
  let ended = false;
  child.once('close', () => {
    ended = true;
  });
  const started = (): boolean => logs().includes('Log data will now stream');
  await waitFor(`${name} to start`, () => started() || ended, STARTED_MS).catch(() => undefined);
  if (!started()) throw new Error(`${name} did not start:\n${logs()}`);
  return {
    name,
    logs,
    members: () => {
      const args = [
        'netns',
        'exec',
        namespace,
        SERF_BIN ?? 'serf',
        'members',
        `-rpc-addr=${rpc}`,
        '-format=json',
      ];
      const { stdout } = spawnSync('ip', args, { encoding: 'utf8' });
      const { members } = JSON.parse(stdout) as { readonly members: readonly ListedMember[] };
      return new Map(members.map((member) => [member.name, member]));
    },
  };
}

/** Waits until every agent lists every agent as alive, and nobody else. */
async function waitForOneCluster(agents: readonly Agent[]): Promise<void> {
  const names = agents.map(({ name }) => name).sort();
  for (const agent of agents) {
    await waitFor(`${agent.name} to see ${names.join(', ')}`, () => {
      const alive = [...agent.members().values()].filter(({ status }) => status === 'alive');
      expect(alive.map(({ name }) => name).sort()).toEqual(names);
      return true;
    }).catch((error) => {
      throw new Error(agents.map(({ name, logs }) => `${name}:\n${logs()}`).join('\n'), { cause: error });
    });
  }
}

/** Its first poll is over: it has found itself at least, and joined all that it found. */
function polled(agent: Agent): Promise<true> {
  return waitFor(
    `${agent.name} to have joined what it found`,
    () => agent.logs().includes('agent.mdns: Joined') || undefined,
  );
}

const describeWithNamespaces = SERF_BIN === undefined || !hasNamespaces() ? describe.skip : describe;

describeWithNamespaces('mDNS', () => {
  beforeAll(() => {
    process.once('exit', deleteNamespaces);
    createNamespaces();
  });
  afterEach(async () => {
    await stopAll();
    for (const namespace of [LEFT, RIGHT]) groupsVia(namespace, LINK);
  });
  afterAll(deleteNamespaces);

  it('lets ours find a real agent', async () => {
    const real = await start('serf', LEFT, '10.77.1.1', '-discover=x');
    await polled(real);
    const ours = await start('reeve', RIGHT, '10.77.2.1', '-discover=x');
    await waitForOneCluster([real, ours]);
    await polled(ours);
    expect(ours.logs()).toContain('               mDNS cluster: x\n');
    expect(ours.logs()).toMatch(
      /joining: \[(?=.*10\.77\.1\.1:7946)(?=.*10\.77\.2\.1:7946).*\] replay: false/,
    );
  });

  it('lets a real agent find ours, with replay as configured', async () => {
    const ours = await start('reeve', LEFT, '10.77.1.1', '-discover=x', '-replay');
    await polled(ours);
    expect(ours.logs()).toContain('joining: [10.77.1.1:7946] replay: true');
    const real = await start('serf', RIGHT, '10.77.2.1', '-discover=x');
    await waitForOneCluster([real, ours]);
    await polled(real);
    expect(real.logs()).toMatch(/joining: \[[^\]]*10\.77\.1\.1:7946/);
  });

  it('keeps clusters of other names apart', async () => {
    const real = await start('serf', LEFT, '10.77.1.1', '-discover=x');
    const ours = await start('reeve', RIGHT, '10.77.2.1', '-discover=X');
    const third = await start('serf', RIGHT, '10.77.2.2', '-discover=xx');
    // Serf joins whatever answers, so that nobody of another name may.
    for (const agent of [real, ours, third]) {
      await polled(agent);
      expect([...agent.members().keys()]).toEqual([agent.name]);
    }
  });

  it('works for several agents of one host, of both kinds', async () => {
    const agents = [
      await start('serf', LEFT, '10.77.1.1', '-discover=x'),
      await start('reeve', LEFT, '10.77.1.2', '-discover=x'),
      await start('reeve', RIGHT, '10.77.2.1', '-discover=x'),
      await start('serf', RIGHT, '10.77.2.2', '-discover=x'),
    ];
    await waitForOneCluster(agents);
  });

  it('works over IPv6 alone, both ways', async () => {
    const first = await start('reeve', LEFT, '10.77.1.1', '-discover=x', '-mdns-disable-ipv4');
    await polled(first);
    const real = await start('serf', RIGHT, '10.77.2.1', '-discover=x');
    const second = await start('reeve', LEFT, '10.77.1.2', '-discover=x', '-mdns-disable-ipv4');
    await waitForOneCluster([first, real, second]);
  });

  it.each(['-mdns-disable-ipv6', '-mdns-disable-ipv4'])(
    'uses the interface it is told to (%s)',
    async (family) => {
      const real = await start('serf', LEFT, '10.77.1.1', '-discover=x');
      groupsVia(RIGHT, DECOY);
      const ours = await start('reeve', RIGHT, '10.77.2.1', '-discover=x', `-mdns-iface=${LINK}`, family);
      await waitForOneCluster([real, ours]);
    },
  );

  it('uses no other interface than the one it is told to', async () => {
    const real = await start('serf', LEFT, '10.77.1.1', '-discover=x');
    const ours = await start('reeve', RIGHT, '10.77.2.1', '-discover=x', `-mdns-iface=${DECOY}`);
    await polled(ours);
    for (const agent of [real, ours]) expect([...agent.members().keys()]).toEqual([agent.name]);
  });

  it('does not start on an interface that cannot do what is left of it', async () => {
    const flags = ['-discover=x', `-mdns-iface=${DECOY}`, '-mdns-disable-ipv6'];
    await expect(start('reeve', RIGHT, '10.77.2.1', ...flags)).rejects.toThrow(
      `==> Error starting mDNS listener: No multicast listeners could be started (IPv4: interface '${DECOY}' has no IPv4 address)`,
    );
  });

  it('uses the interface of the bind address if no other is named', async () => {
    const real = await start('serf', LEFT, '10.77.1.1', '-discover=x');
    groupsVia(RIGHT, DECOY);
    const ours = await start('reeve', RIGHT, '10.77.2.1', '-discover=x', `-iface=${LINK}`);
    await waitForOneCluster([real, ours]);
  });
});
