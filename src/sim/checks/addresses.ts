import { hostPort } from '../../base/address.ts';
import type { SimCluster } from '../cluster.ts';
import type { SimNode } from '../node.ts';
import type { Check, Complain } from './check.ts';

/**
 * Whoever is believed alive keeps its address, however old or new the claims are that name another one: a name moves only
 * after it left or was dead for a while (memberlist.md 3.2), and then to where it runs.
 */
export function addressCheck(complain: Complain): Check {
  const believed = new Map<SimNode, Map<string, string>>();
  return {
    started: (node) => void believed.delete(node),
    poll(cluster: SimCluster) {
      const homes = new Map(cluster.nodes.map((node) => [node.name, hostPort(node.address)]));
      for (const node of cluster.running) {
        const before = believed.get(node);
        const now = livingOf(node);
        believed.set(node, now);
        for (const [name, address] of now) {
          const last = before?.get(name);
          if (last === undefined || last === address || address === homes.get(name)) continue;
          complain(`${node.name} believed ${name} alive at ${last}, and then at ${address}, where it is not`);
        }
      }
    },
  };
}

/** Addresses of those a node holds for alive, or suspects. */
function livingOf(node: SimNode): Map<string, string> {
  const living = new Map<string, string>();
  for (const { facts, status } of node.swim.members.values()) {
    if (status === 'alive' || status === 'suspect') living.set(facts.name, hostPort(facts.address));
  }
  return living;
}
