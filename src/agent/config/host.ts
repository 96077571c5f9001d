import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { resolveHost } from '../../runtime/resolve.ts';
import type { Lookup } from './address.ts';

/** What checking a configuration asks this machine. */
export interface ConfigHost {
  hostName(): string;
  /** IP texts of an interface, none when it has none; undefined when there is no such interface. */
  interfaceAddresses(name: string): readonly string[] | undefined;
  readonly lookup: Lookup;
  /** A user of this system by name, or undefined when there is none. */
  user(name: string): SystemUser | undefined;
}

/** What the system knows about one of its users. */
export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
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
  user: findUser,
  lookup: (host) => resolveHost(host, { signal: new AbortController().signal }),
};

/** The name service may ask a directory over the network. */
const LOOKUP_TIMEOUT_MS = 5_000;

/** Asks the system's name service, so that users of a directory count too; where it has no `getent`, the file. */
function findUser(name: string): SystemUser | undefined {
  if (!/^[^:\0-]/.test(name) || /[:\n\0]/.test(name)) return undefined;
  const [found, , uid, gid, , home] = passwdLine(name)?.split(':') ?? [];
  if (found === undefined || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) return undefined;
  return { name: found, uid: Number(uid), gid: Number(gid), home: home ?? '/' };
}

function passwdLine(name: string): string | undefined {
  try {
    const found = execFileSync('getent', ['passwd', name], {
      encoding: 'utf8',
      timeout: LOOKUP_TIMEOUT_MS,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return found.split('\n')[0];
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) return undefined;
    const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
    return lines.find((line) => line.startsWith(`${name}:`));
  }
}
