import type { RpcClient } from '../../src/rpc/client.ts';
import { type Agent, connect, median, sleep, startAgent, statuses, stopAll, until, usage } from './fleet.ts';

/**
 * Forty agents on one machine form one cluster from one seed, idle beside a real Serf agent, then lose four of their
 * number. Prints figures; fails when a healthy agent is ever reported failed. Run: npm run bench:forty
 */

const SIZE = 40;
const KILLED = 4;
const IDLE_SECONDS = 30;

function line(label: string, text: string): void {
  process.stdout.write(`${label.padEnd(46)} ${text}\n`);
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Names reported failed, by anyone, since `watch` began. */
async function watch(
  agents: readonly Agent[],
): Promise<{ failed: Map<string, Set<string>>; clients: RpcClient[] }> {
  const failed = new Map<string, Set<string>>();
  const clients = await Promise.all(agents.map(connect));
  clients.forEach((client, i) => {
    const by = (agents[i] as Agent).name;
    void (async () => {
      for await (const event of await client.stream('member-failed')) {
        if (!('members' in event)) continue;
        for (const member of event.members) {
          const reporters = failed.get(member.name) ?? new Set();
          failed.set(member.name, reporters.add(by));
        }
      }
    })().catch(() => undefined);
  });
  return { failed, clients };
}

async function idle(agents: readonly Agent[]): Promise<void> {
  const before = agents.map((agent) => usage(agent.pid));
  await sleep(IDLE_SECONDS * 1000);
  const after = agents.map((agent) => usage(agent.pid));
  for (const kind of ['reeve', 'serf'] as const) {
    const of = agents.flatMap((agent, i) => (agent.kind === kind ? [i] : []));
    if (of.length === 0) {
      line(`idle ${kind}`, 'no serf is installed: nothing to compare with');
      continue;
    }
    const cpu = of.map(
      (i) => ((after[i]?.cpuSeconds ?? 0) - (before[i]?.cpuSeconds ?? 0)) * (60 / IDLE_SECONDS),
    );
    const memory = of.map((i) => after[i]?.residentMiB ?? 0);
    line(
      `idle ${kind} among ${agents.length}, median of ${of.length}`,
      `${median(cpu).toFixed(2)} CPU s/min, ${median(memory).toFixed(0)} MiB resident`,
    );
  }
}

async function main(): Promise<void> {
  const seed = startAgent('reeve', 'n1', '127.90.0.1');
  await until('the seed answers', async () => (await statuses(seed)).size === 1, 20_000);
  const agents = [seed];
  const from = performance.now();
  for (let i = 2; i <= SIZE; i += 1) {
    agents.push(
      startAgent('reeve', `n${i}`, `127.90.0.${i}`, ['-retry-join=127.90.0.1', '-retry-interval=1s']),
    );
    if (i % 4 === 0) await sleep(400);
  }
  const complete = async (size: number): Promise<boolean> => {
    for (const agent of agents) {
      const seen = await statuses(agent);
      if ([...seen.values()].filter((status) => status === 'alive').length !== size) return false;
    }
    return true;
  };
  await until('all see all', () => complete(SIZE), 180_000);
  line(`${SIZE} agents, one seed, all see all after`, seconds(performance.now() - from));
  const serf = startAgent('serf', 'real', '127.90.0.200', ['-retry-join=127.90.0.1', '-retry-interval=1s']);
  serf.process.on('error', () => undefined);
  await sleep(500);
  if (serf.pid !== 0 && serf.process.exitCode === null) {
    await until('all see the real serf', () => complete(SIZE + 1), 60_000);
    agents.push(serf);
  }
  const { failed, clients } = await watch(agents);
  await sleep(20_000);
  await idle(agents);
  const dying = agents.slice(10, 10 + KILLED);
  const survivors = agents.filter((agent) => !dying.includes(agent));
  const killedAt = performance.now();
  for (const agent of dying) agent.process.kill('SIGKILL');
  const first = await until('somebody reports a failure', async () => failed.size > 0, 120_000);
  const everybody = async (): Promise<boolean> =>
    dying.every((agent) => survivors.every((by) => failed.get(agent.name)?.has(by.name) === true));
  await until('everybody reports all four', everybody, 180_000);
  line(
    `${KILLED} killed: first report, all reports by all`,
    `${seconds(first)}, ${seconds(performance.now() - killedAt)}`,
  );
  await sleep(10_000);
  const wrong = [...failed.keys()].filter((name) => !dying.some((agent) => agent.name === name));
  line('healthy agents ever reported failed', wrong.length === 0 ? 'none' : wrong.join(', '));
  await Promise.all(clients.map((client) => client.close()));
  if (wrong.length > 0) process.exitCode = 1;
}

try {
  await main();
} finally {
  await stopAll();
}
