import { messageOf } from '../../base/errors.ts';
import { RPC_ERRORS } from '../protocol.ts';
import type { Command } from './command.ts';

/** Leaves gracefully, answers, and only then lets the agent go, after a failed leave too. */
export const leave: Command = {
  async run({ backend, log, flushed }) {
    log('INFO', 'agent.ipc: Graceful leave triggered');
    let error = '';
    try {
      await backend.leave();
    } catch (thrown) {
      error = messageOf(thrown);
      log('ERR', `agent.ipc: leave failed: ${error}`);
    }
    // Whoever began the leave that is already under way ends it.
    if (error === RPC_ERRORS.leaveInProgress) return { error };
    return {
      error,
      afterwards: async () => {
        await flushed();
        backend.afterLeave();
      },
    };
  },
};
