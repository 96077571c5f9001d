import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Agent, sleep, startAgent, statuses, until } from './fleet.ts';

/** What the parts of the benchmark of handlers share: a folder, agents, printed lines, and what counts as a failure. */

const folder = mkdtempSync(join(tmpdir(), 'bench-handlers-'));
export const path = (name: string): string => join(folder, name);
let failed = 0;

/** How often something was not as it must be. */
export const failures = (): number => failed;

export function cleanUp(): void {
  rmSync(folder, { recursive: true, force: true });
}

export function line(label: string, text: string): void {
  process.stdout.write(`${label.padEnd(54)} ${text}\n`);
}

export function verify(good: boolean, what: string): void {
  if (good) return;
  failed += 1;
  line('FAILED', what);
}

export const bytesOf = (name: string): number => (existsSync(path(name)) ? statSync(path(name)).size : 0);
export const linesOf = (name: string): string[] =>
  existsSync(path(name)) ? readFileSync(path(name), 'utf8').split('\n').slice(0, -1) : [];

/** Starts an agent and waits until it answers; undefined where there is no real Serf. */
export async function agentOf(
  kind: Agent['kind'],
  name: string,
  ip: string,
  args: readonly string[],
): Promise<Agent | undefined> {
  const agent = startAgent(kind, name, ip, ['-profile=local', '-log-level=ERR', ...args]);
  agent.process.on('error', () => undefined);
  await sleep(200);
  if (agent.pid === 0) return undefined;
  await until(`${name} answers`, async () => (await statuses(agent)).size > 0, 20_000);
  return agent;
}

export function configFile(name: string, handlers: object): string {
  writeFileSync(path(`${name}.json`), JSON.stringify({ handlers }));
  return `-config-file=${path(`${name}.json`)}`;
}

export const ratio = (a: number, b: number): string => (a / b).toFixed(2);
