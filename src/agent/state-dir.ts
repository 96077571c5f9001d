import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../base/errors.ts';
import { makeDirectories } from '../base/make-directories.ts';
import { codeOf } from '../runtime/net-errors.ts';
import { fileErrorText } from './config/file.ts';
import { commandOf, isAlive, startTimeOf } from './processes.ts';

const LOCK_NAME = 'agent.lock';

/** Only the agent's user enters its state directory. */
const DIRECTORY_MODE = 0o700;

/** A lock can be lost and won this often while a dead agent's one is taken over. */
const ATTEMPTS = 5;

/** The state directory, held by this process until released. */
export interface StateDirectory {
  readonly path: string;
  release(): void;
}

/** Who holds a lock: the id alone is not enough, for ids come round again after a restart. */
interface Holder {
  readonly pid: number;
  /** When the process started, in the kernel's own count; empty where that is unknown. */
  readonly started: string;
}

/**
 * Makes the directory if it is missing and locks it for this process. The lock of a process that is gone is taken over.
 *
 * @throws CodedError `ERR_STATE_DIR_IN_USE` naming the process that has it, `ERR_STATE_DIR`
 */
export function lockStateDirectory(path: string): StateDirectory {
  const lock = join(path, LOCK_NAME);
  try {
    makeDirectories(path, (each) => mkdirSync(each, { mode: DIRECTORY_MODE }));
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if (create(lock)) return { path, release: () => release(lock) };
      const holder = readHolder(lock);
      if (holder !== undefined && isHeld(holder)) throw inUse(path, holder);
      discardStale(path, lock);
    }
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw new CodedError('ERR_STATE_DIR', `State directory '${path}': ${fileErrorText(lock, error)}`, {
      cause: error,
    });
  }
  throw new CodedError('ERR_STATE_DIR', `State directory '${path}': another agent is starting on it`);
}

/** The lock appears whole or not at all: a reader never sees one without its content. */
function create(lock: string): boolean {
  const draft = `${lock}.${process.pid}`;
  const file = openSync(draft, 'w', 0o600);
  try {
    writeSync(file, `${process.pid} ${startTimeOf(process.pid)}\n`);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(draft, lock);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    unlinkSync(draft);
  }
}

function readHolder(lock: string): Holder | undefined {
  let text: string;
  try {
    text = readFileSync(lock, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const [pid = '', started = ''] = text.trim().split(' ');
  return /^\d+$/.test(pid) ? { pid: Number(pid), started } : undefined;
}

function isHeld(holder: Holder): boolean {
  if (holder.pid === process.pid || !isAlive(holder.pid)) return false;
  const started = startTimeOf(holder.pid);
  return holder.started === '' || started === '' || holder.started === started;
}

/**
 * Moves the lock away before removing it, so that of two agents only one removes what both found stale. When the other
 * was faster, what was moved is its fresh lock, and goes back.
 */
function discardStale(path: string, lock: string): void {
  const grave = `${lock}.${process.pid}.stale`;
  try {
    renameSync(lock, grave);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  const moved = readHolder(grave);
  const fresh = moved !== undefined && isHeld(moved);
  if (fresh) linkSync(grave, lock);
  unlinkSync(grave);
  if (fresh) throw inUse(path, moved);
}

function release(lock: string): void {
  try {
    if (readHolder(lock)?.pid === process.pid) unlinkSync(lock);
  } catch {
    // The lock names a process that is about to be gone: the next agent takes it over.
  }
}

function inUse(path: string, holder: Holder): CodedError {
  const command = commandOf(holder.pid);
  const name = command === undefined ? '' : ` (${command})`;
  return new CodedError(
    'ERR_STATE_DIR_IN_USE',
    `State directory '${path}' is in use by process ${holder.pid}${name}; stop it or choose another -state-dir`,
  );
}
