import { defineCommand, explained, RPC_FLAGS, withAgent } from '../command.ts';
import { EXIT } from '../exit.ts';

/** `leave`: answered once the whole leave is over. */
export const leaveCommand = defineCommand({
  name: 'leave',
  usage: '[options]',
  examples: [['', 'Leave the cluster and stop the agent']],
  about: [
    'Makes the agent leave the cluster gracefully and stop: the others see it as left, not as failed, and do not try to reach it again.',
  ],
  flags: { ...RPC_FLAGS },
  order: 'go',
  run: ({ flags }, context) =>
    withAgent(context, flags, async (client) => {
      await explained('Error leaving', client.leave());
      context.out.line('Graceful leave complete');
      return EXIT.ok;
    }),
});
