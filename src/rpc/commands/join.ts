import { boolField, textsField } from '../fields.ts';
import type { Command } from './command.ts';

/** Contacts other agents. Clients read `Num` also after an error. */
export const join: Command = {
  emptyBody: { Num: 0 },
  async run({ backend }, body) {
    const addresses = textsField(body, 'Existing');
    const replay = boolField(body, 'Replay');
    return { body: { Num: addresses.length === 0 ? 0 : await backend.join(addresses, replay) } };
  },
};
