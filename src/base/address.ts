import type { Address } from './machine.ts';

/** IP addresses between raw bytes (as peers gossip them), canonical text (as hosts dial them) and back. */

const MAPPED_PREFIX = 12;
const MAX_PORT = 65_535;

const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** True for sixteen bytes of the form ::ffff:a.b.c.d. */
export function isMappedV4(bytes: Uint8Array): boolean {
  if (bytes.length !== 16 || bytes[10] !== 0xff || bytes[11] !== 0xff) return false;
  for (let i = 0; i < 10; i += 1) if (bytes[i] !== 0) return false;
  return true;
}

/** Canonical text (RFC 5952) of 4 or 16 bytes; a mapped address reads as dotted IPv4. Other lengths give undefined. */
export function ipText(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  if (bytes.length !== 16) return undefined;
  if (isMappedV4(bytes)) return ipText(bytes.subarray(MAPPED_PREFIX));
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] as number) << 8) | (bytes[i + 1] as number));
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i += 1) {
    let end = i;
    while (end < 8 && groups[end] === 0) end += 1;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
    i = Math.max(i, end - 1);
  }
  const hex = groups.map((group) => group.toString(16));
  if (start < 0) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** False for text that is no IP address at first sight: it begins with no digit and has no colon. */
export function mayBeIpText(text: string): boolean {
  const first = text.charCodeAt(0);
  return (first >= ZERO && first <= NINE) || text.includes(':');
}

/** True when `ip` is the canonical text of the IPv4 address in the four bytes from `at` on. */
export function isIpText(ip: string, bytes: Uint8Array, at: number): boolean {
  let octet = 0;
  let index = 0;
  for (let i = 0; i < ip.length; i += 1) {
    const unit = ip.charCodeAt(i);
    if (unit === DOT) {
      if (octet !== bytes[at + index]) return false;
      octet = 0;
      index += 1;
    } else if (unit < ZERO || unit > NINE) return false;
    else octet = 10 * octet + unit - ZERO;
  }
  return index === 3 && octet === bytes[at + 3];
}

/** Raw bytes of IP text: 4 for IPv4, 16 for IPv6 (a zone is dropped, a mapped address stays 16). Bad text gives undefined. */
export function ipBytes(text: string): Uint8Array | undefined {
  const zone = text.indexOf('%');
  const bare = zone < 0 ? text : text.slice(0, zone);
  return bare.includes(':') ? v6Bytes(bare) : v4Bytes(bare);
}

function v4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const out = new Uint8Array(4);
  for (let i = 0; i < 4; i += 1) {
    const part = parts[i] as string;
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    out[i] = Number(part);
  }
  return out;
}

function v6Bytes(text: string): Uint8Array | undefined {
  let body = text;
  let tail: Uint8Array | undefined;
  const lastColon = text.lastIndexOf(':');
  if (text.includes('.')) {
    tail = v4Bytes(text.slice(lastColon + 1));
    if (tail === undefined) return undefined;
    body = `${text.slice(0, lastColon + 1)}0:0`;
  }
  const halves = body.split('::');
  if (halves.length > 2) return undefined;
  const head = (halves[0] as string) === '' ? [] : (halves[0] as string).split(':');
  const rest = halves[1] === undefined || halves[1] === '' ? [] : halves[1].split(':');
  const missing = 8 - head.length - rest.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<string>(halves.length === 1 ? 0 : missing).fill('0'), ...rest];
  const out = new Uint8Array(16);
  for (let i = 0; i < 8; i += 1) {
    const group = groups[i] as string;
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    out[2 * i] = value >> 8;
    out[2 * i + 1] = value & 0xff;
  }
  if (tail !== undefined) out.set(tail, MAPPED_PREFIX);
  return out;
}

/** `1.2.3.4:7946` or `[::1]:7946`. */
export function hostPort(address: Address): string {
  return address.ip.includes(':') ? `[${address.ip}]:${address.port}` : `${address.ip}:${address.port}`;
}

/** The address in text of the form `hostPort` writes; host names, zones and anything else give undefined. */
export function parseHostPort(text: string): Address | undefined {
  const [, v6, v4, port] = /^(?:\[([^\]%]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const bytes = ipBytes(v6 ?? v4 ?? '');
  const number = Number(port);
  if (bytes === undefined || number < 1 || number > MAX_PORT) return undefined;
  const ip = ipText(bytes);
  return ip === undefined ? undefined : { ip, port: number };
}

/** True when both name the same IP, a mapped IPv4 and its four bytes being the same. */
export function sameIp(a: Uint8Array, b: Uint8Array): boolean {
  const text = ipText(a);
  return text !== undefined && text === ipText(b);
}
