import { ipBytes, ipText } from '../../base/address.ts';
import { CodedError } from '../../base/errors.ts';
import type { Address } from '../../base/machine.ts';
import type { Cidr } from '../../swim/config.ts';

/** The port of gossip when none is given. */
export const DEFAULT_BIND_PORT = 7946;

const HIGHEST_PORT = 65_535;

/** Resolves a host name to the text of one IP address. Rejects with Go's text when there is none. */
export type Lookup = (host: string) => Promise<string>;

/**
 * Splits `host:port` as Go does: IPv6 addresses need brackets, both parts may be empty.
 *
 * @throws CodedError `ERR_ADDRESS` with Go's text: `address X: missing port in address`, …
 */
export function splitHostPort(text: string): readonly [host: string, port: string] {
  const fail = (why: string): never => {
    throw new CodedError('ERR_ADDRESS', `address ${text}: ${why}`);
  };
  const colon = text.lastIndexOf(':');
  if (colon < 0) return fail('missing port in address');
  if (text.startsWith('[')) {
    const end = text.indexOf(']');
    if (end < 0) return fail("missing ']' in address");
    if (end + 1 === text.length) return fail('missing port in address');
    if (end + 1 !== colon)
      return fail(text[end + 1] === ':' ? 'too many colons in address' : 'missing port in address');
    return [text.slice(1, end), text.slice(colon + 1)];
  }
  const host = text.slice(0, colon);
  if (host.includes(':')) return fail('too many colons in address');
  if (/[[\]]/.test(text))
    return fail(text.includes('[') ? "unexpected '[' in address" : "unexpected ']' in address");
  return [host, text.slice(colon + 1)];
}

/**
 * An address to bind or advertise: `host`, `host:port`, `[v6]`, `[v6]:port`; names are resolved.
 *
 * @throws CodedError `ERR_ADDRESS` with Go's text
 */
export async function resolveAddress(text: string, lookup: Lookup): Promise<Address> {
  const [host, port] = splitWithDefault(text);
  const number = readPort(port);
  if (host === '') return { ip: '0.0.0.0', port: number };
  const bytes = ipBytes(host);
  if (bytes !== undefined) return { ip: ipText(bytes) ?? host, port: number };
  return { ip: await lookup(host), port: number };
}

function splitWithDefault(text: string): readonly [host: string, port: string] {
  try {
    return splitHostPort(text);
  } catch (error) {
    const missing = error instanceof CodedError && error.message.endsWith('missing port in address');
    if (!missing) throw error;
    return splitHostPort(`${text}:${DEFAULT_BIND_PORT}`);
  }
}

/**
 * A port number, 0 for an empty text.
 *
 * @throws CodedError `ERR_ADDRESS` with Go's text
 */
export function readPort(text: string): number {
  if (text === '') return 0;
  if (!/^[+-]?\d+$/.test(text)) throw new CodedError('ERR_ADDRESS', `address tcp/${text}: unknown port`);
  const port = Number(text);
  if (port < 0 || port > HIGHEST_PORT) throw new CodedError('ERR_ADDRESS', `address ${text}: invalid port`);
  return port;
}

/**
 * Reads `10.0.0.0/8` or `fd00::/8`.
 *
 * @throws CodedError `ERR_CIDR`
 */
export function parseCidr(text: string): Cidr {
  const slash = text.indexOf('/');
  const addr = slash < 0 ? undefined : ipBytes(text.slice(0, slash));
  const bits = text.slice(slash + 1);
  if (addr === undefined || !/^\d{1,3}$/.test(bits) || Number(bits) > addr.length * 8) {
    throw new CodedError('ERR_CIDR', `Invalid address range '${text}': write it like 10.0.0.0/8`);
  }
  return { addr, bits: Number(bits) };
}
