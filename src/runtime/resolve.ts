import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { hostPort, ipBytes, ipText } from '../base/address.ts';
import { CodedError, messageOf } from '../base/errors.ts';
import type { JoinTarget } from '../swim/delegate.ts';
import { codeOf } from './net-errors.ts';

/** Entries of one join; an operator names a few seeds, not the cluster. */
export const MAX_JOIN_ENTRIES = 1_024;
/** Addresses of one name that are contacted; they are tried one after another. */
export const MAX_ADDRESSES_PER_NAME = 64;
/** One name's resolution; the system's resolver may take longer and is then not waited for. */
const LOOKUP_TIMEOUT_MS = 10_000;
const MAX_PORT = 65_535;

/** One entry of a join list, taken apart: `[name/]host[:port]`. */
export interface JoinEntry {
  /** The node name before the slash; peers are not asked whether it is theirs. */
  readonly name: string | undefined;
  readonly host: string;
  readonly port: number;
}

/** Finds the addresses of a host name. */
export type Lookup = (host: string) => Promise<readonly string[]>;

export interface ResolveOptions {
  /** The port of entries that name none: our own bind port (memberlist.md 9 #41). */
  readonly defaultPort: number;
  readonly signal: AbortSignal;
  readonly lookup?: Lookup | undefined;
  readonly timeoutMs?: number;
}

/** What one entry stands for: places to contact, or a whole sentence that says why there are none. */
export type ResolvedEntry = readonly JoinTarget[] | string;

/** Takes one entry apart (memberlist.md 6.2). Throws a CodedError with Go's words. */
export function parseJoinEntry(entry: string, defaultPort: number): JoinEntry {
  const slash = entry.indexOf('/');
  if (slash === 0) throw invalid('empty node name provided');
  const name = slash < 0 ? undefined : entry.slice(0, slash);
  const place = entry.slice(slash + 1);
  if (!hasPort(place)) return { name, host: place.replace(/^[[\]]+|[[\]]+$/g, ''), port: defaultPort };
  const { host, port } = splitHostPort(place);
  return { name, host, port: parsePort(port) };
}

/** True when the text ends in `:port`; a bare IPv6 address has colons, and no port. */
function hasPort(place: string): boolean {
  const colon = place.lastIndexOf(':');
  if (place.startsWith('[')) return colon > place.lastIndexOf(']');
  return colon >= 0 && place.indexOf(':') === colon;
}

function splitHostPort(place: string): { host: string; port: string } {
  const colon = place.lastIndexOf(':');
  if (!place.startsWith('[')) {
    const stray = /[[\]]/.exec(place);
    if (stray !== null) throw invalid(`address ${place}: unexpected '${stray[0]}' in address`);
    return { host: place.slice(0, colon), port: place.slice(colon + 1) };
  }
  const end = place.indexOf(']');
  if (end < 0) throw invalid(`address ${place}: missing ']' in address`);
  if (end + 1 !== colon) {
    const why = place[end + 1] === ':' ? 'too many colons' : 'missing port';
    throw invalid(`address ${place}: ${why} in address`);
  }
  return { host: place.slice(1, end), port: place.slice(colon + 1) };
}

function parsePort(text: string): number {
  const quoted = JSON.stringify(text);
  if (!/^\d+$/.test(text)) throw invalid(`strconv.ParseUint: parsing ${quoted}: invalid syntax`);
  const port = Number(text);
  if (port > MAX_PORT) throw invalid(`strconv.ParseUint: parsing ${quoted}: value out of range`);
  return port;
}

/**
 * Finds every address of every entry, in the order of the entries. An entry that cannot be resolved stops no other.
 * Rejects when `signal` aborts, and with ERR_JOIN_ENTRIES when the list is too long.
 */
export async function resolveJoinEntries(
  entries: readonly string[],
  options: ResolveOptions,
): Promise<readonly ResolvedEntry[]> {
  if (entries.length > MAX_JOIN_ENTRIES) {
    throw new CodedError(
      'ERR_JOIN_ENTRIES',
      `${entries.length} join addresses given; name at most ${MAX_JOIN_ENTRIES}, any one live member is enough`,
    );
  }
  const resolved = await Promise.all(entries.map((entry) => resolveEntry(entry, options)));
  options.signal.throwIfAborted();
  return resolved;
}

/** The targets of one entry, or why there are none. */
async function resolveEntry(text: string, options: ResolveOptions): Promise<ResolvedEntry> {
  try {
    const { host, port } = parseJoinEntry(text, options.defaultPort);
    const ips = isIP(host) === 0 ? await lookUp(host, options) : [host];
    const distinct = [...new Set(ips.map(canonical))].slice(0, MAX_ADDRESSES_PER_NAME);
    return distinct.map((ip) => ({ address: { ip, port }, label: hostPort({ ip, port }) }));
  } catch (error) {
    return `Failed to resolve ${text}: ${messageOf(error)}`;
  }
}

/** The address of an IP or host name; the first when a name has several. Throws `lookup NAME: …` as Go does. */
export async function resolveHost(
  host: string,
  options: Omit<ResolveOptions, 'defaultPort'>,
): Promise<string> {
  if (isIP(host) !== 0) return canonical(host);
  const [first] = await lookUp(host, options);
  if (first === undefined) throw invalid(`lookup ${host}: no such host`);
  return canonical(first);
}

async function lookUp(
  host: string,
  options: Omit<ResolveOptions, 'defaultPort'>,
): Promise<readonly string[]> {
  const { lookup = lookUpInSystem, timeoutMs = LOOKUP_TIMEOUT_MS, signal } = options;
  if (host === '') throw invalid('lookup : no such host');
  const over = new AbortController();
  const abort = (): void => over.abort();
  signal.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(abort, timeoutMs);
  const cutOff = new Promise<never>((_resolve, reject) => {
    over.signal.addEventListener('abort', () => reject(invalid(`lookup ${host}: i/o timeout`)), {
      once: true,
    });
    if (signal.aborted) abort();
  });
  try {
    const ips = await Promise.race([lookup(host), cutOff]);
    if (ips.length === 0) throw invalid(`lookup ${host}: no such host`);
    return ips;
  } catch (error) {
    throw error instanceof CodedError ? error : invalid(`lookup ${host}: ${lookupText(error)}`, error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

async function lookUpInSystem(host: string): Promise<readonly string[]> {
  const found = await systemLookup(host, { all: true, order: 'verbatim' });
  return found.map((entry) => entry.address);
}

function lookupText(error: unknown): string {
  switch (codeOf(error)) {
    case 'ENOTFOUND':
    case 'ENODATA':
      return 'no such host';
    case 'EAI_AGAIN':
      return 'Temporary failure in name resolution';
    default:
      return messageOf(error);
  }
}

/** One spelling per address; an IPv6 zone is kept, for without it a link-local address leads nowhere. */
function canonical(ip: string): string {
  if (ip.includes('%')) return ip;
  const bytes = ipBytes(ip);
  return (bytes === undefined ? undefined : ipText(bytes)) ?? ip;
}

function invalid(message: string, cause?: unknown): CodedError {
  return new CodedError('ERR_RESOLVE', message, { cause });
}
