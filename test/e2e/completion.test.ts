import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const AGENT = join(import.meta.dirname, '../../dist/bin/agent.js');
const IP = '127.112.1.1';
const RPC = `${IP}:7373`;
const READY_MS = 20_000;
const BASH_MS = 40_000;

/** `script` (util-linux) gives bash the terminal without which it completes nothing. */
const HAS_TERMINAL = spawnSync('script', ['-qec', 'bash --version', '/dev/null']).status === 0;

const folder = mkdtempSync(join(tmpdir(), 'reeve-completion-'));
const env = {
  ...process.env,
  PATH: `${folder}:${process.env['PATH']}`,
  SERF_RPC_ADDR: RPC,
  INPUTRC: '/dev/null',
};
let stop: () => void = () => undefined;

/** What a person sees who types this into bash, tabs included. */
function typed(lines: readonly string[]): Promise<string> {
  const child = spawn('script', ['-qec', 'bash --norc --noprofile -i', '/dev/null'], { cwd: folder, env });
  const limit = setTimeout(() => child.kill('SIGKILL'), BASH_MS);
  let screen = '';
  child.stdout.on('data', (data: Buffer) => {
    screen += data.toString();
  });
  child.stdin.end(`${['. ./agent.bash', ...lines, 'exit'].join('\n')}\n`);
  return new Promise((resolve) =>
    child.once('close', () => {
      clearTimeout(limit);
      resolve(screen);
    }),
  );
}

describe.skipIf(!HAS_TERMINAL)('bash', () => {
  beforeAll(async () => {
    symlinkSync(AGENT, join(folder, 'agent'));
    writeFileSync(join(folder, 'agent.bash'), execFileSync(AGENT, ['completion', 'bash']));
    writeFileSync(join(folder, 'outage-1.json'), '{"nodes": 4, "duration": "1s"}');
    const flags = ['run', '-node=only-one', `-bind=${IP}`, `-rpc-addr=${RPC}`, '-profile=local'];
    const agent = spawn(process.execPath, [AGENT, ...flags], { stdio: 'ignore' });
    stop = () => agent.kill('SIGKILL');
    const giveUpAt = performance.now() + READY_MS;
    while (spawnSync(AGENT, ['members'], { env }).status !== 0) {
      if (performance.now() > giveUpAt) throw new Error('the agent did not start');
      await sleep(100);
    }
  });

  afterAll(() => {
    stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('completes a command and its flag', async () => {
    expect(await typed(['agent vers\t-form\tjso\t'])).toContain('"protocol": {');
  });

  it('completes a value and a file behind an equals sign', async () => {
    expect(await typed(['agent sim -scen\t outa\t-prof\tloc\t'])).toContain('4 nodes · local');
    expect(await typed(['agent sim -scenario=outa\t'])).toContain('4 nodes · lan');
  });

  it('completes the name of a member', async () => {
    expect(await typed(['agent rtt onl\t only-one'])).toContain('Estimated only-one <-> only-one rtt');
  });
});
