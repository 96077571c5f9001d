import { textField } from '../fields.ts';
import { RPC_ERRORS } from '../protocol.ts';
import { type Command, refusal } from './command.ts';

/** Shows the agent's key. A wrong one after a good one takes nothing back (agent.md 2). */
export const auth: Command = {
  run({ access }, body) {
    if (!access.authenticate(textField(body, 'AuthKey'))) throw refusal(RPC_ERRORS.invalidToken);
    return {};
  },
};
