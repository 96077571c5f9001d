import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { CodedError } from '../base/errors.ts';
import { codeOf, systemText } from './net-errors.ts';

/** Not secret: names and addresses of members. An existing file keeps its mode. */
const NEW_FILE_MODE = 0o644;

/** A snapshot of a full table is a few megabytes; of a larger file only the end is read. */
const READ_LIMIT_BYTES = 64 * 1024 * 1024;
const READ_CHUNK_BYTES = 64 * 1024;

/** No file can be put beside this one, or moved over it: a mounted file, a directory of others. */
const NO_NEIGHBOUR = new Set(['EBUSY', 'EXDEV', 'EACCES', 'EPERM', 'EROFS']);

/** A file of lines as the snapshot needs it. Every method rejects with a sentence that names the file. */
export interface LineStore {
  /** Bytes in the file now. */
  readonly size: number;
  append(bytes: Uint8Array): Promise<void>;
  /** Puts `bytes` in place of everything, so that a crash leaves the old or the new content where that is possible. */
  replace(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The snapshot file itself. Its calls must not overlap. */
export class SnapshotDisk implements LineStore {
  readonly #path: string;
  readonly #mode: number;
  #handle: FileHandle;
  #size: number;

  /** Opens or creates the file. Rejects with ERR_SNAPSHOT in Serf's words. */
  static async open(path: string): Promise<SnapshotDisk> {
    let handle: FileHandle | undefined;
    try {
      await recover(path);
      handle = await open(path, 'a+', NEW_FILE_MODE);
      const { size, mode } = await checked(handle);
      return new SnapshotDisk(await realpath(path), mode & 0o777, handle, size);
    } catch (error) {
      await handle?.close();
      throw new CodedError(
        'ERR_SNAPSHOT',
        `Failed to setup snapshot: failed to open snapshot: ${text('open', path, error)}`,
        { cause: error },
      );
    }
  }

  private constructor(path: string, mode: number, handle: FileHandle, size: number) {
    this.#path = path;
    this.#mode = mode;
    this.#handle = handle;
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  /** Gives every byte of the file to `take`, or those at its end when it is too large; returns how many were skipped. */
  async read(take: (chunk: Uint8Array) => void): Promise<number> {
    const start = Math.max(0, this.#size - READ_LIMIT_BYTES);
    const buffer = Buffer.allocUnsafe(READ_CHUNK_BYTES);
    let at = start;
    while (at < this.#size) {
      const { bytesRead } = await this.#doing('read', () => this.#handle.read(buffer, 0, buffer.length, at));
      if (bytesRead === 0) break;
      take(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    return start;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.#doing('write', () => this.#handle.appendFile(bytes));
    this.#size += bytes.length;
  }

  /** Cuts off everything after the first `size` bytes. */
  async truncate(size: number): Promise<void> {
    await this.#doing('truncate', () => this.#handle.truncate(size));
    this.#size = size;
  }

  async sync(): Promise<void> {
    await this.#doing('sync', () => this.#handle.sync());
  }

  async replace(bytes: Uint8Array): Promise<void> {
    const beside = compactPath(this.#path);
    if (await isDirectory(beside)) return await this.#overwrite(bytes);
    try {
      await this.#replaceBeside(beside, bytes);
    } catch (error) {
      if (!NO_NEIGHBOUR.has(codeOf(error)))
        throw new Error(text('write', this.#path, error), { cause: error });
      await this.#overwrite(bytes);
    }
  }

  async close(): Promise<void> {
    await this.#doing('close', () => this.#handle.close());
  }

  async #overwrite(bytes: Uint8Array): Promise<void> {
    await this.truncate(0);
    await this.append(bytes);
    await this.sync();
  }

  /** As Serf does, in PATH.compact; the file is never missing in between. */
  async #replaceBeside(beside: string, bytes: Uint8Array): Promise<void> {
    await rm(beside, { force: true });
    const fresh = await open(beside, 'ax+', this.#mode);
    try {
      await fresh.appendFile(bytes);
      await fresh.sync();
      await rename(beside, this.#path);
    } catch (error) {
      await fresh.close();
      await rm(beside, { force: true });
      throw error;
    }
    const old = this.#handle;
    this.#handle = fresh;
    this.#size = bytes.length;
    await old.close();
  }

  async #doing<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new Error(text(what, this.#path, error), { cause: error });
    }
  }
}

function compactPath(path: string): string {
  return `${path}.compact`;
}

/** A Serf that died between removing the old file and renaming the new one left the whole snapshot under the new name. */
async function recover(path: string): Promise<void> {
  const isThere = (name: string): Promise<boolean> =>
    stat(name).then(
      () => true,
      () => false,
    );
  if (!(await isThere(path)) && (await isThere(compactPath(path)))) await rename(compactPath(path), path);
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function checked(handle: FileHandle): Promise<{ size: number; mode: number }> {
  const found = await handle.stat();
  if (!found.isFile()) throw new Error('not a regular file');
  return found;
}

/** A file error as Go prints it. */
function text(what: string, path: string, error: unknown): string {
  return `${what} ${path}: ${systemText(error)}`;
}
