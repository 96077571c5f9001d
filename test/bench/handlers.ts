import type { RpcClient } from '../../src/rpc/client.ts';
import { type Agent, connect, median, sleep, statuses, stopAll, until } from './fleet.ts';
import { memory } from './handlers-hung.ts';
import {
  agentOf,
  bytesOf,
  cleanUp,
  configFile,
  failures,
  line,
  linesOf,
  path,
  ratio,
  verify,
} from './handlers-tools.ts';

/**
 * Handlers under load, ours beside real Serf in the same run: runs a second, what one handler of a minute costs the others
 * and gossip, events a second into one process, and memory while a handler hangs. Fails where something is lost or
 * delayed that must not be. Run: npm run bench:handlers, or only some: npm run bench:handlers -- runs slow stream hung
 */

const RUNS = 1_000;
const ROUNDS = 3;
/** Fewer than any queue holds on its way: Serf's own is 64 events long. */
const WINDOW = 40;
const STREAMED = 100_000;
/** Below the queue of the handler, so that nothing is lost by design. */
const STREAM_WINDOW = 800;
const SLOW_SECONDS = Number(process.env['SLOW_SECONDS'] ?? 60);

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

async function runsPerSecond(
  kind: Agent['kind'],
  ip: string,
  args: readonly string[] = [],
): Promise<number | undefined> {
  const out = `runs-${ip}`;
  const script = `user:e=printf x >> ${path(out)}`;
  const agent = await agentOf(kind, `runs-${kind}`, ip, [`-event-handler=${script}`, ...args]);
  if (agent === undefined) return;
  await using client = await connect(agent);
  const done = (): number => bytesOf(out);
  await send(client, WINDOW, WINDOW, done);
  await until('the first runs', async () => done() >= WINDOW, 20_000);
  const from = performance.now();
  await send(client, RUNS, WINDOW, () => done() - WINDOW);
  await until('all runs', async () => done() >= RUNS + WINDOW, 120_000);
  const seconds = (performance.now() - from) / 1000;
  agent.process.kill('SIGKILL');
  return RUNS / seconds;
}

/** Both programs in turn, so that a busy minute of the machine meets both; the best of each counts. */
async function runs(): Promise<void> {
  const best = { serf: 0, reeve: 0, recorded: 0 };
  for (let round = 1; round <= ROUNDS; round += 1) {
    const at = (n: number): string => `127.112.0.${10 * round + n}`;
    best.serf = Math.max(best.serf, (await runsPerSecond('serf', at(1))) ?? 0);
    best.reeve = Math.max(best.reeve, (await runsPerSecond('reeve', at(2))) ?? 0);
    const state = `-state-dir=${path(`state-${round}`)}`;
    best.recorded = Math.max(best.recorded, (await runsPerSecond('reeve', at(3), [state])) ?? 0);
  }
  const told = (rate: number): string =>
    rate === 0 ? 'no serf is installed' : `${rate.toFixed(0)} a second`;
  line('serf: handler runs, one handler, in order', told(best.serf));
  line('reeve: the same', told(best.reeve));
  line('reeve: the same, with the record on disk', told(best.recorded));
  if (best.serf > 0) line('reeve to serf', ratio(best.reeve, best.serf));
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
  // Ten bytes a line; a size taken in the middle of a write is no multiple of that.
  const done = (): number => Math.floor(bytesOf(name) / 10);
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

const PARTS: Readonly<Record<string, () => Promise<void>>> = {
  runs,
  slow: async () => {
    await slowHandler('serf', '127.112.1.1', '127.112.1.2');
    await slowHandler('reeve', '127.112.1.3', '127.112.1.4');
  },
  stream: async () => {
    await persistent(false, '127.112.2.1');
    await persistent(true, '127.112.2.2');
  },
  hung: memory,
};

try {
  const asked = process.argv.slice(2);
  for (const name of asked.length > 0 ? asked : Object.keys(PARTS)) await PARTS[name]?.();
} finally {
  await stopAll();
  cleanUp();
}
if (failures() > 0) process.exitCode = 1;
