/**
 * What starting costs: `agent version` and `agent members` against `node -e 0`, in turn, so that a busy machine slows all
 * alike. Prints the ratio of the medians and, less sensitive to what else runs, that of the fastest runs. `ROUNDS` says
 * how often, `NODE` which Node.js runs them.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const AGENT = fileURLToPath(new URL('../../dist/bin/agent.js', import.meta.url));
const NODE = process.env['NODE'] ?? process.execPath;
const ROUNDS = Number(process.env['ROUNDS'] ?? 30);
const BIND = '127.50.9.1';
const RPC = `${BIND}:7373`;
const READY_MS = 10_000;

const CASES = {
  'node -e 0': ['-e', '0'],
  'agent version': [AGENT, 'version'],
  'agent members': [AGENT, 'members', `-rpc-addr=${RPC}`],
} as const satisfies Record<string, readonly string[]>;

function runOnce(args: readonly string[]): number {
  const began = performance.now();
  const { status, stderr } = spawnSync(NODE, args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  const took = performance.now() - began;
  if (status !== 0) throw new Error(`${args.join(' ')} exited with ${status}: ${stderr}`);
  return took;
}

async function startAgent(): Promise<ChildProcess> {
  const flags = ['run', '-node=startup', `-bind=${BIND}`, `-rpc-addr=${RPC}`, '-profile=local'];
  const agent = spawn(process.execPath, [AGENT, ...flags], { stdio: 'ignore' });
  const giveUpAt = performance.now() + READY_MS;
  while (spawnSync(process.execPath, CASES['agent members']).status !== 0) {
    if (agent.exitCode !== null || performance.now() > giveUpAt) throw new Error('the agent did not start');
    await sleep(100);
  }
  return agent;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
}

const agent = await startAgent();
try {
  const names = Object.keys(CASES) as (keyof typeof CASES)[];
  const times = new Map(names.map((name) => [name, [] as number[]]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of names) times.get(name)?.push(runOnce(CASES[name]));
  }
  const base = times.get('node -e 0') ?? [];
  const version = spawnSync(NODE, ['--version'], { encoding: 'utf8' }).stdout.trim();
  say(`Start-up on Node.js ${version}, ${ROUNDS} rounds`);
  say('                 median   ratio    fastest   ratio');
  for (const [name, each] of times) {
    const [mid, best] = [median(each), Math.min(...each)];
    const ratios = [mid / median(base), best / Math.min(...base)].map((ratio) => ratio.toFixed(2));
    const cells = [`${mid.toFixed(1)} ms`, ratios[0], `${best.toFixed(1)} ms`, ratios[1]];
    say(`${name.padEnd(14)}${cells.map((cell, i) => `${cell}`.padStart(i % 2 === 0 ? 10 : 8)).join('')}`);
  }
} finally {
  agent.kill('SIGKILL');
}
