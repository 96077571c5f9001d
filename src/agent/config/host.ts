import { existsSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { resolveHost } from '../../runtime/resolve.ts';
import type { Lookup } from './address.ts';

/** What checking a configuration asks this machine. */
export interface ConfigHost {
  hostName(): string;
  /** IP texts of an interface, none when it has none; undefined when there is no such interface. */
  interfaceAddresses(name: string): readonly string[] | undefined;
  readonly lookup: Lookup;
}

/** The machine the process runs on. */
export const systemHost: ConfigHost = {
  hostName: hostname,
  interfaceAddresses: (name) => {
    const found = networkInterfaces()[name];
    if (found !== undefined) return found.map((entry) => entry.address);
    // Node leaves out interfaces without an address.
    return /^[^/]+$/.test(name) && existsSync(`/sys/class/net/${name}`) ? [] : undefined;
  },
  lookup: (host) => resolveHost(host, { signal: new AbortController().signal }),
};
