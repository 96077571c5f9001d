import type { QueryRequest } from '../../rpc/backend.ts';
import { PING_QUERY } from '../../rpc/protocol.ts';
import { type CommandContext, defineCommand, explained, RPC_FLAGS, withAgent } from '../command.ts';
import type { AgentClient } from '../connect.ts';
import { EXIT } from '../exit.ts';
import { goJson, type Json } from '../format.ts';
import type { Output } from '../output.ts';
import { checkFormat, FORMAT_FLAG, type OutputFormat } from '../output-format.ts';
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
    ['--json', 'The result for programs'],
  ],
  about: ['Tests the network: asks every member for a sign of life and names those that gave none.'],
  flags: {
    verbose: { kind: 'bool', doc: 'Show each answer and the times.' },
    format: FORMAT_FLAG,
    ...RPC_FLAGS,
  },
  order: 'go',
  run: ({ flags }, context) => {
    const format = checkFormat(flags.format);
    return withAgent(context, flags, (client) => test(client, { verbose: flags.verbose, format }, context));
  },
});

interface Options {
  readonly verbose: boolean;
  readonly format: OutputFormat;
}

const PING: QueryRequest = {
  name: PING_QUERY,
  payload: null,
  filterNodes: [],
  filterTags: new Map(),
  requestAck: true,
  relayFactor: 0,
  timeoutMs: 0,
  until: 'acks',
};

/** What the test has seen; times in milliseconds since the query went out. */
interface Result {
  readonly members: number;
  readonly live: ReadonlySet<string>;
  /** Who acknowledged, in order, repeated ones included. */
  readonly acks: readonly string[];
  readonly lastMs: number;
  readonly totalMs: number;
}

async function test(client: AgentClient, options: Options, context: CommandContext): Promise<number> {
  const out: Pick<Output, 'line'> = options.format === 'json' ? { line: () => undefined } : context.out;
  const interrupted = context.interrupted();
  const members = await explained('Error getting members', client.members());
  const live = new Set(members.filter(({ status }) => status === 'alive').map(({ name }) => name));
  out.line(`Total members: ${members.length}, live members: ${live.size}`);
  const records = await startQuery(client, PING, interrupted);
  out.line('Starting reachability test...');
  const startedAt = performance.now();
  let lastMs = 0;
  const acks: string[] = [];
  for await (const record of records) {
    if (record.type !== 'ack') continue;
    if (options.verbose) out.line(`\tAck from '${record.from}'`);
    lastMs = performance.now() - startedAt;
    if (acks.includes(record.from)) out.line(`Duplicate response from '${record.from}'`);
    acks.push(record.from);
  }
  if (interrupted.aborted) {
    context.out.error('Test interrupted');
    return EXIT.error;
  }
  const result = { members: members.length, live, acks, lastMs, totalMs: performance.now() - startedAt };
  if (options.format === 'json') context.out.line(goJson(resultJson(result)));
  else report(result, options.verbose, context.out);
  return isGood(result) ? EXIT.ok : EXIT.error;
}

function repeated(acks: readonly string[]): string[] {
  return [...new Set(acks.filter((name, i) => acks.indexOf(name) !== i))];
}

function isGood({ acks, live }: Result): boolean {
  return acks.length === live.size && repeated(acks).length === 0;
}

function missing({ live, acks }: Result): string[] {
  return [...live].filter((name) => !acks.includes(name));
}

function unexpected({ live, acks }: Result): string[] {
  return [...new Set(acks)].filter((name) => !live.has(name));
}

function resultJson(result: Result): Json {
  return {
    ok: isGood(result),
    members: result.members,
    live: result.live.size,
    acks: result.acks,
    missing: missing(result),
    unexpected: unexpected(result),
    duplicates: repeated(result.acks),
    last_ack_ms: Math.round(result.lastMs),
    total_ms: Math.round(result.totalMs),
  };
}

function report(result: Result, verbose: boolean, out: Output): void {
  const { acks, live, lastMs, totalMs } = result;
  const seconds = (ms: number): string => (ms / 1000).toFixed(2);
  if (verbose) {
    out.line(`Query time: ${seconds(totalMs)} sec, time to last response: ${seconds(lastMs)} sec`);
  }
  if (repeated(acks).length > 0) out.line(DUPLICATES);
  if (acks.length === live.size) {
    out.line('Successfully contacted all live nodes');
    return;
  }
  const more = acks.length > live.size;
  out.line(
    more
      ? 'Received more acks than live nodes! Acks from non-live nodes:'
      : 'Received less acks than live nodes! Missing acks from:',
  );
  for (const name of more ? unexpected(result) : missing(result)) out.line(`\t${name}`);
  out.line(more ? TOO_MANY : TOO_FEW);
  out.line(TIPS);
}
