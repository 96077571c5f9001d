import { boolField, textsField } from '../fields.ts';
import type { Command } from './command.ts';

/**
 * Contacts other agents. Clients read `Num` also after an error. `Warn` is our own: with it the answer lists, as
 * `Warnings`, what may yet part the agent from those that answered; real agents skip it.
 */
export const join: Command = {
  emptyBody: { Num: 0 },
  async run({ backend }, body) {
    const addresses = textsField(body, 'Existing');
    const replay = boolField(body, 'Replay');
    const wantsWarnings = boolField(body, 'Warn');
    if (addresses.length === 0) return { body: { Num: 0 } };
    const warnings: string[] = [];
    const count = await backend.join(addresses, replay, (text) => warnings.push(text));
    return { body: { Num: count, ...(wantsWarnings ? { Warnings: warnings } : {}) } };
  },
};
