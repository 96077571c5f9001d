import { describeEvent } from '../../events/event.ts';
import type { Stage } from './stage.ts';

/** Digits of a world time in seconds, with milliseconds. */
const TIME_WIDTH = 9;

/** Takes one line of what happened. */
export type Tell = (line: string) => void;

/** Tells in plain lines what happens on a stage: who starts and ends, and every event a node publishes. */
export function narrate(stage: Stage, tell: Tell, log = false): void {
  const { cluster } = stage;
  const say = (text: string): void =>
    tell(`${(cluster.world.now / 1000).toFixed(3).padStart(TIME_WIDTH)} ${text}`);
  cluster.watch({
    started: ({ name, address }) => say(`${name} starts at ${address.ip}`),
    ended: ({ name }, how) => say(`${name} ends: ${how}`),
    published({ name }, event) {
      const whom = 'members' in event ? ` ${event.members.map((member) => member.name).join(' ')}` : '';
      say(`${name} ${describeEvent(event)}${whom}`);
    },
    ...(log
      ? { logged: ({ name }, record) => say(`${name} [${record.level}] ${record.text ?? record.message}`) }
      : {}),
  });
}
