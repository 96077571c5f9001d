import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Done, type Job, keyOf } from './jobs.ts';

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));

/**
 * Does jobs in child processes, `count` at a time, starting none after `forMs`, and calls `done` as each ends, in no particular order. Rejects with the
 * job's name when a child dies; the others are ended.
 */
export async function doAll(
  jobs: readonly Job[],
  count: number,
  forMs: number,
  done: (one: Done) => void,
): Promise<void> {
  const until = performance.now() + forMs;
  const waiting = [...jobs];
  const children: ChildProcess[] = [];
  const serve = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = fork(WORKER, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      children.push(child);
      let current: Job | undefined;
      const next = (): void => {
        current = performance.now() < until ? waiting.shift() : undefined;
        if (current === undefined) child.disconnect();
        else child.send(current);
      };
      child.on('message', (one: Done) => {
        done(one);
        next();
      });
      child.on('error', reject);
      child.on('exit', (code, signal) => {
        if (current === undefined) resolve();
        else reject(new Error(`${keyOf(current)}: its process ended with ${signal ?? code}`));
      });
      next();
    });
  try {
    await Promise.all(Array.from({ length: Math.min(count, jobs.length) }, serve));
  } finally {
    for (const child of children) child.kill();
  }
}
