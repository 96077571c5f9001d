import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Directories that even this process cannot write in: root is stopped by the flag of chattr(1), others by the mode. */

const isRoot = process.getuid?.() === 0;

/** Takes the right to write in a directory away, or gives it back; false where this machine cannot. */
export function setWritable(directory: string, writable: boolean): boolean {
  if (!isRoot) {
    chmodSync(directory, writable ? 0o755 : 0o555);
    return true;
  }
  return spawnSync('chattr', [writable ? '-i' : '+i', directory]).status === 0;
}

/** Why no directory can be made read-only here, or undefined. */
export const NO_READ_ONLY: string | undefined = (() => {
  const directory = mkdtempSync(join(tmpdir(), 'reeve-read-only-'));
  const done = setWritable(directory, false);
  setWritable(directory, true);
  rmSync(directory, { recursive: true });
  return done ? undefined : 'root can write everywhere, and chattr +i does not work here';
})();
