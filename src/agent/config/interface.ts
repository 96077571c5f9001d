import { ipBytes } from '../../base/address.ts';
import { CodedError } from '../../base/errors.ts';
import type { ConfigHost } from './host.ts';
import type { ConfigValues } from './table.ts';

/** Choosing network interfaces, for the bind address and for multicast DNS (agent.md 9.3). */

const NO_SUCH_INTERFACE = 'route ip+net: no such network interface';

const UNSPECIFIED = ['0.0.0.0', '::'];

/** @throws CodedError `ERR_INTERFACE` with Serf's text when there is no such interface */
export function checkInterface(name: string, host: ConfigHost): void {
  if (name === '' || host.interfaceAddresses(name) !== undefined) return;
  throw new CodedError('ERR_INTERFACE', `Invalid network interface: ${NO_SUCH_INTERFACE}`);
}

/**
 * Whether multicast DNS is asked for as it can be done.
 *
 * @throws CodedError `ERR_MDNS` or `ERR_INTERFACE` with Serf's text
 */
export function checkMdns(values: ConfigValues, host: ConfigHost): void {
  const name = values['mdns.interface'];
  if (values.discover === '') {
    if (name === '') return;
    throw new CodedError('ERR_MDNS', 'mDNS interface specified without enabling mDNS discovery');
  }
  if (name !== '' && host.interfaceAddresses(name) === undefined) {
    throw new CodedError('ERR_INTERFACE', `Invalid mDNS network interface: ${NO_SUCH_INTERFACE}`);
  }
  // Serf checks this only when an interface is named, and otherwise fails later for want of a listener.
  if (values['mdns.disable_ipv4'] && values['mdns.disable_ipv6']) {
    throw new CodedError('ERR_MDNS', 'Invalid mDNS configuration: both IPv4 and IPv6 are disabled');
  }
}

/**
 * The address to bind on interface `name`: its first that is not link-local where `bindIp` leaves the choice, else
 * `bindIp`, which must be one of its own.
 *
 * @throws CodedError `ERR_INTERFACE` with Serf's text
 */
export function interfaceAddress(name: string, bindIp: string, host: ConfigHost): string {
  const addresses = host.interfaceAddresses(name) ?? [];
  if (addresses.length === 0) throw new CodedError('ERR_INTERFACE', `Interface '${name}' has no addresses`);
  if (!UNSPECIFIED.includes(bindIp)) {
    if (addresses.includes(bindIp)) return bindIp;
    throw new CodedError('ERR_INTERFACE', `Interface '${name}' has no '${bindIp}' address`);
  }
  const usable = addresses.find((address) => !isLinkLocal(address));
  if (usable !== undefined) return usable;
  throw new CodedError('ERR_INTERFACE', `Failed to find usable address for interface '${name}'`);
}

function isLinkLocal(address: string): boolean {
  const bytes = ipBytes(address);
  if (bytes === undefined) return true;
  if (bytes.length === 4) return bytes[0] === 169 && bytes[1] === 254;
  return bytes[0] === 0xfe && ((bytes[1] as number) & 0xc0) === 0x80;
}
