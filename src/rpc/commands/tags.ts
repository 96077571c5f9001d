import { textMapField, textsField } from '../fields.ts';
import type { Command } from './command.ts';

/** Changes the agent's tags: minus `DeleteTags`, plus `Tags`. */
export const tags: Command = {
  async run({ backend }, body) {
    await backend.updateTags(textMapField(body, 'Tags'), textsField(body, 'DeleteTags'));
    return {};
  },
};
