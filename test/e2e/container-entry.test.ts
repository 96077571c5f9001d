import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RpcClient } from '../../src/rpc/client.ts';

/** The entry point of a container as process 1 of a namespace, with an agent that leaves orphans behind. */

const ENTRY = fileURLToPath(new URL('../../packaging/container-entry', import.meta.url));
const isRoot = userInfo().uid === 0;
const ORPHANS = 40;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Runs of a handler that orphans a child each time; ten thousand in `npm run bench:container`. */
const RUNS = Number(process.env['REEVE_CONTAINER_RUNS'] ?? 60);
/** Runs on their way at a time: fewer than any queue holds. */
/** From here on memory is compared. */
const LONG = 5_000;
const WINDOW = 40;
const IP = '127.111.4.1';

let folder = '';
let outer: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'entry-'));
});
afterEach(() => {
  outer?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const has = (name: string): boolean => existsSync(join(folder, name));

async function until(what: string, check: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 15_000;
  while (!check()) {
    if (performance.now() > giveUpAt) throw new Error(`never happened: ${what}`);
    await sleep(20);
  }
}

/** State and parent of every process (proc(5)). */
function processes(): readonly { readonly pid: number; readonly state: string; readonly parent: number }[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const [state = '', parent = ''] = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      return [{ pid: Number(name), state, parent: Number(parent) }];
    } catch {
      return [];
    }
  });
}

/** Starts the entry point in a process namespace of its own, with a script as the agent. */
function start(script: string): Promise<number> {
  const agent = join(folder, 'agent');
  writeFileSync(agent, `#!/bin/sh\ncd '${folder}'\n${script}`);
  chmodSync(agent, 0o755);
  return contain(agent, ['run']);
}

/** Starts it with a command as the agent, which is there once it has made a file `ready`. */
async function contain(agent: string, words: readonly string[]): Promise<number> {
  outer = spawn('unshare', ['--pid', '--fork', '--kill-child', '--mount-proc', ENTRY, ...words], {
    env: { ...process.env, REEVE_AGENT: agent, XDG_RUNTIME_DIR: folder },
    stdio: 'ignore',
  });
  const { pid } = outer;
  let entry: number | undefined;
  await until('the entry point runs', () => {
    entry = processes().find(({ parent }) => parent === pid)?.pid;
    return entry !== undefined && has('ready');
  });
  return entry ?? 0;
}

/** Resident MiB (proc(5)). */
function residentMiB(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(text)?.[1] ?? 0) / 1024;
}

const exitOf = (child: ChildProcess | undefined): Promise<number | null> =>
  new Promise((resolve) => child?.once('exit', (code) => resolve(code)));

describe.skipIf(!isRoot)('the entry point of a container (a process namespace needs root)', () => {
  it('reaps what handlers leave behind', async () => {
    const orphan = `i=0; while [ $i -lt ${ORPHANS} ]; do sh -c 'sleep 0.2 & echo . >> orphans'; i=$((i+1)); done`;
    const entry = await start(`${orphan}\ntouch ready\nwhile :; do sleep 0.1; done`);
    await until('the orphans end', () => processes().filter(({ parent }) => parent === entry).length === 1);
    expect(readFileSync(join(folder, 'orphans'), 'utf8')).toHaveLength(2 * ORPHANS);
    expect(processes().filter(({ parent, state }) => parent === entry && state === 'Z')).toEqual([]);
  });

  it(
    `leaves no zombie and takes no more memory after ${RUNS} runs of an agent whose handler orphans a child each time`,
    async () => {
      execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs'), '--if-stale'], { stdio: 'pipe' });
      const ran = join(folder, 'ran');
      const orphan = `sleep 0.3 >/dev/null 2>&1 & printf x >> ${ran}`;
      const handlers = {
        ready: { run: `touch ${join(folder, 'ready')}`, events: ['member-join'] },
        orphan: { run: orphan, events: ['user'], concurrency: 4 },
      };
      writeFileSync(join(folder, 'config.json'), JSON.stringify({ handlers }));
      const entry = await contain(join(ROOT, 'dist/bin/agent.js'), [
        ...['run', '-node=n', `-bind=${IP}`, `-rpc-addr=${IP}:7373`, '-profile=local', '-log-level=ERR'],
        ...[`-state-dir=${join(folder, 'state')}`, `-config-file=${join(folder, 'config.json')}`],
      ]);
      const agent = processes().find(({ parent }) => parent === entry)?.pid ?? 0;
      await using client = await RpcClient.connect({ address: { host: IP, port: 7373 } });
      const done = (): number => (existsSync(ran) ? statSync(ran).size : 0);
      const reach = async (count: number): Promise<void> => {
        for (let sent = done(); sent < count; ) {
          const room = Math.min(WINDOW - (sent - done()), count - sent);
          if (room <= 0) await sleep(2);
          for (let i = 0; i < room; i += 1) await client.event('e', Buffer.from(String(sent + i)), false);
          sent += Math.max(0, room);
        }
        while (done() < count) await sleep(2);
      };
      const from = performance.now();
      await reach(Math.floor(RUNS / 2));
      const halfMiB = residentMiB(agent);
      await reach(RUNS);
      const endMiB = residentMiB(agent);
      const seconds = (performance.now() - from) / 1000;
      // Only then do the last ones end, as children of the entry point, which has one child that stays: the agent.
      const family = () => processes().filter(({ parent }) => parent === entry || parent === agent);
      await until('all but zombies end', () =>
        family().every(({ pid, state }) => pid === agent || state === 'Z'),
      );
      expect(family().filter(({ state }) => state === 'Z')).toEqual([]);
      const memory = `the agent has ${halfMiB.toFixed(0)} MiB half-way, ${endMiB.toFixed(0)} MiB in the end`;
      console.info(`${RUNS} runs, ${(RUNS / seconds).toFixed(0)} a second: no zombie, ${memory}`);
      // The first runs fill the record and the heap; a leak of one descriptor or buffer a run would show beyond.
      if (RUNS >= LONG) expect(endMiB).toBeLessThan(halfMiB * 1.25);
    },
    60_000 + RUNS * 50,
  );

  it('passes HUP on and stays, passes TERM on and ends with the code of the agent', async () => {
    const traps = "trap 'touch hup' HUP; trap 'exit 7' TERM; trap 'exit 8' INT";
    const entry = await start(`${traps}\ntouch ready\nwhile :; do sleep 0.05; done`);
    const ended = exitOf(outer);
    process.kill(entry, 'SIGHUP');
    await until('HUP arrives', () => has('hup'));
    process.kill(entry, 'SIGTERM');
    expect(await ended).toBe(7);
  });

  it('passes QUIT on', async () => {
    // Shells cannot trap what they find ignored, as background processes of a shell find QUIT; Node.js can.
    const agent = `process.on('SIGQUIT', () => process.exit(9)); fs.writeFileSync('ready', ''); setInterval(Object, 50)`;
    const entry = await start(`exec '${process.execPath}' -e "${agent}"`);
    const ended = exitOf(outer);
    process.kill(entry, 'SIGQUIT');
    expect(await ended).toBe(9);
  });

  it('ends with the code of an agent that ends by itself', async () => {
    await start('touch ready\nsleep 0.3\nexit 3');
    expect(await exitOf(outer)).toBe(3);
  });
});
