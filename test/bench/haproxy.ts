import { setTimeout as sleep } from 'node:timers/promises';
import {
  held,
  invalidVersions,
  listed,
  lostRequests,
  outcomeOf,
  type Phase,
  phase,
  report,
} from '../support/balanced/phases.ts';
import { BALANCER, Site } from '../support/balanced/site.ts';
import { HAPROXY_BIN } from '../support/interop.ts';

/**
 * Ten web servers behind haproxy with its recipe, and everything that can happen to them, before a client that counts:
 * once with haproxy's own health checks and once without, so that membership alone is seen. Prints tables for
 * docs/evaluation.md, and fails where a request is lost that must not be. Run: npm run bench:haproxy
 */

const WEBS = Array.from({ length: 10 }, (_, at) => `web${at}`);
const BLUE = WEBS.slice(0, 5);
const GREEN = WEBS.slice(5);
const RATE = 100;
const CUT_SECONDS = Number(process.env['CUT_SECONDS'] ?? 75);
const without = (...gone: readonly string[]): string[] => WEBS.filter((web) => !gone.includes(web));

async function turn(at: Site, webs: readonly string[], role: string): Promise<void> {
  const tags = new Map([['role', role]]);
  await Promise.all(webs.map((web) => at.rpc(web, (client) => client.updateTags(tags))));
}

async function back(at: Site, ...webs: readonly string[]): Promise<void> {
  await Promise.all(webs.map((web) => at.startWeb(web)));
  for (const web of webs) at.startAgent(web);
  await listed(at, WEBS);
}

async function story(at: Site): Promise<Phase[]> {
  const phases = [
    await phase('nothing, for ten seconds', () => sleep(10_000)),
    await phase('kill -9: agent and server', async () => {
      at.signal('web0', 'SIGKILL');
      await listed(at, without('web0'));
    }),
    await phase('it comes back', () => back(at, 'web0')),
    await phase('SIGSTOP: agent and server', async () => {
      at.signal('web1', 'SIGSTOP');
      await listed(at, without('web1'));
    }),
    await phase('SIGCONT', async () => {
      at.signal('web1', 'SIGCONT');
      await listed(at, WEBS);
    }),
    await phase('leave, then its server ends', async () => {
      at.agent('web2')?.kill('SIGINT');
      await listed(at, without('web2'));
      await sleep(500);
      at.stopWeb('web2');
    }),
    await phase('it joins again', () => back(at, 'web2')),
    await phase('three killed at once', async () => {
      for (const web of ['web3', 'web4', 'web5']) at.signal(web, 'SIGKILL');
      await listed(at, without('web3', 'web4', 'web5'));
    }),
    await phase('they come back', () => back(at, 'web3', 'web4', 'web5')),
    await phase('green only, by a tag', async () => {
      await turn(at, BLUE, 'blue');
      await listed(at, GREEN);
    }),
    await phase('from green to blue', async () => {
      await turn(at, BLUE, 'web');
      await listed(at, WEBS);
      await turn(at, GREEN, 'green');
      await listed(at, BLUE);
    }),
    await phase('all ten again', async () => {
      await turn(at, GREEN, 'web');
      await listed(at, WEBS);
    }),
  ];
  return [...phases, ...(await partition(at))];
}

/** Cut off for longer than it takes to call everybody failed; one agent dies meanwhile. */
async function partition(at: Site): Promise<Phase[]> {
  return [
    await phase(`the balancer hears nobody for ${CUT_SECONDS} s`, async () => {
      at.net.cut([BALANCER], 'gossip');
      await at.until('a guard holds', async () => (await held(at)).length > 0, 60_000, 500);
      at.agent('web9')?.kill('SIGKILL');
      await sleep(CUT_SECONDS * 1_000);
    }),
    await phase('the partition heals, and one is really gone', async () => {
      at.net.heal();
      await at.until('it is taken out', () => !at.servers().includes('web9'), 90_000);
      await listed(at, without('web9'));
    }),
  ];
}

const DEATHS = ['kill -9', 'SIGSTOP', 'three killed'];

/** One run; resolves to what went wrong. */
async function run(haproxy: string, server: string): Promise<string[]> {
  const at = await Site.open({ webs: WEBS, haproxy, server, loopback: '127.113.2', rate: RATE });
  try {
    await Promise.all(WEBS.map((web) => at.startWeb(web)));
    for (const host of [BALANCER, ...WEBS]) at.startAgent(host);
    await listed(at, WEBS);
    await at.startBalancer();
    at.startLoad();
    await at.until('answers', () => at.asked.length > 100);
    const phases = await story(at);
    await sleep(3_000);
    const outcomes = phases.map((one) => outcomeOf(at, one));
    process.stdout.write(
      `\nhaproxy's server lines end in \`${server}\`, ${RATE} requests a second:\n\n${report(outcomes)}\n`,
    );
    const lost = lostRequests(outcomes, (name) => DEATHS.some((death) => name.startsWith(death)));
    return [...lost, ...invalidVersions(at, haproxy)];
  } finally {
    await at.close();
  }
}

async function main(): Promise<void> {
  if (HAPROXY_BIN === undefined) throw new Error('there is no haproxy on this machine');
  const faults: string[] = [];
  for (const server of ['check', 'weight 1']) faults.push(...(await run(HAPROXY_BIN, server)));
  for (const fault of faults) process.stdout.write(`FAILED ${fault}\n`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}

void main();
