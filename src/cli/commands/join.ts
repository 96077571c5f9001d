import { messageOf } from '../../base/errors.ts';
import { joinAdvice } from '../../rpc/join-advice.ts';
import { defineCommand, explained, failure, RPC_FLAGS, usageError, withAgent } from '../command.ts';
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
      const warnings: string[] = [];
      const joining = client.join(args, flags.replay, (text) => warnings.push(text));
      const count = await explained('Error joining the cluster', joining.catch(advised));
      if (warnings.length > 0)
        throw failure(`Error joining the cluster: contacted ${count} nodes, but ${warnings.join('; ')}.`);
      context.out.line(`Successfully joined cluster by contacting ${count} nodes.`);
      return EXIT.ok;
    });
  },
});

/** Puts the next steps under the reasons. */
function advised(error: unknown): never {
  const text = messageOf(error);
  const advice = joinAdvice(text);
  if (advice.length === 0) throw error;
  throw failure([text.trimEnd(), ...advice].join('\n'), error);
}
