import type { Millis } from '../base/machine.ts';
import { seededRandom } from '../base/random.ts';

/**
 * The part of `splayMs` that this node waits before the action called `name`: the same at every time, and spread evenly
 * over the nodes of a fleet, so that they do not reload in the same second.
 */
export function splayOf(node: string, name: string, splayMs: Millis): Millis {
  if (splayMs <= 0) return 0;
  // A node and a name never run into one another: names hold no NUL.
  return Math.floor(seededRandom(0, `${node}\0${name}`).float() * splayMs);
}
