import { bytesOfText, textOfBytes } from '../../base/bytes.ts';
import { CodedError } from '../../base/errors.ts';
import type { Address } from '../../base/machine.ts';
import {
  type DnsMessage,
  type DnsQuestion,
  type DnsRecord,
  DnsType,
  MAX_LABEL_BYTES,
  MAX_NAME_BYTES,
} from './dns.ts';
import { nameSize } from './dns-writer.ts';

/** What one agent is known by to those who ask for its cluster (agent.md 12), and the answers to them. */

/** Browsers of services ask for this name first (RFC 6763, 9). */
const ENUMERATION = '_services._dns-sd._udp.local';

/** Who announces itself, and as a member of what. */
export interface Announcement {
  /** The name of `-discover`. */
  readonly cluster: string;
  readonly nodeName: string;
  readonly hostName: string;
  /** What other members reach the node at. */
  readonly address: Address;
}

/** The names and records of one agent. Names compare byte by byte: case matters. */
export interface Zone {
  readonly service: string;
  readonly instance: string;
  readonly host: string;
  readonly enumeration: DnsRecord & { readonly type: 'ptr' };
  readonly pointer: DnsRecord & { readonly type: 'ptr' };
  readonly location: DnsRecord & { readonly type: 'srv' };
  readonly address: DnsRecord & { readonly type: 'address' };
  readonly description: DnsRecord & { readonly type: 'txt' };
}

/**
 * The service name of a cluster.
 *
 * @throws CodedError `ERR_MDNS_NAME` when DNS has no room for it
 */
export function serviceName(cluster: string): string {
  const service = `_serf_${cluster}._tcp.local`;
  const fits = service.split('.').every((label) => {
    const size = bytesOfText(label).length;
    return size > 0 && size <= MAX_LABEL_BYTES;
  });
  if (!fits) throw noRoom(`cluster name '${cluster}'`);
  return service;
}

/**
 * The records of an agent.
 *
 * @throws CodedError `ERR_MDNS_NAME` when DNS has no room for a name
 */
export function createZone({ cluster, nodeName, hostName, address }: Announcement): Zone {
  const service = serviceName(cluster);
  const nodeLabels = labels(nodeName);
  const instance = `${nodeLabels}.${service}`;
  const host = labels(hostName) || 'localhost';
  if (nodeLabels === '' || nameSize(instance) > MAX_NAME_BYTES)
    throw noRoom(`node name '${nodeName}' in cluster '${cluster}'`);
  return {
    service,
    instance,
    host,
    enumeration: { type: 'ptr', name: ENUMERATION, target: service },
    pointer: { type: 'ptr', name: service, target: instance },
    location: { type: 'srv', name: instance, target: host, port: address.port },
    address: { type: 'address', name: host, ip: address.ip },
    description: { type: 'txt', name: instance, texts: [`Serf '${cluster}' cluster`] },
  };
}

function noRoom(what: string): CodedError {
  return new CodedError(
    'ERR_MDNS_NAME',
    `${what} does not fit DNS: parts between dots have 1 to ${MAX_LABEL_BYTES} bytes, all together ${MAX_NAME_BYTES}`,
  );
}

/** A name of labels that DNS allows: longer ones are cut in pieces, which keeps different names different. */
function labels(name: string): string {
  return name
    .split('.')
    .flatMap((label) => {
      const bytes = bytesOfText(label);
      const pieces = Math.ceil(bytes.length / MAX_LABEL_BYTES);
      return Array.from({ length: pieces }, (_, i) =>
        textOfBytes(bytes.subarray(i * MAX_LABEL_BYTES, (i + 1) * MAX_LABEL_BYTES)),
      );
    })
    .join('.');
}

/** The question of a poll. */
export function pollQuery(service: string): DnsMessage {
  return {
    id: 0,
    response: false,
    opcode: 0,
    rcode: 0,
    truncated: false,
    questions: [{ name: service, type: DnsType.ptr, directPreferred: false }],
    records: [],
  };
}

/**
 * What the agent says to a message: nothing, or one response to its questions, or two where some of them prefer a
 * direct answer: those get the query's id, the others 0.
 */
export function responsesTo(zone: Zone, query: DnsMessage): readonly DnsMessage[] {
  if (query.response || query.opcode !== 0 || query.rcode !== 0 || query.truncated) return [];
  return [false, true].flatMap((direct) => {
    const asked = query.questions.filter((question) => question.directPreferred === direct);
    // A record is said once, however often a message asks for it, so that no question makes a long answer.
    const records = [...new Set(asked.flatMap((question) => recordsFor(zone, question)))];
    if (records.length === 0) return [];
    return [{ ...query, id: direct ? query.id : 0, response: true, questions: [], records }];
  });
}

function recordsFor(zone: Zone, { name, type }: DnsQuestion): readonly DnsRecord[] {
  const { service, pointer, location, address, description } = zone;
  switch (name) {
    case ENUMERATION:
      return isBrowsing(type) ? [zone.enumeration] : [];
    case service:
      // Askers understand an agent only when one message holds everything.
      return isBrowsing(type) ? [pointer, location, address, description] : [];
    case zone.instance:
      return instanceRecords(zone, type);
    case zone.host:
      return type === addressType(zone) ? [address] : [];
    default:
      return [];
  }
}

function isBrowsing(type: number): boolean {
  return type === DnsType.ptr || type === DnsType.any;
}

function instanceRecords(zone: Zone, type: number): readonly DnsRecord[] {
  const { location, address, description } = zone;
  switch (type) {
    case DnsType.any:
      return [location, address, description];
    case DnsType.srv:
      return [location, address];
    case DnsType.txt:
      return [description];
    default:
      return type === addressType(zone) ? [address] : [];
  }
}

function addressType({ address }: Zone): number {
  return address.ip.includes(':') ? DnsType.aaaa : DnsType.a;
}
