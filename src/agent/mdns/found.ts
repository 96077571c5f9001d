import { ipBytes } from '../../base/address.ts';
import type { Address } from '../../base/machine.ts';
import type { DnsMessage, DnsRecord } from './dns.ts';

/**
 * Where the agents that a response names can be joined. An agent counts when the message has all of it (agent.md 12):
 * port, address and description, under a name of this service. Other services answer in the same group.
 */
export function agentsIn(message: DnsMessage, service: string): readonly Address[] {
  const { response, opcode, rcode, records } = message;
  if (!response || opcode !== 0 || rcode !== 0) return [];
  const described = new Set(records.filter((record) => record.type === 'txt').map(({ name }) => name));
  const ips = new Map(records.filter(isAddress).map(({ name, ip }) => [name, ip]));
  return records.flatMap((record) => {
    if (record.type !== 'srv' || record.port === 0) return [];
    if (!record.name.endsWith(`.${service}`) || !described.has(record.name)) return [];
    const ip = ips.get(record.target);
    return ip === undefined || !isJoinable(ip) ? [] : [{ ip, port: record.port }];
  });
}

function isAddress(record: DnsRecord): record is DnsRecord & { readonly type: 'address' } {
  return record.type === 'address';
}

/** False for the unspecified address and for groups: nobody can be joined there. */
function isJoinable(ip: string): boolean {
  const bytes = ipBytes(ip);
  if (bytes === undefined || bytes.every((byte) => byte === 0)) return false;
  const first = bytes[0] as number;
  return bytes.length === 4 ? first < 224 : first !== 0xff;
}
