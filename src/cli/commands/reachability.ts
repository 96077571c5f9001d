import { PING_QUERY } from '../../rpc/protocol.ts';
import { type CommandContext, defineCommand, explained, RPC_FLAGS, withAgent } from '../command.ts';
import type { AgentClient } from '../connect.ts';
import { EXIT } from '../exit.ts';
import type { Output } from '../output.ts';
import { startQuery } from '../query-records.ts';

const DUPLICATES = `Duplicate responses means there is a misconfiguration. Verify that
node names are unique.`;
const TOO_MANY = `This could mean Serf is detecting false-failures due to a misconfiguration or network issue.`;
const TOO_FEW = `This could mean Serf gossip packets are being lost due to a misconfiguration or network issue.`;
const TIPS = `
Troubleshooting tips:
* Is the bind address of every member one that the others can reach?
* If an advertise address is set, does it lead to the bind address?
* Is there address translation between members? There must be none.
* Do all firewalls let UDP and TCP through, in both directions?
* Do switches and routers work? Look for dropped packets.`;

/** `reachability` (agent.md 15.8): an internal query that every live member must acknowledge. */
export const reachabilityCommand = defineCommand({
  name: 'reachability',
  usage: '[options]',
  examples: [
    ['', 'Test that every live member answers'],
    ['-verbose', 'And show each answer and the times'],
  ],
  about: ['Tests the network: asks every member for a sign of life and names those that gave none.'],
  flags: { verbose: { kind: 'bool', doc: 'Show each answer and the times.' }, ...RPC_FLAGS },
  order: 'go',
  run: ({ flags }, context) => withAgent(context, flags, (client) => test(client, flags.verbose, context)),
});

async function test(client: AgentClient, verbose: boolean, context: CommandContext): Promise<number> {
  const { out } = context;
  const interrupted = context.interrupted();
  const members = await explained('Error getting members', client.members());
  const live = new Set(members.filter(({ status }) => status === 'alive').map(({ name }) => name));
  out.line(`Total members: ${members.length}, live members: ${live.size}`);
  const request = {
    name: PING_QUERY,
    payload: null,
    filterNodes: [],
    filterTags: new Map<string, string>(),
    requestAck: true,
    relayFactor: 0,
    timeoutMs: 0,
    until: 'acks' as const,
  };
  const records = await startQuery(client, request, interrupted);
  out.line('Starting reachability test...');
  const startedAt = performance.now();
  let lastAt = startedAt;
  let count = 0;
  const seen = new Set<string>();
  let duplicates = false;
  for await (const record of records) {
    if (record.type !== 'ack') continue;
    if (verbose) out.line(`\tAck from '${record.from}'`);
    count += 1;
    lastAt = performance.now();
    if (seen.has(record.from)) {
      duplicates = true;
      out.line(`Duplicate response from '${record.from}'`);
    }
    seen.add(record.from);
  }
  if (interrupted.aborted) {
    out.error('Test interrupted');
    return EXIT.error;
  }
  if (verbose) {
    const seconds = (at: number): string => ((at - startedAt) / 1000).toFixed(2);
    out.line(`Query time: ${seconds(performance.now())} sec, time to last response: ${seconds(lastAt)} sec`);
  }
  if (duplicates) out.line(DUPLICATES);
  return verdict(count, live, seen, out) && !duplicates ? EXIT.ok : EXIT.error;
}

function verdict(acks: number, live: ReadonlySet<string>, seen: ReadonlySet<string>, out: Output): boolean {
  if (acks === live.size) {
    out.line('Successfully contacted all live nodes');
    return true;
  }
  const more = acks > live.size;
  out.line(
    more
      ? 'Received more acks than live nodes! Acks from non-live nodes:'
      : 'Received less acks than live nodes! Missing acks from:',
  );
  const odd = more
    ? [...seen].filter((name) => !live.has(name))
    : [...live].filter((name) => !seen.has(name));
  for (const name of odd) out.line(`\t${name}`);
  out.line(more ? TOO_MANY : TOO_FEW);
  out.line(TIPS);
  return false;
}
