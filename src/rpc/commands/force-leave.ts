import { boolField, textField } from '../fields.ts';
import type { Command } from './command.ts';

/** Declares a failed member left, or forgets it with `Prune`. */
export const forceLeave: Command = {
  async run({ backend }, body) {
    await backend.forceLeave(textField(body, 'Node'), boolField(body, 'Prune'));
    return {};
  },
};
