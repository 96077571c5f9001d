import { bytesOfText } from '../../base/bytes.ts';
import { defineCommand, explained, RPC_FLAGS, usageError, withAgent } from '../command.ts';
import { EXIT } from '../exit.ts';

/** `event`: no payload argument sends nil, an empty one sends an empty payload. */
export const eventCommand = defineCommand({
  name: 'event',
  usage: '[options] name [payload]',
  examples: [
    ['restart', 'Tell every node to restart'],
    ['deploy v42', 'With a payload'],
    ['-coalesce=false deploy v42', 'Deliver each one, even in a burst'],
    ['-- deploy -x', 'A payload that starts with a dash'],
  ],
  about: [
    'Sends a custom event to every node of the cluster. Handlers for user events of that name run there, with the payload on their standard input.',
  ],
  flags: {
    coalesce: {
      kind: 'bool',
      default: true,
      doc: 'Whether events of the same name within a short time may be merged into the last one. Default: true.',
    },
    ...RPC_FLAGS,
  },
  order: 'go',
  run: async ({ flags, args }, context) => {
    const [name, text] = args;
    if (name === undefined) throw usageError('An event name must be specified.');
    if (args.length > 2) {
      throw usageError('Too many command line arguments. Only a name and payload must be specified.');
    }
    const payload = text === undefined ? null : bytesOfText(text);
    return withAgent(context, flags, async (client) => {
      await explained('Error sending event', client.event(name, payload, flags.coalesce));
      context.out.line(`Event '${name}' dispatched! Coalescing enabled: ${flags.coalesce}`);
      return EXIT.ok;
    });
  },
});
