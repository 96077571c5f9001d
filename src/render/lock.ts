import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { CodedError } from '../base/errors.ts';

/** How long another writer of the same directory is waited for. */
const LOCK_WAIT_SECONDS = 30;

/**
 * Runs `work` while nobody else who asks does so for the same directory: another agent, or an event handler that uses
 * flock. The kernel's lock sits on the directory: it leaves nothing behind and ends with this process, however it ends.
 *
 * @throws CodedError `ERR_RENDER_LOCK` when it stays locked, or there is no flock (util-linux)
 */
export async function withDirectoryLock<T>(directory: string, work: () => Promise<T>): Promise<T> {
  const handle = await open(directory, 'r');
  try {
    await lock(directory, handle.fd);
    return await work();
  } finally {
    await handle.close();
  }
}

/** flock(1) locks what its descriptor 3 refers to, which is ours: the lock stays when flock itself is gone. */
function lock(directory: string, descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', ['-w', String(LOCK_WAIT_SECONDS), '3'], {
      stdio: ['ignore', 'ignore', 'ignore', descriptor],
    });
    child.once('error', (error) =>
      reject(
        new CodedError('ERR_RENDER_LOCK', `cannot run flock (package util-linux): ${error.message}`, {
          cause: error,
        }),
      ),
    );
    child.once('exit', (code) => {
      if (code === 0) resolve();
      else
        reject(
          new CodedError('ERR_RENDER_LOCK', `${directory} stayed locked for ${LOCK_WAIT_SECONDS} seconds`),
        );
    });
  });
}
