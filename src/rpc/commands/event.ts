import { boolField, bytesField, textField } from '../fields.ts';
import type { Command } from './command.ts';

/** Broadcasts a user event. */
export const event: Command = {
  run({ backend }, body) {
    backend.userEvent(textField(body, 'Name'), bytesField(body, 'Payload'), boolField(body, 'Coalesce'));
    return {};
  },
};
