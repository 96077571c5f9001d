import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { churn } from '../support/render-churn.ts';

/** `/etc/hosts` kept by agents: hosts with an `/etc` of their own, and agents that are killed while they write. */

const ROOT = join(import.meta.dirname, '../..');
const AGENT = join(ROOT, 'dist/bin/agent.js');
/** More of both in `npm run bench:render`. */
const REWRITES = Number(process.env['REEVE_RENDER_REWRITES'] ?? 24);
const KILLS = Math.max(4, Math.round(REWRITES / 8));
/** A kill costs a start of the agent, on a machine that does other things as well. */
const CHURN_MS = 60_000 + REWRITES * 1_000;

const canMount = spawnSync('unshare', ['--mount', 'mount', '--bind', '/tmp', '/tmp']).status === 0;
const describeWithMounts = canMount ? describe : describe.skip;
if (!canMount) console.warn('Skipped: e2e of /etc/hosts, for this user may not mount.');

beforeAll(() => {
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs'), '--if-stale'], { stdio: 'pipe' });
}, 120_000);

const running: ChildProcess[] = [];
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reeve-hosts-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map(ended));
  rmSync(folder, { recursive: true, force: true });
});
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
});

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

/** What stands in each hosts file before, is not ours, and stays. */
const FOREIGN = '127.0.0.1 localhost\n# theirs\n203.0.113.9 printer\n';

interface Host {
  readonly name: string;
  readonly ip: string;
  readonly agent: ChildProcess;
  readonly etc: string;
}

/** A host: a mount namespace with a copy of `/etc`, and an agent in it that keeps the hosts file. */
function host(name: string, ip: string, join_: string | undefined): Host {
  const etc = join(folder, `etc-${ip}`);
  execFileSync('cp', ['-a', '/etc', etc]);
  // Names are looked up in the file alone, so that nobody's name server is asked.
  writeFileSync(join(etc, 'nsswitch.conf'), 'hosts: files\n');
  rmSync(join(etc, 'hosts'), { force: true });
  writeFileSync(join(etc, 'hosts'), FOREIGN);
  chmodSync(join(etc, 'hosts'), 0o604);
  const config = join(folder, `${name}.json`);
  // A member that failed may come back elsewhere at once.
  writeFileSync(config, JSON.stringify({ dead_node_reclaim_time: '1s' }));
  const words = [AGENT, 'run', `-node=${name}`, `-bind=${ip}`, `-rpc-addr=${ip}:7373`, '-profile=local'];
  const more = [
    `-config-file=${config}`,
    `-config-dir=${join(folder, 'recipe')}`,
    ...(join_ === undefined ? [] : [`-retry-join=${join_}`, '-retry-interval=1s']),
  ];
  const script = `mount --bind ${etc} /etc && exec "$@"`;
  const args = ['--mount', 'sh', '-c', script, 'sh', process.execPath, ...words, ...more];
  const agent = spawn('unshare', args, { stdio: 'ignore', env: { ...process.env, XDG_RUNTIME_DIR: folder } });
  running.push(agent);
  return { name, ip, agent, etc };
}

/** What `getent hosts NAME` says on a host. */
function lookUp(at: Host, name: string): string | undefined {
  const found = spawnSync('nsenter', [`--mount=/proc/${at.agent.pid}/ns/mnt`, 'getent', 'hosts', name], {
    encoding: 'utf8',
  });
  return found.status === 0 ? found.stdout.trim().split(/\s+/)[0] : undefined;
}

/** Milliseconds until every host sees every name as it should. */
async function untilAll(
  hosts: readonly Host[],
  wanted: ReadonlyMap<string, string | undefined>,
): Promise<number> {
  const began = performance.now();
  for (;;) {
    const wrong = hosts.flatMap((at) =>
      [...wanted].filter(([name, ip]) => lookUp(at, name) !== ip).map(([name]) => `${name} on ${at.name}`),
    );
    if (wrong.length === 0) return Math.round(performance.now() - began);
    if (performance.now() - began > 40_000) throw new Error(`after 40 s still wrong: ${wrong.join(', ')}`);
    await sleep(50);
  }
}

describeWithMounts('/etc/hosts on four hosts', () => {
  it('resolves every member on each of them with the recipe: after joins, a kill, a move and a leave', async () => {
    const recipe = ['recipe', 'add', `-config-dir=${join(folder, 'recipe')}`, 'hosts'];
    execFileSync(process.execPath, [AGENT, ...recipe], { stdio: 'pipe' });
    const a = host('a', '127.110.1.1', undefined);
    const b = host('b', '127.110.1.2', a.ip);
    const c = host('c', '127.110.1.3', a.ip);
    const all = new Map<string, string | undefined>([a, b, c].map(({ name, ip }) => [name, ip]));
    const delays = [['three hosts start', await untilAll([a, b, c], all)]];

    const d = host('d', '127.110.1.4', b.ip);
    all.set('d', d.ip);
    delays.push(['a fourth joins', await untilAll([a, b, c, d], all)]);

    // A member that failed keeps its name; it comes back elsewhere.
    await ended(d.agent);
    await sleep(3_000);
    await untilAll([a, b, c], all);
    const moved = host('d', '127.110.1.5', a.ip);
    all.set('d', moved.ip);
    delays.push(['it comes back with another address', await untilAll([a, b, c, moved], all)]);

    moved.agent.kill('SIGINT');
    all.set('d', undefined);
    delays.push(['it leaves', await untilAll([a, b, c], all)]);
    console.info(delays.map(([what, ms]) => `  ${what}: right everywhere after ${ms} ms`).join('\n'));
    const block = `# BEGIN reeve hosts\n${a.ip}\ta\n${b.ip}\tb\n${c.ip}\tc\n# END reeve hosts\n`;
    for (const { name, etc } of [a, b, c]) {
      const file = join(etc, 'hosts');
      expect([name, readFileSync(file, 'utf8')]).toEqual([name, `${FOREIGN}${block}`]);
      expect(statSync(file).mode & 0o777).toBe(0o604);
      // No helper of a write stays.
      expect(readdirSync(etc).filter((one) => one.startsWith('.hosts'))).toEqual([]);
    }
  }, 180_000);
});

describe('an agent that is killed while it rewrites a file', () => {
  it(
    'leaves it whole each time: never partial, never empty, with foreign lines and mode',
    async () => {
      const report = await churn({
        rewrites: REWRITES,
        kills: KILLS,
        address: '127.110.2.1',
        inPlace: false,
      });
      console.info('  by renaming:', JSON.stringify(report));
      expect(report.faults).toEqual([]);
      expect(report).toMatchObject({ rewrites: REWRITES, kills: KILLS, torn: 0 });
    },
    CHURN_MS,
  );

  (canMount ? it : it.skip)(
    'that is a mount: the next start completes or undoes the write',
    async () => {
      const report = await churn({ rewrites: REWRITES, kills: KILLS, address: '127.110.2.2', inPlace: true });
      console.info('  in place:', JSON.stringify(report));
      expect(report.faults).toEqual([]);
      expect(report).toMatchObject({ rewrites: REWRITES, kills: KILLS });
    },
    CHURN_MS,
  );
});
