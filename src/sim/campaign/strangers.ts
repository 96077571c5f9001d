import { ipText } from '../../base/address.ts';
import type { SimNode } from '../node.ts';

/**
 * Nodes that neither look for the first one nor are looked for, directly or through others: whoever is listed as left, or
 * at an address that is out of date, is not found by that.
 */
export function strangersOf(nodes: readonly SimNode[]): SimNode[] {
  const reached = new Set(nodes.slice(0, 1));
  for (const node of reached)
    for (const other of nodes) if (seeks(node, other) || seeks(other, node)) reached.add(other);
  return nodes.filter((node) => !reached.has(node));
}

function seeks(node: SimNode, other: SimNode): boolean {
  const known = node.members().find(({ name }) => name === other.name);
  if (known === undefined || known.status === 'left') return false;
  return ipText(known.addr) === other.address.ip && known.port === other.address.port;
}
