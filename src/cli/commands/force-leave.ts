import { defineCommand, explained, RPC_FLAGS, usageError, withAgent } from '../command.ts';
import { EXIT } from '../exit.ts';

/** `force-leave`: prints nothing when it worked, as Serf. */
export const forceLeaveCommand = defineCommand({
  name: 'force-leave',
  usage: '[options] name',
  examples: [
    ['db3', 'Stop trying to reach the failed db3'],
    ['-prune db3', 'And forget it at once'],
  ],
  about: [
    'Forces a member into the "left" state. Meant for failed members that will never come back; the cluster would otherwise try to reach them for a day. A member that is in fact alive rejoins by itself.',
  ],
  flags: { prune: { kind: 'bool', doc: 'Remove the member from the list of members.' }, ...RPC_FLAGS },
  order: 'go',
  run: async ({ flags, args }, context) => {
    const [name] = args;
    if (name === undefined || args.length > 1) {
      throw usageError('A node name must be specified to force leave.');
    }
    return withAgent(context, flags, async (client) => {
      await explained('Error force leaving', client.forceLeave(name, flags.prune));
      return EXIT.ok;
    });
  },
});
