import { defineCommand, explained, RPC_FLAGS, usageError, withAgent } from '../command.ts';
import { EXIT } from '../exit.ts';

/** `join`: succeeds when at least one address answered. */
export const joinCommand = defineCommand({
  name: 'join',
  usage: '[options] address ...',
  examples: [
    ['10.0.0.1', 'Join the cluster that host is in'],
    ['10.0.0.1:7950 db.example', 'Try several, one is enough'],
    ['-replay 10.0.0.1', 'Also receive past user events'],
  ],
  about: [
    'Tells the running agent to join a cluster by at least one existing member. Addresses are host names or IPs, with the gossip port if it is not 7946.',
  ],
  flags: { replay: { kind: 'bool', doc: 'Replay past user events.' }, ...RPC_FLAGS },
  order: 'go',
  run: async ({ flags, args }, context) => {
    if (args.length === 0) throw usageError('At least one address to join must be specified.');
    return withAgent(context, flags, async (client) => {
      const count = await explained('Error joining the cluster', client.join(args, flags.replay));
      context.out.line(`Successfully joined cluster by contacting ${count} nodes.`);
      return EXIT.ok;
    });
  },
});
