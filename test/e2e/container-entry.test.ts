import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** The entry point of a container as process 1 of a namespace, with an agent that leaves orphans behind. */

const ENTRY = fileURLToPath(new URL('../../packaging/container-entry', import.meta.url));
const isRoot = userInfo().uid === 0;
const ORPHANS = 40;

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
async function start(script: string): Promise<number> {
  const agent = join(folder, 'agent');
  writeFileSync(agent, `#!/bin/sh\ncd '${folder}'\n${script}`);
  chmodSync(agent, 0o755);
  outer = spawn('unshare', ['--pid', '--fork', '--mount-proc', ENTRY, 'run'], {
    env: { ...process.env, REEVE_AGENT: agent },
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

  it('passes HUP on and stays, passes TERM on and ends with the code of the agent', async () => {
    const traps = "trap 'touch hup' HUP; trap 'exit 7' TERM; trap 'exit 8' INT";
    const entry = await start(`${traps}\ntouch ready\nwhile :; do sleep 0.05; done`);
    const ended = exitOf(outer);
    process.kill(entry, 'SIGHUP');
    await until('HUP arrives', () => has('hup'));
    process.kill(entry, 'SIGTERM');
    expect(await ended).toBe(7);
  });

  it('ends with the code of an agent that ends by itself', async () => {
    await start('touch ready\nsleep 0.3\nexit 3');
    expect(await exitOf(outer)).toBe(3);
  });
});
