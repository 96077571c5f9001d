import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Why private mounts cannot be made here, or undefined when they can. */
export const NO_MOUNTS: string | undefined = (() => {
  const tried = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], {
    encoding: 'utf8',
  });
  if (tried.status === 0) return undefined;
  return `no private mounts: ${tried.error?.message ?? tried.stderr.trim()}`;
})();

/** More than any small disk of a test holds. */
const DISK_BYTES = 1 << 20;

/** A mount namespace of its own: what is mounted there is seen by the programs started in it and by `seen` paths. */
export class MountSpace {
  readonly #holder: ChildProcess;
  readonly #pid: number;

  /** Runs `script` (shell) in a fresh namespace, which lives until `close`. Rejects with what the script said. */
  static async open(script: string): Promise<MountSpace> {
    const holder = spawn('unshare', ['--mount', 'sh', '-ec', `${script}\necho ready\nexec sleep 600`], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [said] = (await Promise.race([once(holder.stdout, 'data'), once(holder.stderr, 'data')])) as [
      Buffer,
    ];
    if (said.toString() === 'ready\n') return new MountSpace(holder, holder.pid ?? -1);
    holder.kill('SIGKILL');
    throw new Error(`no mount namespace: ${said.toString()}`);
  }

  private constructor(holder: ChildProcess, pid: number) {
    this.#holder = holder;
    this.#pid = pid;
  }

  /** The words that start a program in here, before its own. */
  get entering(): readonly string[] {
    return ['nsenter', `--mount=/proc/${this.#pid}/ns/mnt`, '--'];
  }

  /** Where a path of the namespace is found from outside. */
  seen(path: string): string {
    return join(`/proc/${this.#pid}/root`, path);
  }

  /** Fills what is left of the small disk that `folder` is with a file in it; resolves to a function that frees it. */
  async fill(folder: string): Promise<() => Promise<void>> {
    const filler = join(this.seen(folder), 'filler');
    await writeFile(filler, Buffer.alloc(DISK_BYTES)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOSPC') throw error;
    });
    return () => rm(filler);
  }

  close(): void {
    this.#holder.kill('SIGKILL');
  }
}
