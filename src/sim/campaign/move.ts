import type { SimNode } from '../node.ts';
import { separate } from '../weather.ts';
import type { TrialParts } from './trials.ts';

/** Within this a node that leaves is gone, and whoever hears of it knows. */
const LEFT_MS = 15_000;
/** Within this a node that comes back is known to those whom it joins, even if it tries the deaf one first (TCP timeout). */
const BACK_MS = 15_000;
const LOOK_EVERY_MS = 50;

/**
 * A name that left may move at once (memberlist.md 3.2): whoever a returning node joins believes its new address. One
 * member hears nothing of it all and tells of the old address afterwards; nobody is to believe that, and in the end all
 * agree.
 */
export function movesAfterLeaving({ stage, random, complain }: TrialParts): void {
  const { cluster } = stage;
  const { world } = cluster;
  const nodes = stage.wanted;
  const leaver = nodes[random.below(nodes.length)] as SimNode;
  const others = nodes.filter((node) => node !== leaver);
  const deaf = others[random.below(others.length)] as SimNode;
  const told = others.filter((node) => node !== deaf);
  world.partition(separate([deaf.address]), 'a deaf member');
  stage.leave(leaver);
  const isGone = (): boolean =>
    !leaver.isRunning && told.every((node) => node.swim.members.get(leaver.name)?.status === 'left');
  // Gossip may miss somebody, who is then right not to believe the new address for a while.
  if (world.runUntil(isGone, LEFT_MS, LOOK_EVERY_MS) !== undefined) {
    stage.returnElsewhere(leaver);
    const isBack = (): boolean => told.some((node) => livesAt(node, leaver));
    if (world.runUntil(isBack, BACK_MS, LOOK_EVERY_MS) === undefined)
      complain('move')(`${leaver.name} left and came back under another address; nobody believes it`);
  }
  world.heal('a deaf member');
}

/** True where a node holds another for alive at the address that it has. */
function livesAt(node: SimNode, other: SimNode): boolean {
  const known = node.swim.members.get(other.name);
  return known?.status === 'alive' && known.facts.address.ip === other.address.ip;
}
