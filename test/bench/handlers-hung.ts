import type { RpcClient } from '../../src/rpc/client.ts';
import { type Agent, connect, usage } from './fleet.ts';
import { agentOf, configFile, line, ratio, verify } from './handlers-tools.ts';

/** Memory over a million events while handlers hang, beside an agent that has none. */

const HUNG_EVENTS = Number(process.env['HUNG_EVENTS'] ?? 1_000_000);
const HUNG_WINDOW = 256;

/** Sends to all of them alike; resolves to how many events everybody took. */
async function sendToAll(clients: readonly RpcClient[], count: number): Promise<number> {
  let sent = 0;
  while (sent < count) {
    const batch = Math.min(HUNG_WINDOW, count - sent);
    const each = clients.map(async (client) => {
      const work = Array.from({ length: batch }, () => client.event('e', Buffer.alloc(100, 'x'), false));
      // A call that gets no answer fails by itself after ten seconds.
      return (await Promise.allSettled(work)).filter(({ status }) => status === 'fulfilled').length;
    });
    const taken = Math.min(...(await Promise.all(each)));
    sent += taken;
    if (taken < batch) break;
  }
  return sent;
}

/** Memory of agents that take the same events: those with handlers that hang, and one without any. */
async function hungHandlers(subjects: readonly (Agent | undefined)[], events: number): Promise<number[][]> {
  const agents = subjects.filter((agent) => agent !== undefined);
  const clients = await Promise.all(agents.map(connect));
  const sizes = agents.map(({ pid }) => [usage(pid).residentMiB]);
  const marks = [0.01, 0.1, 0.5, 1].map((share) => Math.round(share * events));
  let sent = 0;
  const from = performance.now();
  for (const mark of marks) {
    sent += await sendToAll(clients, mark - sent);
    for (const [i, { pid }] of agents.entries()) sizes[i]?.push(usage(pid).residentMiB);
    if (sent < mark) break;
  }
  const rate = (sent / ((performance.now() - from) / 1000)).toFixed(0);
  agents.forEach(({ kind, name }, i) => {
    const figures = sizes[i]?.map((size) => size.toFixed(0)).join(', ');
    line(`${kind}: MiB at 0, ${marks.join(', ')} events (${name})`, figures ?? '');
  });
  const end = sent < events ? `none taken for 10 s after ${sent}` : `all ${sent} taken, ${rate} a second`;
  line(`${agents[0]?.kind ?? ''}: events into hung handlers`, end);
  verify(agents[0]?.kind === 'serf' || sent === events, 'a hung handler stops its agent');
  await Promise.all(clients.map((client) => client.close()));
  for (const agent of agents) agent.process.kill('SIGKILL');
  return sizes;
}

/** Real Serf alone, then our two agents side by side. */
export async function memory(): Promise<void> {
  const script = '-event-handler=user:e=sleep 100000';
  const theirs = await agentOf('serf', 'hung-serf', '127.112.3.1', [script]);
  if (theirs === undefined) line('serf: memory under a hung handler', 'no serf is installed');
  else await hungHandlers([theirs], HUNG_EVENTS);
  const config = configFile('hung', HUNG_HANDLERS);
  const [hung = [], control = []] = await hungHandlers(
    [
      await agentOf('reeve', 'three hung handlers', '127.112.3.2', [script, '-handler-timeout=0s', config]),
      await agentOf('reeve', 'no handler', '127.112.3.3', []),
    ],
    HUNG_EVENTS,
  );
  // The first half fills what the agent itself keeps (replay buffer, log, heap), with handlers or without.
  const [half = 0, last = 0] = hung.slice(-2);
  const without = control.at(-1) ?? 0;
  line('reeve: hung to none, in the end; end to middle', `${ratio(last, without)}; ${ratio(last, half)}`);
  verify(last < half * 1.25, 'memory grows with the events of a hung handler');
}

const HUNG_HANDLERS = {
  supervised: { run: 'sleep 100000', events: ['user:e'], timeout: '0s' },
  process: { kind: 'persistent', run: 'sleep 100000', events: ['user:e'], timeout: '0s' },
};
