import { CodedError, messageOf } from '../../base/errors.ts';
import { MAX_JOIN_ENTRIES } from '../../runtime/resolve.ts';
import { runSource } from './command.ts';
import { readSource } from './file.ts';
import { linesOfSource } from './lines.ts';
import { lookUpService, type ServiceLookup, systemServiceLookup } from './service.ts';

/** Where join addresses come from besides being written out. Each is looked up anew for every attempt. */
const SCHEMES = ['srv+', 'file:', 'exec:'] as const;

type Scheme = (typeof SCHEMES)[number];

export interface SourceOptions {
  readonly signal: AbortSignal;
  /** Environment of commands. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Finds SRV records; absent, the name servers of the system do. */
  readonly lookupService?: ServiceLookup;
}

/** Join addresses, and whole sentences about sources that gave none. */
export interface Expanded {
  readonly addresses: readonly string[];
  readonly problems: readonly string[];
}

/** True for an entry that names a source rather than an address. */
export function isSource(entry: string): boolean {
  return schemeOf(entry) !== undefined;
}

/**
 * Replaces every source by the addresses it gives now; addresses stay as they are, in place. A source that fails stops
 * no other.
 *
 * @throws CodedError `ERR_JOIN_SOURCE` when nothing but problems came of it
 */
export async function expandSources(entries: readonly string[], options: SourceOptions): Promise<Expanded> {
  const results = await Promise.all(entries.map((entry) => expand(entry, options)));
  const problems = results.flatMap((result) => (typeof result === 'string' ? [result] : []));
  const found = results.flatMap((result) => (typeof result === 'string' ? [] : result));
  if (found.length === 0 && problems.length > 0) throw new CodedError('ERR_JOIN_SOURCE', problems.join('; '));
  return { addresses: [...new Set(found)].slice(0, MAX_JOIN_ENTRIES), problems };
}

async function expand(entry: string, options: SourceOptions): Promise<readonly string[] | string> {
  const scheme = schemeOf(entry);
  if (scheme === undefined) return [entry];
  const place = entry.slice(scheme.length);
  try {
    if (place === '') throw new CodedError('ERR_JOIN_SOURCE', `nothing follows '${scheme}'`);
    const found = await lookUp(scheme, place, options);
    const nested = found.find(isSource);
    if (nested === undefined) return found;
    throw new CodedError(
      'ERR_JOIN_SOURCE',
      `it names another source, ${nested}; only addresses are taken from it`,
    );
  } catch (error) {
    return `Failed to get join addresses from ${entry}: ${messageOf(error)}`;
  }
}

async function lookUp(scheme: Scheme, place: string, options: SourceOptions): Promise<readonly string[]> {
  switch (scheme) {
    case 'srv+':
      return await lookUpService(place, options.lookupService ?? systemServiceLookup);
    case 'file:':
      return linesOfSource(await readSource(place));
    case 'exec:':
      return linesOfSource(await runSource(place, options));
  }
}

function schemeOf(entry: string): Scheme | undefined {
  return SCHEMES.find((scheme) => entry.startsWith(scheme));
}
