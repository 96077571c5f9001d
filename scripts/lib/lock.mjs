import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const RETRY_MS = 100;
const SAY_SO_MS = 3_000;
const GIVE_UP_MS = 10 * 60_000;

/** True while a process with this id exists, whoever owns it. */
export function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** The process that holds a lock file; undefined when the file is gone, NaN while its holder still writes it. */
function holderOf(path) {
  try {
    return Number.parseInt(readFileSync(path, 'utf8'), 10);
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Runs `work` while this process alone holds the lock file, so two terminals may build or install at once. A lock
 * whose holder has died is taken over.
 */
export async function withLock(path, work) {
  mkdirSync(dirname(path), { recursive: true });
  const began = Date.now();
  let said = false;
  for (;;) {
    try {
      writeFileSync(path, `${process.pid}\n`, { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = holderOf(path);
    if (Number.isInteger(holder) && !isRunning(holder)) rmSync(path, { force: true });
    else {
      const waitedMs = Date.now() - began;
      if (waitedMs > GIVE_UP_MS) throw new Error(`${path} is still held by process ${holder}`);
      if (waitedMs > SAY_SO_MS && !said) {
        said = true;
        process.stderr.write(
          `Waiting for process ${holder}, which builds or installs (or remove ${path})...\n`,
        );
      }
      await pause(RETRY_MS);
    }
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}
