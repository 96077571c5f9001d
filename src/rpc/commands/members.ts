import { memberBody } from '../member-body.ts';
import type { Command } from './command.ts';

/** Every known member, failed and left ones included. */
export const members: Command = {
  emptyBody: { Members: [] },
  run({ backend }) {
    return { body: { Members: backend.members().map(memberBody) } };
  },
};
