import { type Coordinate, distance, isCompatible } from '../../coordinates/coordinate.ts';
import { defineCommand, explained, failure, RPC_FLAGS, usageError, withAgent } from '../command.ts';
import type { AgentClient } from '../connect.ts';
import { EXIT } from '../exit.ts';
import { goJson } from '../format.ts';
import { checkFormat, FORMAT_FLAG } from '../output-format.ts';

/** `rtt`: the distance between two coordinates, which the agent keeps up to date while it probes. */
export const rttCommand = defineCommand({
  name: 'rtt',
  usage: '[options] node1 [node2]',
  examples: [
    ['db1', 'From this agent to db1'],
    ['db1 db2', 'Between two others'],
    ['--json db1', 'The same for programs'],
  ],
  about: [
    'Estimates the network round trip time between two nodes, from coordinates that the cluster maintains; nothing is sent to them. Nodes are named as in the list of members.',
  ],
  flags: { format: FORMAT_FLAG, ...RPC_FLAGS },
  order: 'go',
  run: async ({ flags, args }, context) => {
    const [first, second] = args;
    const format = checkFormat(flags.format);
    if (first === undefined || args.length > 2) throw usageError('One or two node names must be specified');
    return withAgent(context, flags, async (client) => {
      const other = second ?? (await ownName(client));
      const [from, to] = [await coordinateOf(client, first), await coordinateOf(client, other)];
      if (!isCompatible(from, to)) {
        throw failure('Error getting coordinates: the two nodes use coordinates of different dimensions');
      }
      const ms = (distance(from, to) * 1000).toFixed(3);
      if (format === 'json') context.out.line(goJson({ nodes: [first, other], rtt_ms: Number(ms) }));
      else context.out.line(`Estimated ${first} <-> ${other} rtt: ${ms} ms`);
      return EXIT.ok;
    });
  },
});

async function ownName(client: AgentClient): Promise<string> {
  const stats = await explained('Error querying agent', client.stats());
  return stats.get('agent')?.get('name') ?? '';
}

async function coordinateOf(client: AgentClient, node: string): Promise<Coordinate> {
  const found = await explained('Error getting coordinates', client.coordinate(node));
  if (found === undefined) throw failure(`Could not find a coordinate for node ${JSON.stringify(node)}`);
  return found;
}
