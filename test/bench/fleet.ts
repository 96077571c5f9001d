import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { RpcClient } from '../../src/rpc/client.ts';

/** Agents as processes, for benchmarks: ours and real Serf's, each on its own loopback address and default ports. */

const AGENT = fileURLToPath(new URL('../../dist/bin/agent.js', import.meta.url));

export interface Agent {
  readonly kind: 'reeve' | 'serf';
  readonly name: string;
  readonly ip: string;
  readonly process: ChildProcess;
  readonly pid: number;
  output: string;
}

const started: Agent[] = [];

/** Starts an agent; its output is kept to the last 64 KiB. */
export function startAgent(
  kind: Agent['kind'],
  name: string,
  ip: string,
  args: readonly string[] = [],
  nodeFlags: readonly string[] = [],
): Agent {
  const common = ['agent', `-node=${name}`, `-bind=${ip}`, `-rpc-addr=${ip}:7373`, ...args];
  const child =
    kind === 'reeve'
      ? spawn(process.execPath, [...nodeFlags, AGENT, ...common], { stdio: ['ignore', 'pipe', 'pipe'] })
      : spawn('serf', common, { stdio: ['ignore', 'pipe', 'pipe'] });
  const agent: Agent = { kind, name, ip, process: child, pid: child.pid ?? 0, output: '' };
  const keep = (chunk: Buffer): void => {
    agent.output = (agent.output + chunk.toString()).slice(-65_536);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  started.push(agent);
  return agent;
}

/** Ends every process started here, and nothing else. */
export async function stopAll(): Promise<void> {
  const running = started.filter(
    (agent) => agent.process.exitCode === null && agent.process.signalCode === null,
  );
  for (const agent of running) agent.process.kill('SIGKILL');
  await Promise.all(running.map((agent) => new Promise((resolve) => agent.process.once('exit', resolve))));
}

export function connect(agent: Agent): Promise<RpcClient> {
  return RpcClient.connect({ address: { host: agent.ip, port: 7373 } });
}

/** Names by status, as one agent sees them. */
export async function statuses(agent: Agent): Promise<Map<string, string>> {
  await using client = await connect(agent);
  return new Map((await client.members()).map((member) => [member.name, member.status]));
}

/** Polls until `probe` holds; returns the milliseconds it took, or throws after `limitMs`. */
export async function until(what: string, probe: () => Promise<boolean>, limitMs: number): Promise<number> {
  const from = performance.now();
  for (;;) {
    if (await probe().catch(() => false)) return performance.now() - from;
    if (performance.now() - from > limitMs) throw new Error(`gave up waiting after ${limitMs} ms: ${what}`);
    await sleep(100);
  }
}

/** CPU seconds a process has used, and its resident MiB (proc(5)). */
export function usage(pid: number): { readonly cpuSeconds: number; readonly residentMiB: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const resident = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return { cpuSeconds: ticks / 100, residentMiB: Number(resident?.[1] ?? 0) / 1024 };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export { sleep };
