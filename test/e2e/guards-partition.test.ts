import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RpcClient } from '../../src/rpc/client.ts';
import { type HostNetwork, NO_NAMESPACES, namespaceNetwork } from '../support/host-network.ts';

/** Guards when the network really breaks: six hosts in namespaces, one of them with a renderer and a handler per guard. */

const ROOT = join(import.meta.dirname, '../..');
const AGENT = join(ROOT, 'dist/bin/agent.js');
const WATCH = 'watch';
const HOSTS = [WATCH, 'w1', 'w2', 'w3', 'w4', 'w5'];
const GUARDS = {
  removed: { max_removed: 2 },
  quorum: { require_quorum: '60%' },
  few: { min_members: 4 },
  isolated: { hold_when_isolated: true, settle: '1s' },
} as const;
type Name = keyof typeof GUARDS;
const NAMES = Object.keys(GUARDS) as Name[];
const ALL = `${[...HOSTS].sort().join('\n')}\n`;

const describeWithNamespaces = NO_NAMESPACES === undefined ? describe : describe.skip;
if (NO_NAMESPACES !== undefined)
  console.warn(`Skipped: guards under a partition, for no namespaces: ${NO_NAMESPACES}`);

beforeAll(() => {
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs'), '--if-stale'], { stdio: 'pipe' });
}, 120_000);

let folder = '';
let net: HostNetwork | undefined;
const running = new Map<string, ChildProcess>();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reeve-guards-'));
});
afterEach(async () => {
  await Promise.all([...running.keys()].map(killed));
  net?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function killed(host: string): Promise<void> {
  const child = running.get(host);
  running.delete(host);
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

const socketOf = (host: string): string => join(folder, `${host}.sock`);
const target = (name: Name): string => join(folder, name);
const text = (name: Name): string => readFileSync(target(name), 'utf8');
const log = (): string => readFileSync(join(folder, `${WATCH}.log`), 'utf8');

/** What the watching host keeps: a file for each guard, and a handler that writes one too. */
function watching(): object {
  const template = join(folder, 'names.liquid');
  writeFileSync(template, '{% for m in members %}\n{{ m.name }}\n{% endfor %}\n');
  const wait = { min: '100ms', max: '1s' };
  const renderers = Object.fromEntries(
    NAMES.map((name) => [
      name,
      { template, target: target(name), guards: GUARDS[name], wait, fields: { name: 'word' } },
    ]),
  );
  const count = `cat >> ${join(folder, 'runs')}`;
  const handlers = { counter: { kind: 'state', run: count, guards: GUARDS.quorum, wait } };
  return { renderers, handlers, state_dir: join(folder, 'state') };
}

function start(at: HostNetwork, host: string): void {
  const others = HOSTS.filter((one) => one !== host).map((one) => at.address(one));
  const config = { retry_join: others, retry_interval: '1s', ...(host === WATCH ? watching() : {}) };
  const file = join(folder, `${host}.json`);
  writeFileSync(file, JSON.stringify(config));
  const ip = at.address(host);
  const words = [`-node=${host}`, `-bind=${ip}`, `-rpc-addr=${ip}:7373`, `-rpc-socket=${socketOf(host)}`];
  const [program = '', ...args] = [...at.enter(host), process.execPath, AGENT, 'run', ...words];
  const child = spawn(program, [...args, '-profile=local', `-config-file=${file}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const keep = (chunk: Buffer): void => writeFileSync(join(folder, `${host}.log`), chunk, { flag: 'a' });
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  running.set(host, child);
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 45_000;
  while (
    !(await Promise.resolve()
      .then(holds)
      .catch(() => false))
  ) {
    if (performance.now() > giveUpAt) throw new Error(`not within 45 s: ${what}\n${log().slice(-4_000)}`);
    await sleep(200);
  }
}

/** The guards that hold now, by renderer. */
async function held(): Promise<Record<string, string>> {
  await using client = await RpcClient.connect({ address: { path: socketOf(WATCH) } });
  const records = await client.renderers();
  return Object.fromEntries(
    records.map(({ name, holds }) => [name, holds.map(({ guard }) => guard).join(' ')]),
  );
}

const ask = (...words: readonly string[]): string =>
  execFileSync(process.execPath, [AGENT, ...words, `-rpc-addr=unix:${socketOf(WATCH)}`], {
    encoding: 'utf8',
    stdio: 'pipe',
  });

/** Whoever looks at log, lists, statistics or counters sees what holds. */
async function expectLoud(): Promise<void> {
  expect(log()).toMatch(
    /\[WARN\] agent: renderer 'removed' HOLDS, nothing is written: max_removed: [34] of 6 members/,
  );
  expect(log()).toMatch(
    /\[WARN\] agent: Handler 'counter' is held back \(require_quorum: [23] of the 6 members/,
  );
  expect(ask('render', '-list')).toContain('min_members');
  expect(ask('handlers', 'list')).toContain('require_quorum');
  expect(ask('info')).toMatch(/max_removed: [34] of 6 members/);
  running.get(WATCH)?.kill('SIGUSR1');
  await until('counters are dumped', () => /render:held:require_quorum: 1/.test(log()));
}

describeWithNamespaces('guards in a partition', () => {
  it('hold what they must and nothing else, also over a restart, and let go when it heals', async () => {
    const at = await namespaceNetwork(HOSTS);
    net = at;
    for (const host of HOSTS) start(at, host);
    await until('every file lists all', () =>
      NAMES.every((name) => existsSync(target(name)) && text(name) === ALL),
    );
    const written = (): number[] => NAMES.map((name) => statSync(target(name)).mtimeMs);
    const before = written();

    // Two of six on this side: there is company, and no majority.
    at.cut([WATCH, 'w1'], 'everything');
    await until('three files are held', async () => {
      const { removed, quorum, few } = await held();
      return removed === 'max_removed' && quorum === 'require_quorum' && few === 'min_members';
    });
    await until('the handler is held too', () => ask('handlers', 'list').includes('require_quorum'));
    await until('the one with company follows', () => text('isolated') === 'w1\nwatch\n');
    await expectLoud();
    expect(NAMES.slice(0, 2).map(text)).toEqual([ALL, ALL]);
    expect(written().slice(0, 2)).toEqual(before.slice(0, 2));

    // Approval is for one write of one file.
    ask('handlers', 'approve', 'few');
    await until('the approved one is written', () => text('few') === 'w1\nwatch\n');
    expect(() => ask('handlers', 'approve', 'few')).toThrow();
    expect([text('removed'), text('quorum')]).toEqual([ALL, ALL]);

    // Now alone, and started anew: what it sees is itself, and no settle time makes that a cluster.
    at.link(WATCH, false);
    await killed(WATCH);
    start(at, WATCH);
    await until('all are held', async () => Object.values(await held()).every((guards) => guards !== ''));
    await sleep(2_500);
    expect(await held()).toMatchObject({
      removed: expect.stringContaining('settle max_removed'),
      quorum: expect.stringContaining('settle require_quorum'),
      few: expect.stringContaining('settle min_members'),
      isolated: 'hold_when_isolated',
    });
    expect(NAMES.map(text)).toEqual([ALL, ALL, 'w1\nwatch\n', 'w1\nwatch\n']);

    at.link(WATCH, true);
    at.heal();
    await until('every file lists all again', () => NAMES.every((name) => text(name) === ALL));
    await until('nothing is held', async () => Object.values(await held()).every((guards) => guards === ''));
    expect(written().slice(0, 2)).toEqual(before.slice(0, 2));
  }, 150_000);
});
