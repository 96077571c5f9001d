import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';

/** Where `name` is on the PATH, or undefined. */
function onPath(name: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** The real `serf` to test against: `SERF_BIN`, or the one on the PATH; undefined when there is none. */
export const SERF_BIN: string | undefined = process.env['SERF_BIN'] ?? onPath('serf');

/** The real `haproxy`, which Debian keeps outside an ordinary user's PATH; undefined when there is none. */
export const HAPROXY_BIN: string | undefined = onPath('haproxy') ?? sbin('haproxy');

function sbin(name: string): string | undefined {
  const path = join('/usr/sbin', name);
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    return undefined;
  }
}

/**
 * `describe` for tests that need the real `serf`: without one they are skipped, and the run says why at its end.
 * With `REEVE_REQUIRE_INTEROP=1` a skip fails the run.
 */
export const describeWithSerf = SERF_BIN === undefined ? describe.skip : describe;

/** The same for tests that need the real `haproxy`. */
export const describeWithHaproxy = HAPROXY_BIN === undefined ? describe.skip : describe;
