import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
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
import { describeWithHaproxy, HAPROXY_BIN } from '../support/interop.ts';

/**
 * The promise of the haproxy recipe, kept before a client that counts: ten web servers, each with an agent, a balancer
 * with the recipe as it is installed, and requests all the time. `npm run bench:haproxy` does more of it and longer.
 */

const ROOT = join(import.meta.dirname, '../..');
const AGENT = join(ROOT, 'dist/bin/agent.js');
const WEBS = Array.from({ length: 10 }, (_, at) => `web${at}`);
const BLUE = WEBS.slice(0, 5);
const GREEN = WEBS.slice(5);
const without = (...gone: readonly string[]): string[] => WEBS.filter((web) => !gone.includes(web));
const DEATH = 'one killed, one stopped';
/** The recipe's `wait.min`: no two reloads come closer. */
const QUIET_MS = 1_000;

beforeAll(() => {
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs'), '--if-stale'], { stdio: 'pipe' });
}, 120_000);

let site: Site | undefined;
afterAll(() => site?.close());

async function started(): Promise<Site> {
  const haproxy = HAPROXY_BIN ?? 'haproxy';
  const made = await Site.open({ webs: WEBS, haproxy, server: 'check', loopback: '127.113.1', rate: 50 });
  site = made;
  await Promise.all(WEBS.map((web) => made.startWeb(web)));
  made.startAgent(BALANCER);
  for (const web of BLUE) made.startAgent(web);
  for (const web of GREEN) made.startAgent(web, 'green');
  await listed(made, BLUE);
  await made.untilAlive(BALANCER, WEBS.length + 1);
  await made.startBalancer();
  made.startLoad();
  await made.until('the first hundred answers', () => made.asked.length >= 100);
  return made;
}

/** Changes which role servers have, and with it whether they are listed. */
async function turn(at: Site, webs: readonly string[], role: string): Promise<void> {
  const tags = new Map([['role', role]]);
  await Promise.all(webs.map((web) => at.rpc(web, (client) => client.updateTags(tags))));
}

/** Everything that happens while the balancer sees the cluster, in order. */
async function story(at: Site): Promise<Phase[]> {
  return [
    await phase('green takes over from blue, by a tag', async () => {
      await turn(at, GREEN, 'web');
      await listed(at, WEBS);
      await turn(at, BLUE, 'blue');
      await listed(at, GREEN);
    }),
    await phase('blue serves as well', async () => {
      await turn(at, BLUE, 'web');
      await listed(at, WEBS);
    }),
    await phase(DEATH, async () => {
      at.signal('web0', 'SIGKILL');
      at.signal('web1', 'SIGSTOP');
      await listed(at, without('web0', 'web1'));
    }),
    await phase('one leaves, then its server ends', async () => {
      at.agent('web2')?.kill('SIGINT');
      await listed(at, without('web0', 'web1', 'web2'));
      await sleep(500);
      at.stopWeb('web2');
    }),
    await phase('all three come back', async () => {
      at.signal('web1', 'SIGCONT');
      await Promise.all(['web0', 'web2'].map((web) => at.startWeb(web)));
      for (const web of ['web0', 'web2']) at.startAgent(web);
      await listed(at, WEBS);
    }),
  ];
}

/** The balancer hears nobody, somebody asks it to render all the same, and the partition heals. */
async function partition(at: Site): Promise<Phase[]> {
  const before = { bytes: readFileSync(at.config), at: statSync(at.config).mtimeMs };
  const expectSame = (): void => {
    expect(readFileSync(at.config).equals(before.bytes)).toBe(true);
    expect(statSync(at.config).mtimeMs).toBe(before.at);
  };
  const cut = await phase('the balancer is cut off', async () => {
    at.net.cut([BALANCER], 'gossip');
    const render = (): Promise<unknown> => at.rpc(BALANCER, (client) => client.runRenderer('haproxy'));
    const isHeld = async (): Promise<boolean> => {
      await render();
      return (await held(at)).length > 0;
    };
    await at.until('a guard holds', isHeld, 60_000, 500);
    await sleep(3_000);
  });
  expectSame();
  await expectLoud(at);
  const healed = await phase('the partition heals', async () => {
    at.net.heal();
    await at.until('nothing is held', async () => (await held(at)).length === 0, 60_000, 500);
  });
  expectSame();
  return [cut, healed];
}

/** Whoever looks sees that the file is held, and why. */
async function expectLoud(at: Site): Promise<void> {
  expect(await held(at)).toContain('hold_when_isolated');
  const ask = (...words: readonly string[]): string =>
    execFileSync(process.execPath, [AGENT, ...words, `-rpc-addr=unix:${at.socket(BALANCER)}`], {
      encoding: 'utf8',
    });
  expect(ask('render', '-list')).toContain('nothing is heard of any other member');
  expect(ask('info')).toContain('hold_when_isolated');
  const told = at
    .log(BALANCER)
    .split('\n')
    .filter((line) => line.includes("renderer 'haproxy' HOLDS"));
  expect(told.at(-1)).toContain('hold_when_isolated: nothing is heard of any other member');
  at.agent(BALANCER)?.kill('SIGUSR1');
  await at.until('the counters are told', () =>
    /render:held:hold_when_isolated: [1-9]/.test(at.log(BALANCER)),
  );
}

describeWithHaproxy('haproxy before ten web servers', () => {
  it('loses no request to anything but a death, and to that only until it is noticed', {
    timeout: 170_000,
  }, async () => {
    await site?.close();
    const at = await started();
    const phases = [...(await story(at)), ...(await partition(at))];
    // A render by hand finds nothing to do.
    const preview = await at.rpc(BALANCER, (client) => client.previewRenderer('haproxy'));
    expect(preview).toMatchObject({ same: true, holds: [] });
    await at.until('the last requests have ended', () =>
      at.asked.some(({ at: when }) => when > phases.at(-1)!.to),
    );
    await sleep(2_500);
    const outcomes = phases.map((one) => outcomeOf(at, one));
    console.info(report(outcomes));
    expect(lostRequests(outcomes, (name) => name === DEATH)).toEqual([]);
    for (const { reloads } of outcomes.slice(-2)) expect(reloads).toEqual([]);
    expect([...outcomes[0]!.answering].filter((web) => BLUE.includes(web))).toEqual([]);
    expect(invalidVersions(at, HAPROXY_BIN ?? 'haproxy')).toEqual([]);
    for (const { name, reloads, from, to } of outcomes) {
      expect([name, reloads.length <= 1 + (to - from) / QUIET_MS]).toEqual([name, true]);
    }
  });
});
