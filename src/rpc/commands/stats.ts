import { wireTextMap } from '../codec.ts';
import type { Command } from './command.ts';

/** Groups of named texts about the agent (agent.md 3.5). */
export const stats: Command = {
  emptyBody: {},
  run({ backend }) {
    return { body: new Map([...backend.stats()].map(([group, texts]) => [group, wireTextMap(texts)])) };
  },
};
