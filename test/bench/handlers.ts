import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RpcClient } from '../../src/rpc/client.ts';
import { type Agent, connect, median, sleep, startAgent, statuses, stopAll, until, usage } from './fleet.ts';

/**
 * Handlers under load, ours beside real Serf in the same run: runs a second, what one handler of a minute costs the others
 * and gossip, events a second into one process, and memory while a handler hangs. Fails where something is lost or
 * delayed that must not be. Run: npm run bench:handlers
 */

const RUNS = 1_000;
/** Fewer than any queue holds on its way: Serf's own is 64 events long. */
const WINDOW = 40;
const STREAMED = 100_000;
/** Below the queue of the handler, so that nothing is lost by design. */
const STREAM_WINDOW = 800;
const HUNG_EVENTS = Number(process.env['HUNG_EVENTS'] ?? 1_000_000);
const HUNG_WINDOW = 256;
const SLOW_SECONDS = Number(process.env['SLOW_SECONDS'] ?? 60);

const folder = mkdtempSync(join(tmpdir(), 'bench-handlers-'));
const path = (name: string): string => join(folder, name);
let failures = 0;

function line(label: string, text: string): void {
  process.stdout.write(`${label.padEnd(54)} ${text}\n`);
}

function verify(good: boolean, what: string): void {
  if (good) return;
  failures += 1;
  line('FAILED', what);
}

const bytesOf = (name: string): number => (existsSync(path(name)) ? statSync(path(name)).size : 0);
const linesOf = (name: string): string[] =>
  existsSync(path(name)) ? readFileSync(path(name), 'utf8').split('\n').slice(0, -1) : [];

/** Starts an agent and waits until it answers; undefined where there is no real Serf. */
async function agentOf(
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

function configFile(name: string, handlers: object): string {
  writeFileSync(path(`${name}.json`), JSON.stringify({ handlers }));
  return `-config-file=${path(`${name}.json`)}`;
}

/** Sends `count` events, never more than `window` beyond what `done` says was handled. */
async function send(
  client: RpcClient,
  count: number,
  window: number,
  done: () => number,
  limitMs = 600_000,
): Promise<number> {
  const from = performance.now();
  let sent = 0;
  while (sent < count) {
    const room = Math.min(window - (sent - done()), count - sent);
    if (room <= 0) {
      if (performance.now() - from > limitMs) return sent;
      await sleep(1);
      continue;
    }
    const batch = Array.from({ length: room }, (_, i) =>
      client.event('e', Buffer.from(String(sent + i + 1).padStart(9, '0')), false),
    );
    await Promise.all(batch);
    sent += room;
  }
  return sent;
}

async function runsPerSecond(kind: Agent['kind'], ip: string): Promise<void> {
  const script = `user:e=printf x >> ${path(`runs-${kind}`)}`;
  const agent = await agentOf(kind, `runs-${kind}`, ip, [`-event-handler=${script}`]);
  if (agent === undefined) return line(`${kind}: handler runs`, 'no serf is installed');
  await using client = await connect(agent);
  const done = (): number => bytesOf(`runs-${kind}`);
  await send(client, WINDOW, WINDOW, done);
  await until('the first runs', async () => done() >= WINDOW, 20_000);
  const from = performance.now();
  await send(client, RUNS, WINDOW, () => done() - WINDOW);
  await until('all runs', async () => done() >= RUNS + WINDOW, 120_000);
  const seconds = (performance.now() - from) / 1000;
  line(`${kind}: handler runs, one handler, in order`, `${(RUNS / seconds).toFixed(0)} a second`);
  agent.process.kill('SIGKILL');
}

/** What one long run costs the other handlers, and what its agent says to the rest of the cluster meanwhile. */
async function slowHandler(kind: Agent['kind'], ip: string, peerIp: string): Promise<void> {
  const slow = `user:slow=sleep ${SLOW_SECONDS}`;
  const fast = `user:fast=echo "$(cat) $(date +%s%N)" >> ${path(`fast-${kind}`)}`;
  const agent = await agentOf(kind, `slow-${kind}`, ip, [`-event-handler=${slow}`, `-event-handler=${fast}`]);
  if (agent === undefined) return line(`${kind}: delay by a slow handler`, 'no serf is installed');
  const peer = await agentOf('reeve', `peer-${kind}`, peerIp, [`-retry-join=${ip}`, '-retry-interval=1s']);
  if (peer === undefined) return;
  await until('both see both', async () => (await statuses(peer)).size === 2, 20_000);
  await using client = await connect(agent);
  await using watcher = await connect(peer);
  const before = await pings(watcher, agent.name, 5);
  await client.event('slow', null, false);
  await sleep(500);
  const rounds = 10;
  for (let n = 0; n < rounds; n += 1) {
    await client.event('fast', Buffer.from(`${Date.now()}000000`), false);
    await sleep(200);
  }
  const during = await pings(watcher, agent.name, 5);
  await until(
    'the fast ones',
    async () => linesOf(`fast-${kind}`).length >= rounds,
    (SLOW_SECONDS + 30) * 1000,
  );
  const delays = linesOf(`fast-${kind}`).map((text) => {
    const [sent = 0, ran = 0] = text.split(' ').map((word) => Number(word) / 1e6);
    return ran - sent;
  });
  const seen = (await statuses(peer)).get(agent.name);
  line(
    `${kind}: other handlers beside one of ${SLOW_SECONDS} s`,
    `run after ${median(delays).toFixed(0)} ms (median), ${Math.max(...delays).toFixed(0)} ms (longest)`,
  );
  line(
    `${kind}: a peer's ping before and meanwhile`,
    `${before.toFixed(1)} ms, ${during.toFixed(1)} ms; the peer sees it ${seen}`,
  );
  if (kind === 'reeve')
    verify(Math.max(...delays) < 5_000 && seen === 'alive', 'a slow handler delays others');
  agent.process.kill('SIGKILL');
  peer.process.kill('SIGKILL');
}

/** Median milliseconds until a member acknowledges an internal query. */
async function pings(client: RpcClient, node: string, count: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const from = performance.now();
    const query = await client.query({
      name: '_serf_ping',
      filterNodes: [node],
      requestAck: true,
      timeoutMs: 5_000,
    });
    for await (const record of query) {
      if (record.type !== 'ack') continue;
      times.push(performance.now() - from);
      break;
    }
  }
  return median(times);
}

async function persistent(acknowledge: boolean, ip: string): Promise<void> {
  const name = acknowledge ? 'acked' : 'plain';
  const reader = `
    const { appendFileSync } = require('node:fs');
    let rest = '', text = '';
    process.stdin.on('data', (chunk) => {
      const lines = (rest + chunk).split('\\n');
      rest = lines.pop();
      let acks = '', seen = '';
      for (const line of lines) { const e = JSON.parse(line); seen += e.payload + '\\n'; acks += '{"ack":' + e.id + '}\\n'; }
      appendFileSync(process.env.OUT, seen);
      ${acknowledge ? 'process.stdout.write(acks);' : ''}
    });`;
  const handler = {
    kind: 'persistent',
    command: [process.execPath, '-e', reader],
    events: ['user:e'],
    acknowledge,
    environment: { set: { OUT: path(name) } },
  };
  const agent = await agentOf('reeve', name, ip, [configFile(name, { [name]: handler })]);
  if (agent === undefined) return;
  await using client = await connect(agent);
  // Ten bytes a line.
  const done = (): number => bytesOf(name) / 10;
  const from = performance.now();
  await send(client, STREAMED, STREAM_WINDOW, done);
  await until('the last one', async () => done() >= STREAMED, 60_000).catch(() => undefined);
  const seconds = (performance.now() - from) / 1000;
  const seen = new Set(linesOf(name));
  const lost = STREAMED - seen.size;
  const rate = (STREAMED / seconds).toFixed(0);
  const what = acknowledge ? 'with acknowledgements' : 'without';
  line(`reeve: events into one process, ${what}`, `${rate} a second by RPC, ${lost} of ${STREAMED} lost`);
  verify(lost === 0, `${lost} events lost on the way to a persistent handler`);
  agent.process.kill('SIGKILL');
}

async function hungHandler(kind: Agent['kind'], ip: string): Promise<void> {
  const agent = await agentOf(kind, `hung-${kind}`, ip, [
    '-event-handler=user:e=sleep 100000',
    ...(kind === 'reeve' ? ['-handler-timeout=0s', configFile('hung', HUNG_HANDLERS)] : []),
  ]);
  if (agent === undefined) return line(`${kind}: memory under a hung handler`, 'no serf is installed');
  await using client = await connect(agent);
  const figures: string[] = [];
  const marks = [0.01, 0.1, 0.5, 1].map((share) => Math.round(share * HUNG_EVENTS));
  let sent = 0;
  const from = performance.now();
  const start = usage(agent.pid).residentMiB;
  const sizes: number[] = [];
  taking: for (const mark of marks) {
    while (sent < mark) {
      const batch = Math.min(HUNG_WINDOW, mark - sent);
      const work = Array.from({ length: batch }, () => client.event('e', Buffer.alloc(100, 'x'), false));
      // A call that gets no answer fails by itself after ten seconds.
      const taken = (await Promise.allSettled(work)).filter(({ status }) => status === 'fulfilled').length;
      sent += taken;
      if (taken < batch) break taking;
    }
    sizes.push(usage(agent.pid).residentMiB);
    figures.push(`${mark}: ${usage(agent.pid).residentMiB.toFixed(0)} MiB`);
  }
  if (sent < HUNG_EVENTS) figures.push(`no event taken for 10 s after ${sent}`);
  const rate = (sent / ((performance.now() - from) / 1000)).toFixed(0);
  line(
    `${kind}: events into a hung handler, memory after`,
    `start: ${start.toFixed(0)} MiB, ${figures.join(', ')}`,
  );
  if (kind === 'reeve') {
    // The first half fills what the agent itself keeps (replay buffer, log, heap), with handlers or without.
    const [, , half = 0, last = 0] = sizes;
    line('reeve: taken meanwhile', `${rate} events a second`);
    verify(sent === HUNG_EVENTS && last < half * 1.25, 'memory grows with the events of a hung handler');
  }
  agent.process.kill('SIGKILL');
}

const HUNG_HANDLERS = {
  supervised: { run: 'sleep 100000', events: ['user:e'], timeout: '0s' },
  process: { kind: 'persistent', run: 'sleep 100000', events: ['user:e'], timeout: '0s' },
};

try {
  await runsPerSecond('serf', '127.112.0.1');
  await runsPerSecond('reeve', '127.112.0.2');
  await slowHandler('serf', '127.112.1.1', '127.112.1.2');
  await slowHandler('reeve', '127.112.1.3', '127.112.1.4');
  await persistent(false, '127.112.2.1');
  await persistent(true, '127.112.2.2');
  await hungHandler('serf', '127.112.3.1');
  await hungHandler('reeve', '127.112.3.2');
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}
if (failures > 0) process.exitCode = 1;
