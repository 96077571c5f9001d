import { readFileSync } from 'node:fs';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { ipBytes, isMappedV4 } from '../base/address.ts';
import { CodedError } from '../base/errors.ts';

/** Which of this host's addresses to announce when it listens on all of them (memberlist.md 6.1). */

/** One address of an interface of this host. */
export interface InterfaceAddress {
  readonly name: string;
  readonly ip: string;
  readonly internal: boolean;
}

/** Address blocks meant for use inside an organisation or a test bed (RFC 6890), forwardable ones only. */
const PRIVATE_BLOCKS: readonly string[] = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '198.18.0.0/15',
  'fc00::/7',
];

const UNSPECIFIED_ROUTE = '00000000';

/** True for an address of one of RFC 6890's private, forwardable blocks. */
export function isPrivate(ip: string): boolean {
  const bytes = ipBytes(ip);
  if (bytes === undefined) return false;
  return PRIVATE_BLOCKS.some((block) => {
    const [base = '', bits = ''] = block.split('/');
    return isInside(bytes, ipBytes(base), Number(bits));
  });
}

function isInside(bytes: Uint8Array, base: Uint8Array | undefined, bits: number): boolean {
  if (base === undefined || base.length !== bytes.length) return false;
  for (let bit = 0; bit < bits; bit += 1) {
    const mask = 0x80 >> (bit & 7);
    if (((bytes[bit >> 3] as number) & mask) !== ((base[bit >> 3] as number) & mask)) return false;
  }
  return true;
}

/**
 * The private address to announce: on the default route's interface if it has one, else on any; IPv4 first unless the
 * operator bound to `::`. undefined when the host has none.
 */
export function chooseAddress(
  addresses: readonly InterfaceAddress[],
  defaultInterface: string | undefined,
  prefer: 4 | 6,
): string | undefined {
  const usable = addresses.filter(({ ip, internal }) => !internal && isPrivate(ip));
  const rank = ({ name, ip }: InterfaceAddress): number =>
    (name === defaultInterface ? 0 : 2) + (ip.includes(':') === (prefer === 6) ? 0 : 1);
  return [...usable].sort((a, b) => rank(a) - rank(b))[0]?.ip;
}

/** The address this host announces when bound to `bindIp`, which is 0.0.0.0 or `::`. Throws ERR_NO_PRIVATE_ADDRESS. */
export function privateAddress(bindIp: string): string {
  const chosen = chooseAddress(hostAddresses(), defaultInterface(), bindIp === '::' ? 6 : 4);
  if (chosen !== undefined) return chosen;
  throw new CodedError(
    'ERR_NO_PRIVATE_ADDRESS',
    `no private IP address found, and explicit IP not provided: bound to ${bindIp}, give the address other members reach this node at (-advertise)`,
  );
}

/** Sixteen bytes of the IPv4-mapped form: how memberlist announces an IPv4 address it chose itself. */
export function mappedBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== 4 || isMappedV4(bytes)) return bytes;
  const out = new Uint8Array(16);
  out.fill(0xff, 10, 12);
  out.set(bytes, 12);
  return out;
}

/** Every address of every interface that is up. */
export function hostAddresses(): readonly InterfaceAddress[] {
  const out: InterfaceAddress[] = [];
  for (const [name, infos] of Object.entries(networkInterfaces())) {
    for (const info of infos ?? ([] as NetworkInterfaceInfo[])) {
      out.push({ name, ip: info.address, internal: info.internal });
    }
  }
  return out;
}

/** The interface of the IPv4 default route, where the system shows it (Linux). */
function defaultInterface(): string | undefined {
  try {
    return parseDefaultRoute(readFileSync('/proc/net/route', 'utf8'));
  } catch {
    return undefined;
  }
}

/** The interface with the lowest metric among the default routes of Linux's routing table listing. */
export function parseDefaultRoute(table: string): string | undefined {
  let best: string | undefined;
  let bestMetric = Number.POSITIVE_INFINITY;
  for (const line of table.split('\n').slice(1)) {
    const [name, destination, , , , , metric, mask] = line.trim().split(/\s+/);
    if (destination !== UNSPECIFIED_ROUTE || mask !== UNSPECIFIED_ROUTE) continue;
    if (Number(metric) >= bestMetric) continue;
    best = name;
    bestMetric = Number(metric);
  }
  return best;
}
